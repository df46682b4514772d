#include "sim/fake_broker.hpp"

#include <algorithm>

namespace triggerd::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = pipeline::CommitResult::Outcome;

FakeBroker::FakeBroker(World& world) : world_(world), holds_(world.scenario.logs.size()) {}

void FakeBroker::begin() {
  for (Log& log : world_.scenario.logs)
    log.produced =
        world_.random.chance(400) ? log.records.size() : world_.random.next() % (log.records.size() + 1);
  const std::uint32_t bursts = world_.random.between(0, 12);
  for (std::uint32_t i = 0; i < bursts; ++i)
    world_.schedule.after(world_.upto(world_.scenario.trouble), [this] { produce(); });
  world_.schedule.after(world_.scenario.trouble, [this] {
    for (Log& log : world_.scenario.logs) log.produced = log.records.size();
    turn_soon();
  });
  for (std::uint32_t i = 0; i < world_.scenario.rebalances; ++i)
    world_.schedule.after(world_.upto(world_.scenario.trouble), [this] { rebalance(); });
  member_joins();
}

void FakeBroker::produce() {
  for (Log& log : world_.scenario.logs)
    log.produced = std::min(log.records.size(), log.produced + world_.random.between(0, 20));
  turn_soon();
}

void FakeBroker::member_gone() {
  ++life_;
  reading_ = standing_still_ = turn_scheduled_ = false;
  for (Hold& hold : holds_) hold.owned = hold.revoking = hold.coming = false;
}

void FakeBroker::member_joins() {
  if (world_.random.chance(500)) {
    for (std::size_t p = 0; p < holds_.size(); ++p) assign_later(p);
    return;
  }
  std::vector<std::size_t> all;
  for (std::size_t p = 0; p < holds_.size(); ++p) {
    holds_[p].coming = true;
    all.push_back(p);
  }
  world_.schedule.after(world_.upto(milliseconds(50)), [this, all, life = life_] {
    if (life == life_) assign(all);
  });
}

void FakeBroker::assign_later(std::size_t p) {
  if (std::exchange(holds_[p].coming, true)) return;
  world_.schedule.after(world_.upto(milliseconds(300)), [this, p, life = life_] {
    if (life == life_) assign({p});
  });
}

void FakeBroker::assign(const std::vector<std::size_t>& partitions) {
  pipeline::Assigned assigned;
  for (const std::size_t p : partitions) {
    Hold& hold = holds_[p];
    const Log& log = world_.scenario.logs[p];
    hold = {true, false, false, false, hold.generation + 1, 0};
    const Offset earliest{log.records.empty() ? 0 : log.records.front().offset};
    const Offset begin = log.committed.value_or(world_.random.chance(500) ? earliest : Offset{0});
    hold.position = log.index_of(begin);
    pipeline::PartitionStart start{log.source, begin, log.committed, log.metadata};
    if (!log.committed && p % 2 == 0) start.born = 1'800'000'000;
    const auto said = checkpoint::decode(log.metadata, begin);
    if (log.committed && said && said->journal) {
      const auto found = journal_.find(log.source);
      if (found != journal_.end() && found->second.first == said->journal->sequence)
        start.journaled = found->second.second;
    }
    assigned.partitions.push_back(std::move(start));
  }
  world_.feed(assigned);
  if (world_.random.chance(100)) world_.feed(pipeline::Assigned{});
  turn_soon();
}

void FakeBroker::set_reading(bool reading) {
  reading_ = reading;
  turn_soon();
}

void FakeBroker::turn_soon() {
  if (!reading_ || turn_scheduled_ || standing_still_) return;
  const bool some = std::any_of(holds_.begin(), holds_.end(), [&](const Hold& hold) {
    return hold.owned && !hold.paused &&
           hold.position < world_.scenario.logs[static_cast<std::size_t>(&hold - holds_.data())].produced;
  });
  if (!some) return;
  turn_scheduled_ = true;
  world_.schedule.after(world_.upto(milliseconds(3)), [this, life = life_] {
    if (life == life_) turn();
  });
}

