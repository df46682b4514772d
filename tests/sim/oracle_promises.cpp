// What handlers see, what is committed, and how partitions are given up.
#include <algorithm>

#include "sim/oracle.hpp"

namespace triggerd::sim {

std::uint64_t Oracle::lane(std::size_t partition, std::size_t index) const {
  return lane_of(scenario_.policy.ordering, logs_[partition].records[index], index);
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
    if (other.failed_waits && !other.settled)
      violated("a handler starts " + name(owner, index) + " past failed " + name(owner, i));
    if (!other.done && !other.settled)
      violated("a handler starts " + name(owner, index) + " before " + name(owner, i));
  }
  record.started = true;
  record.failed_waits = false;
  record.running = invocation;
}

void Oracle::finished(const TopicPartition& source, Epoch epoch, std::size_t index, wire::Answer::Code code) {
  Ownership& owner = owner_of(source, epoch);
  RecordFate& record = owner.records[index];
  record.running = 0;
  (code == Code::retry ? record.failed_waits : record.done) = true;
  if (code == Code::retry || code == Code::dead_letter) return;
  if (++logs_[owner.partition].records[index].handled > 1 && !scenario_.stormy())
    violated(name(owner, index) + " is handled twice though nothing went wrong");
}

void Oracle::handler_died(const TopicPartition& source, Epoch epoch, std::size_t index) {
  owner_of(source, epoch).records[index].running = 0;
}

// What may be committed at most: the first record that was read and is not settled, else one past the last
// settled, or where reading has come to behind that.
Offset Oracle::settled_bound(const Ownership& owner) const {
  const std::vector<LogRecord>& records = logs_[owner.partition].records;
  if (owner.prefix < owner.fed) return Offset{records[owner.prefix].offset};
  // Beyond what was read there may be work of an earlier owner.
  std::size_t next = owner.prefix;
  while (next < records.size() && owner.records[next].settled) ++next;
  return std::max(next > owner.first ? Offset{records[next - 1].offset + 1} : owner.start, owner.passed);
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
    check_progress(*owner, c);
    const checkpoint::Progress said = *checkpoint::decode(c.metadata, c.offset);
    bool cut = false;
    for (std::size_t i = logs_[p].index_of(c.offset); i < owner->fed; ++i)
      cut = cut || (owner->records[i].settled && !says(said, logs_[p].records[i]));
    require(committing_.emplace(p, Committing{owner, c, cut}).second, "a partition twice in one commit");
  }
}

// The metadata names settled records only, and attempts as they were.
void Oracle::check_progress(const Ownership& owner, const pipeline::OffsetCommit& commit) const {
  require(commit.metadata.size() <= scenario_.policy.max_metadata_bytes, "metadata is too long");
  auto progress = checkpoint::decode(commit.metadata, commit.offset);
  require(progress.has_value(), "metadata cannot be read");
  const Log& log = logs_[owner.partition];
  for (const checkpoint::Progress& said : {*progress, commit.journal.value_or(*progress)}) {
    for (const checkpoint::Interval& interval : said.settled) {
      for (std::size_t i = log.index_of(interval.first); i < log.index_of(interval.end); ++i) {
        if (!owner.records[i].settled) violated("metadata says that " + name(owner, i) + " is settled");
      }
    }
    for (const checkpoint::Attempts& attempts : said.attempts) {
      const RecordFate& record = owner.records[log.index_of(attempts.offset)];
      require(!record.settled && record.failures == attempts.failed, "metadata has other attempts");
    }
  }
}

