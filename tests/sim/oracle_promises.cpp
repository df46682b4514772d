// What handlers see, what is committed, and how partitions are given up.
#include <algorithm>

#include "sim/oracle.hpp"

namespace triggerd::sim {

std::uint64_t Oracle::lane(std::size_t partition, std::size_t index) const {
  switch (scenario_.ordering) {
    case config::Ordering::partition: return 0;
    case config::Ordering::key: return logs_[partition].records[index].key;
    case config::Ordering::none: break;
  }
  return index;
}

Ownership& Oracle::owner_of(const TopicPartition& source, Epoch epoch) {
  const auto found = by_epoch_.find({partition_of(source), epoch});
  if (found == by_epoch_.end()) violated("a handler runs what was never delivered");
  return *found->second;
}

void Oracle::started(const TopicPartition& source, Epoch epoch, std::size_t index, std::uint64_t invocation) {
  Ownership& owner = owner_of(source, epoch);
  if (owner.removed && !owner.lost && !owner.late)
    violated("a handler starts " + name(owner, index) + " after its partition was given up");
  RecordFate& record = owner.records[index];
  for (std::size_t i = owner.first; i < owner.records.size(); ++i) {
    if (lane(owner.partition, i) != lane(owner.partition, index)) continue;
    const RecordFate& other = owner.records[i];
    if (other.running == invocation) continue;
    if (other.running != 0)
      violated("a handler starts " + name(owner, index) + " while one has " + name(owner, i));
    if (i >= index) continue;
    if (other.failed_waits)
      violated("a handler starts " + name(owner, index) + " past failed " + name(owner, i));
    if (!other.done) violated("a handler starts " + name(owner, index) + " before " + name(owner, i));
  }
  record.started = true;
  record.failed_waits = false;
  record.running = invocation;
}

void Oracle::finished(const TopicPartition& source, Epoch epoch, std::size_t index, bool well) {
  Ownership& owner = owner_of(source, epoch);
  RecordFate& record = owner.records[index];
  record.running = 0;
  (well ? record.done : record.failed_waits) = true;
  if (!well) return;
  if (++logs_[owner.partition].records[index].handled > 1 && !scenario_.stormy())
    violated(name(owner, index) + " is handled twice though nothing went wrong");
}

void Oracle::handler_died(const TopicPartition& source, Epoch epoch, std::size_t index) {
  owner_of(source, epoch).records[index].running = 0;
}

// What may be committed at most: the first record that was read and is not settled, else one past the last
// settled.
Offset Oracle::settled_bound(const Ownership& owner) const {
  const std::vector<LogRecord>& records = logs_[owner.partition].records;
  if (owner.prefix < owner.fed) return Offset{records[owner.prefix].offset};
  return owner.prefix > owner.first ? Offset{records[owner.prefix - 1].offset + 1} : owner.start;
}

void Oracle::commit(const pipeline::Commit& commit) {
  require(!commit_under_way_, "two commits under way");
  require(!commit.offsets.empty(), "an empty commit");
  commit_under_way_ = true;
  committing_.clear();
  for (const pipeline::OffsetCommit& c : commit.offsets) {
    const std::size_t p = partition_of(c.source);
    const auto& owner = current_[p];
    require(owner != nullptr, "a commit for a partition that is not ours");
    if (c.offset > settled_bound(*owner))
      violated("commits " + to_string(c.source) + " at " + std::to_string(c.offset.value) + ", past " +
               std::to_string(settled_bound(*owner).value));
    require(!owner->last_commit || c.offset >= *owner->last_commit, "a commit goes back");
    owner->last_commit = c.offset;
    require(committing_.emplace(p, owner).second, "a partition twice in one commit");
  }
}

void Oracle::commit_done(const pipeline::CommitDone& event) {
  commit_under_way_ = false;
  for (const pipeline::CommitResult& result : event.results) {
    const auto found = committing_.find(partition_of(result.source));
    if (found == committing_.end()) continue;
    Ownership& owner = *found->second;
    if (result.outcome == pipeline::CommitResult::Outcome::rejected) owner.rejected = true;
    if (result.outcome != pipeline::CommitResult::Outcome::ok) continue;
    const std::size_t covered = logs_[owner.partition].index_of(result.offset);
    for (; owner.covered < covered; ++owner.covered) {
      if (!owner.removed) set_in_flight(owner.records[owner.covered], false);
    }
  }
}

// What was settled behind a record that was not goes to the next owner again: a commit cannot say it.
void Oracle::forgive(const Ownership& owner) {
  for (std::size_t i = owner.prefix; i < owner.records.size(); ++i) {
    if (owner.records[i].settled) logs_[owner.partition].records[i].handled = 0;
  }
}

void Oracle::remove(Ownership& owner) {
  owner.removed = true;
  for (RecordFate& record : owner.records) set_in_flight(record, false);
  forgive(owner);
  current_[owner.partition].reset();
}

void Oracle::revoked(const pipeline::Revoked& event, TimePoint now) {
  revokes_.push_back({event, now});
  for (const TopicPartition& source : event.partitions) {
    const auto owner = current_[partition_of(source)];
    if (!owner) continue;
    owner->revoking = true;
    if (!event.lost) continue;
    owner->lost = true;
    remove(*owner);
  }
}

void Oracle::finish_revoke(const pipeline::FinishRevoke& finish, TimePoint now) {
  const auto found = std::find_if(revokes_.begin(), revokes_.end(), [&](const PendingRevoke& pending) {
    return pending.event.partitions == finish.partitions;
  });
  require(found != revokes_.end(), "a FinishRevoke nobody waits for");
  const Duration limit = scenario_.policy.limits.revoke_timeout + pipeline::kHandoverGrace;
  const bool late = now >= found->at + limit;
  require(!found->event.lost || now == found->at, "a lost assignment is not let go at once");
  for (const TopicPartition& source : finish.partitions) {
    const auto owner = current_[partition_of(source)];
    if (!owner) continue;
    owner->late = late;
    if (!late) {
      require(owner->out == 0, "given up with attempts running");
      require(owner->rejected || owner->covered >= owner->prefix,
              "given up with settled records not committed");
    }
    remove(*owner);
  }
  revokes_.erase(found);
}

void Oracle::drained(TimePoint now) {
  require(drain_deadline_ && !drained_, "a Drained nobody waits for");
  drained_ = true;
  if (now >= *drain_deadline_ + pipeline::kHandoverGrace) return;
  require(!commit_under_way_, "drained while a commit is under way");
  for (const auto& owner : current_) {
    if (!owner) continue;
    require(owner->out == 0, "drained with attempts running");
    require(owner->covered >= owner->prefix, "drained with settled records not committed");
  }
}

void Oracle::daemon_ended() {
  std::uint64_t seen = 0;
  for (const auto& owner : current_) {
    if (!owner) continue;
    const Log& log = logs_[owner->partition];
    const std::size_t committed = log.committed ? log.index_of(*log.committed) : 0;
    for (std::size_t i = std::max(committed, owner->first); i < owner->records.size(); ++i)
      seen += owner->records[i].started ? 1 : 0;
  }
  require(seen <= scenario_.policy.limits.max_in_flight, "more duplicates than maxInFlight after the end");
  for (auto& owner : current_) {
    if (owner) forgive(*owner);
    owner.reset();
  }
  by_epoch_.clear();
  sent_.clear();
  workers_.clear();
  revokes_.clear();
  committing_.clear();
  commit_under_way_ = drained_ = false;
  drain_deadline_.reset();
  in_flight_ = 0;
}

void Oracle::check_deadlines(TimePoint now) const {
  const Duration limit = scenario_.policy.limits.revoke_timeout + pipeline::kHandoverGrace;
  for (const PendingRevoke& revoke : revokes_) require(now <= revoke.at + limit, "a revoke is held too long");
  if (drain_deadline_ && !drained_)
    require(now <= *drain_deadline_ + pipeline::kHandoverGrace, "the drain goes on too long");
}

void Oracle::check_at_rest(const pipeline::Stats& stats) const {
  require(revokes_.empty(), "a revoke was never finished");
  require(!commit_under_way_, "a commit was never answered");
  bool blocked_any = false;
  for (std::size_t p = 0; p < logs_.size(); ++p) {
    const auto& owner = current_[p];
    require(owner != nullptr, "the simulation ends with a partition nobody owns");
    const Log& log = logs_[p];
    const auto blocked = std::find_if(owner->records.begin(), owner->records.end(),
                                      [](const RecordFate& record) { return record.exhausted; });
    const auto end = static_cast<std::size_t>(blocked - owner->records.begin());
    blocked_any = blocked_any || blocked != owner->records.end();
    if (owner->prefix < end) violated("stuck: " + name(*owner, owner->prefix) + " was never settled");
    const std::size_t committed = log.committed ? log.index_of(*log.committed) : 0;
    if (committed < end) violated("stuck: " + name(*owner, committed) + " was never committed");
    for (std::size_t i = 0; i < committed; ++i) {
      if (log.records[i].handled == 0) violated("lost: " + name(*owner, i) + " was never handled");
    }
  }
  require(stats.held_records == 0 && stats.held_bytes == 0, "records are held at rest");
  require(stats.undelivered == 0 && stats.lanes_parked == 0, "records wait at rest");
  require(blocked_any || stats.in_flight == 0, "records are in flight at rest");
}

}  // namespace triggerd::sim