void FakeBroker::turn() {
  turn_scheduled_ = false;
  if (!reading_ || standing_still_) return;
  const std::size_t first = world_.random.next() % holds_.size();
  for (std::size_t i = 0; i < holds_.size(); ++i) {
    const std::size_t p = (first + i) % holds_.size();
    Hold& hold = holds_[p];
    const std::size_t produced = world_.scenario.logs[p].produced;
    if (!hold.owned || hold.paused || hold.position >= produced) continue;
    const std::size_t end = std::min<std::size_t>(produced, hold.position + world_.random.between(1, 40));
    // Records read already come again.
    const std::size_t from = world_.fault(30) ? hold.position - hold.position / 3 : hold.position;
    hold.position = end;
    feed_records(p, from, end);
    if (end == produced) feed_end(p);
    break;
  }
  turn_soon();
}

void FakeBroker::feed_records(std::size_t p, std::size_t first, std::size_t end) {
  const Log& log = world_.scenario.logs[p];
  std::vector<wire::RecordView> views;
  for (std::size_t i = first; i < end; ++i) {
    const LogRecord& record = log.records[i];
    wire::RecordView view;
    view.offset = Offset{record.offset};
    if (record.key != 0) view.key = record.key_text;
    view.value = record.value;
    views.push_back(view);
  }
  world_.oracle.fed(log.source, end);
  world_.feed(pipeline::Records{log.source, views});
}

// The log ends here for now; what is behind the last record, control records have taken.
void FakeBroker::feed_end(std::size_t p) {
  const Log& log = world_.scenario.logs[p];
  const std::int64_t last = log.produced == 0 ? 0 : log.records[log.produced - 1].offset + 1;
  const bool more = log.produced < log.records.size();
  const std::int64_t most = more ? log.records[log.produced].offset : last + log.tail;
  const Offset end{last + world_.random.between(0, static_cast<std::uint32_t>(most - last))};
  const pipeline::CaughtUp event{log.source, more ? end : Offset{most}};
  world_.oracle.caught_up(event);
  world_.feed(event);
}

void FakeBroker::rebalance() {
  std::vector<std::size_t> owned;
  for (std::size_t p = 0; p < holds_.size(); ++p) {
    if (holds_[p].owned) owned.push_back(p);
  }
  const bool held =
      std::any_of(holds_.begin(), holds_.end(), [](const Hold& h) { return h.owned && h.revoking; });
  if (owned.empty() || (held && !world_.scenario.stormy())) return;
  // While one revoke is held only losing everything can come.
  const bool lost = held || world_.fault(300);
  if (!held && world_.random.chance(600)) {
    std::erase_if(owned, [this](std::size_t) { return world_.random.chance(500); });
    if (owned.empty()) return;
  }
  take_away(owned, lost);
}

void FakeBroker::take_away(std::vector<std::size_t> partitions, bool lost) {
  pipeline::Revoked revoked{{}, lost};
  for (const std::size_t p : partitions) {
    revoked.partitions.push_back(world_.scenario.logs[p].source);
    holds_[p].revoking = true;
    if (lost) holds_[p].owned = false;
  }
  if (!lost) standing_still_ = world_.random.chance(500);
  world_.feed(revoked);
  // Records that were on their way already.
  if (world_.fault(200)) {
    const std::size_t p = partitions.front();
    if (holds_[p].position > 0) feed_records(p, holds_[p].position - 1, holds_[p].position);
  }
}

void FakeBroker::finish_revoke(const pipeline::FinishRevoke& finish) {
  standing_still_ = false;
  for (const TopicPartition& source : finish.partitions) {
    const std::size_t p = world_.oracle.partition_of(source);
    holds_[p].owned = holds_[p].revoking = false;
    if (world_.fault(300)) others_work(p);
    assign_later(p);
  }
  turn_soon();
}