void Oracle::commit_done(const pipeline::CommitDone& event) {
  commit_under_way_ = false;
  for (const pipeline::CommitResult& result : event.results) {
    const auto found = committing_.find(partition_of(result.source));
    if (found == committing_.end()) continue;
    Ownership& owner = *found->second.owner;
    if (result.outcome == pipeline::CommitResult::Outcome::rejected) owner.rejected = true;
    if (result.outcome != pipeline::CommitResult::Outcome::ok) continue;
    const Log& log = logs_[owner.partition];
    owner.covered = std::max(owner.covered, log.index_of(result.offset));
    if (owner.removed) continue;
    for (std::size_t i = owner.first; i < owner.covered; ++i) set_in_flight(owner.records[i], false);
    const pipeline::OffsetCommit& commit = found->second.commit;
    const checkpoint::Progress said = result.journaled && commit.journal
                                          ? *commit.journal
                                          : *checkpoint::decode(commit.metadata, commit.offset);
    for (const checkpoint::Interval& interval : said.settled) {
      for (std::size_t i = log.index_of(interval.first); i < log.index_of(interval.end); ++i)
        set_in_flight(owner.records[i], false);
    }
    // Where there was no room for all of it, what is settled does not count, so that the others go on.
    owner.full = found->second.cut && !result.journaled;
    for (RecordFate& record : owner.records) {
      if (owner.full && record.settled) set_in_flight(record, false);
    }
  }
}

void Oracle::dead_letter(const pipeline::DeadLetter& letter) {
  const std::size_t p = partition_of(letter.source);
  const auto& owner = current_[p];
  require(owner && !owner->revoking && !drain_deadline_,
          "a dead letter of a partition that is not ours, or going");
  const std::size_t index = logs_[p].index_of(letter.batch->offset(letter.index));
  RecordFate& record = owner->records[index];
  require(scenario_.policy.failure.kind == config::FailurePolicy::Kind::dead_letter,
          "a dead letter nobody asked for");
  require(record.exhausted && !record.settled && !record.dead_letter,
          "a dead letter of a record that is not dead");
  require(letter.batch->value(letter.index) == logs_[p].records[index].value,
          "a dead letter with another value");
  require(letter.attempts == record.failures, "a dead letter with other attempts");
  record.dead_letter = true;
  require(dead_letters_.emplace(letter.id, std::pair(owner, index)).second,
          "a dead letter's id is used again");
}

void Oracle::dead_lettered(const pipeline::DeadLettered& event) {
  const auto found = dead_letters_.find(event.id);
  if (found == dead_letters_.end()) return;
  Ownership& owner = *found->second.first;
  const std::size_t index = found->second.second;
  owner.records[index].dead_letter = false;
  if (event.delivered) logs_[owner.partition].records[index].given_up = true;
  if (event.delivered && !owner.removed) settled(owner, index);
  dead_letters_.erase(found);
}

void Oracle::given_up(const pipeline::Notice& notice) {
  const std::size_t p = partition_of(notice.source);
  const auto& owner = current_[p];
  require(owner != nullptr, "a record of a partition that is not ours is given up");
  const std::size_t index = logs_[p].index_of(notice.offset);
  logs_[p].records[index].given_up = true;
  if (owner->records[index].settled) return;
  const bool skipped = notice.kind == pipeline::Notice::Kind::record_skipped;
  require(skipped || owner->records[index].exhausted, "a record is dropped that has attempts left");
  settled(*owner, index);
  if (!skipped) return;
  // Those behind it get another attempt.
  for (std::size_t i = owner->first; i < owner->records.size(); ++i) {
    if (lane(p, i) == lane(p, index)) owner->records[i].exhausted = false;
  }
}

// What a commit does not say goes to the next owner again.
void Oracle::forgive(const Ownership& owner) {
  Log& log = logs_[owner.partition];
  for (std::size_t i = owner.prefix; i < owner.records.size(); ++i) {
    if (owner.records[i].settled && !log.done(log.records[i])) log.records[i].handled = 0;
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
      if (!owner->rejected) check_given_up(*owner);
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
    check_given_up(*owner);
  }
}

// All that was settled is in the commit, as far as there is room in it.
void Oracle::check_given_up(const Ownership& owner) const {
  const Log& log = logs_[owner.partition];
  require(owner.covered >= owner.prefix, "given up with settled records not committed");
  if (scenario_.policy.max_metadata_bytes < checkpoint::kMaxMetadataBytes) return;
  for (std::size_t i = owner.prefix; i < owner.fed; ++i) {
    const RecordFate& record = owner.records[i];
    if (record.settled && !log.done(log.records[i]))
      violated("given up, and the commit does not say that " + name(owner, i) + " is settled");
    if (record.settled || record.failures == 0) continue;
    const auto kept = std::ranges::find_if(log.progress.attempts, [&](const checkpoint::Attempts& a) {
      return a.offset.value == log.records[i].offset;
    });
    if (kept == log.progress.attempts.end() || kept->failed != record.failures)
      violated("given up without the attempts of " + name(owner, i));
  }
}

void Oracle::daemon_ended() {
  std::uint64_t seen = 0;
  for (const auto& owner : current_) {
    if (!owner) continue;
    const Log& log = logs_[owner->partition];
    for (std::size_t i = owner->first; i < owner->records.size(); ++i)
      seen += owner->records[i].in_flight && owner->records[i].started && !log.done(log.records[i]) ? 1 : 0;
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
  dead_letters_.clear();
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

bool Oracle::in_blocked_lane(const Ownership& owner, std::size_t index) const {
  for (std::size_t i = owner.first; i <= index; ++i) {
    const RecordFate& record = owner.records[i];
    if (record.exhausted && !record.settled && lane(owner.partition, i) == lane(owner.partition, index))
      return true;
  }
  return false;
}

void Oracle::check_at_rest(const pipeline::Stats& stats) const {
  require(revokes_.empty(), "a revoke was never finished");
  require(!commit_under_way_, "a commit was never answered");
  require(dead_letters_.empty(), "a dead letter was never answered");
  bool blocked_any = false;
  for (std::size_t p = 0; p < logs_.size(); ++p) {
    const auto& owner = current_[p];
    require(owner != nullptr, "the simulation ends with a partition nobody owns");
    const Log& log = logs_[p];
    bool blocked = false;
    for (std::size_t i = owner->first; i < owner->fed; ++i) {
      const RecordFate& record = owner->records[i];
      const bool stands = !record.settled && in_blocked_lane(*owner, i);
      blocked = blocked || stands;
      // Where gaps do not fit, or the span is used up, a partition with a blocked lane stands as a whole.
      if (!record.settled && !stands && !blocked)
        violated("stuck: " + name(*owner, i) + " was never settled");
      if (!record.settled && !stands && scenario_.policy.max_metadata_bytes == checkpoint::kMaxMetadataBytes)
        violated("stuck: " + name(*owner, i) + " was never settled, though its lane is free");
    }
    blocked_any = blocked_any || blocked;
    if (!blocked && owner->fed < log.records.size())
      violated("stuck: " + name(*owner, owner->fed) + " was never read (held " +
               std::to_string(stats.held_bytes) + " B, standing " + std::to_string(stats.standing_bytes) +
               " B and " + std::to_string(stats.undelivered_standing) + " of " +
               std::to_string(stats.undelivered) + " undelivered)");
    const std::size_t committed = log.committed ? log.index_of(*log.committed) : 0;
    if (committed < owner->prefix) violated("stuck: " + name(*owner, committed) + " was never committed");
    if (owner->prefix == log.records.size() && log.committed.value_or(Offset{0}) < owner->passed)
      violated("stuck: the end of " + to_string(log.source) + " was never committed");
    for (std::size_t i = 0; i < log.records.size(); ++i) {
      if (log.done(log.records[i]) && log.records[i].handled == 0 && !log.records[i].given_up)
        violated("lost: " + name(*owner, i) + " was never handled");
    }
  }
  if (blocked_any) return;
  require(stats.held_records == 0 && stats.held_bytes == 0, "records are held at rest");
  require(stats.undelivered == 0 && stats.lanes_parked == 0 && stats.lanes_blocked == 0,
          "records wait at rest");
  require(stats.in_flight == 0, "records are in flight at rest");
  require(stats.partitions_paused == 0, "a partition is paused at rest");
  require(stats.standing_bytes == 0 && stats.undelivered_standing == 0 && stats.dead_letters == 0,
          "counts are off");
}

}  // namespace triggerd::sim