// Another member had the partition meanwhile, and got on with it.
void FakeBroker::others_work(std::size_t p) {
  Log& log = world_.scenario.logs[p];
  std::size_t index = log.committed ? log.index_of(*log.committed) : 0;
  for (std::uint32_t n = world_.random.between(0, 5); n > 0 && index < log.produced; --n, ++index) {
    ++log.records[index].handled;
    log.committed = Offset{log.records[index].offset + 1};
    log.metadata.clear();
    log.progress = {};
  }
}

pipeline::CommitResult FakeBroker::apply(const pipeline::OffsetCommit& commit, std::uint64_t generation) {
  const std::size_t p = world_.oracle.partition_of(commit.source);
  Hold& hold = holds_[p];
  if (!hold.owned || hold.generation != generation)
    return {commit.source, commit.offset, Outcome::rejected, "ILLEGAL_GENERATION"};
  if (world_.fault(150)) {
    if (world_.random.chance(300)) store(commit);  // done, and the answer got lost
    return {commit.source, commit.offset, Outcome::retriable, "REQUEST_TIMED_OUT"};
  }
  if (world_.fault(20)) {
    world_.schedule.after(world_.upto(milliseconds(20)), [this, p, generation] {
      if (holds_[p].owned && !holds_[p].revoking && holds_[p].generation == generation) take_away({p}, true);
    });
    return {commit.source, commit.offset, Outcome::rejected, "UNKNOWN_MEMBER_ID"};
  }
  store(commit);
  return {commit.source, commit.offset, Outcome::ok, "", commit.journal.has_value()};
}

void FakeBroker::store(const pipeline::OffsetCommit& commit) {
  Log& log = world_.scenario.logs[world_.oracle.partition_of(commit.source)];
  log.committed = commit.offset;
  log.metadata = commit.metadata;
  const auto progress = checkpoint::decode(commit.metadata, commit.offset);
  if (!progress) throw Violation("a commit's metadata cannot be read: " + progress.error().message);
  log.progress = commit.journal ? *commit.journal : *progress;
}

// As the shell does it: written first, then named in the metadata; where it cannot be written, left out.
pipeline::OffsetCommit FakeBroker::journal(pipeline::OffsetCommit commit) {
  if (!commit.journal) return commit;
  if (world_.fault(100)) {
    commit.journal.reset();
    return commit;
  }
  checkpoint::Progress named = *commit.journal;
  named.journal = checkpoint::JournalRef{7, ++journaled_};
  commit.metadata = checkpoint::encode(named, world_.scenario.policy.max_metadata_bytes).text;
  journal_[commit.source] = {journaled_, *commit.journal};
  return commit;
}

void FakeBroker::pause(const TopicPartition& source, bool paused) {
  holds_[world_.oracle.partition_of(source)].paused = paused;
  turn_soon();
}

void FakeBroker::dead_letter(const pipeline::DeadLetter& letter) {
  const bool fails = world_.fault(200);
  const std::uint64_t id = letter.id;
  world_.schedule.after(world_.upto(milliseconds(fails ? 3000 : 20)), [this, id, fails, life = life_] {
    if (life == life_) world_.feed(pipeline::DeadLettered{id, !fails, fails ? "no leader" : ""});
  });
}

void FakeBroker::commit(const pipeline::Commit& asked) {
  pipeline::Commit commit;
  for (const pipeline::OffsetCommit& c : asked.offsets) commit.offsets.push_back(journal(c));
  std::vector<std::uint64_t> generations;
  for (const pipeline::OffsetCommit& c : commit.offsets)
    generations.push_back(holds_[world_.oracle.partition_of(c.source)].generation);
  const Duration there = world_.fault(20) ? Duration(seconds(2)) : world_.upto(milliseconds(20));
  world_.schedule.after(there, [this, commit, generations, life = life_] {
    pipeline::CommitDone done;
    for (std::size_t i = 0; i < commit.offsets.size(); ++i)
      done.results.push_back(apply(commit.offsets[i], generations[i]));
    world_.schedule.after(world_.upto(milliseconds(20)), [this, done, life] {
      if (life == life_) world_.feed(done);
    });
  });
}

}  // namespace triggerd::sim
