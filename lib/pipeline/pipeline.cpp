#include "pipeline/pipeline.hpp"

#include <algorithm>

#include "base/invariant.hpp"

namespace triggerd::pipeline {
namespace {

// Frames that may queue at one worker: enough to hide the way there and back, few enough to stay fair.
// Measured on the prototype: large batches gain nothing beyond 4, single records gain until 8.
std::uint32_t queue_depth(const config::BatchPolicy& batch) { return batch.max_batch_size >= 64 ? 4 : 8; }

// A worker that runs into its attempt timeout gets so much longer to say so itself.
constexpr Duration kTimeoutGrace = std::chrono::seconds(1);

// What account() adds up over partitions.
constexpr std::uint64_t Stats::* kSharesOfRecords[] = {
    &Stats::in_flight,    &Stats::undelivered, &Stats::undelivered_standing, &Stats::standing_bytes,
    &Stats::held_records, &Stats::held_bytes,  &Stats::dead_letters};
constexpr std::uint32_t Stats::* kSharesOfLanes[] = {&Stats::lanes_parked, &Stats::lanes_blocked,
                                                     &Stats::lanes_alarmed, &Stats::lanes_troubled,
                                                     &Stats::partitions_paused};

}  // namespace

Pipeline::Pipeline(Policy policy, std::uint64_t seed)
    : policy_(std::move(policy)),
      depth_(queue_depth(policy_.batch)),
      rng_(static_cast<std::minstd_rand::result_type>(seed ^ (seed >> 32))),
      workers_(depth_, policy_.work_ahead, many()),
      rate_(policy_.limits.max_records_per_second),
      commit_schedule_(policy_.commit) {}

void Pipeline::on(const Event& event, TimePoint now, Actions& actions) {
  now_ = now;
  actions_ = &actions;
  deliver_at_.reset();
  std::visit([this](const auto& e) { handle(e); }, event);
  deliver();
  progress_revokes();
  commit();
  progress_drain();
  update_reading();
  update_wake();
  actions_ = nullptr;
}

PartitionState* Pipeline::find(const TopicPartition& source) {
  const auto found = partitions_.find(source);
  return found == partitions_.end() ? nullptr : &found->second;
}

PartitionState* Pipeline::find(const TopicPartition& source, Epoch epoch) {
  PartitionState* partition = find(source);
  return partition != nullptr && partition->epoch == epoch ? partition : nullptr;
}

void Pipeline::handle(const Assigned& event) {
  const dispatch::LaneQueue::Caps caps{policy_.batch.max_batch_size, policy_.batch.max_batch_bytes};
  for (const PartitionStart& start : event.partitions) {
    remove(start.source);
    checkpoint::Progress progress{start.position};
    Result<checkpoint::Progress> kept = checkpoint::decode(start.metadata, start.position);
    const auto born = kept ? kept->born : std::nullopt;
    if (start.journaled) kept = *start.journaled;
    if (kept) progress = *kept;
    PartitionState& partition = partitions_
                                    .try_emplace(start.source, start, Epoch{next_epoch_++},
                                                 checkpoint::OffsetTracker(start.position, progress.settled),
                                                 dispatch::LaneQueue(policy_.ordering, caps))
                                    .first->second;
    partition.born = start.born ? start.born : born;
    for (const checkpoint::Attempts& a : progress.attempts) partition.earlier_failures[a.offset] = a.failed;
    if (!kept) {
      notice(Notice::Kind::progress_ignored, partition, start.position, kept.error().message);
    }
    // Else whoever owns it next would begin where startFrom says then, not where we began.
    partition.none_yet = !start.committed;
    if (partition.none_yet) commit_schedule_.dirty(now_);
  }
}

void Pipeline::handle(const Revoked& event) {
  Revoke revoke{event.partitions, now_ + policy_.limits.revoke_timeout};
  for (const TopicPartition& source : event.partitions) {
    PartitionState* partition = find(source);
    if (partition == nullptr) continue;
    partition->revoking = true;
    stop_running(*partition);
    if (event.lost) remove(source);  // what still runs is stale; nothing can be committed
  }
  revokes_.push_back(std::move(revoke));
}

void Pipeline::handle(const Records& event) {
  PartitionState* partition = find(event.source);
  if (partition == nullptr || partition->revoking || drain_) {
    stats_.records_unassigned += event.records.size();
    return;
  }
  Offset first, last{-1};  // of records without a hole between; none where last < first
  std::uint64_t done_before = 0;
  for (const wire::RecordView& record : event.records) {
    if (record.offset < partition->tracker.position() || record.offset <= last) {
      ++stats_.records_read_again;
      continue;
    }
    if (partition->tracker.done_before(record.offset)) {
      ++done_before;
    } else {
      take_in(*partition, record);
    }
    partition->written.read(record.offset, record.timestamp);
    if (record.offset.value != last.value + 1 || last.value < 0) {
      if (last.value >= 0) partition->tracker.received(first, last);
      first = record.offset;
    }
    last = record.offset;
    ++stats_.records_read;
  }
  if (last.value >= 0) partition->tracker.received(first, last);
  partition->written.forget_below(partition->tracker.committable());
  if (done_before > 0) {  // the commit that said so covers them; the next one steps over them
    stats_.records_done_before += done_before;
    partition->tracker.count_done(done_before);
    partition->queue.count_done(done_before);
    partition->last.covered += done_before;
    commit_schedule_.dirty(now_);
  }
  touch(*partition);
}

// Or a transaction's end would be lag for ever, and be read again by the next owner.
void Pipeline::handle(const CaughtUp& event) {
  PartitionState* partition = find(event.source);
  if (partition == nullptr || partition->revoking || drain_) return;
  if (event.position <= partition->tracker.position()) return;
  partition->tracker.passed(event.position);
  partition->passed = true;
  commit_schedule_.dirty(now_);
}

void Pipeline::take_in(PartitionState& partition, const wire::RecordView& record) {
  std::uint32_t failures = 0;
  if (!partition.earlier_failures.empty()) {
    const auto found = partition.earlier_failures.find(record.offset);
    if (found != partition.earlier_failures.end()) failures = found->second;
    partition.earlier_failures.erase(partition.earlier_failures.begin(),
                                     partition.earlier_failures.upper_bound(record.offset));
  }
  if (partition.queue.append(record, failures, now_)) return;
  const std::string text = "a record of " + std::to_string(record.bytes()) + " bytes fits no frame";
  partition.verdicts[record.offset] = {Verdict::Cause::refused, text};
  notice(Notice::Kind::record_refused, partition, record.offset, text);
}

void Pipeline::handle(const WorkerReady& event) {
  workers_.add(event.worker, event.concurrency, event.window);
}

void Pipeline::handle(const WorkerCredit& event) { workers_.set_window(event.worker, event.window); }

void Pipeline::handle(const WorkerDraining& event) {
  if (!workers_.contains(event.worker)) return;
  workers_.drain(event.worker);
  if (cell_ == event.worker) cell_.reset();
}

void Pipeline::handle(const Tick&) {
  wake_.reset();
  for (auto& [source, partition] : partitions_) {
    const auto next = partition.queue.next_unpark();
    if (!next || *next > now_) continue;
    partition.queue.unpark(now_);
    touch(partition);
  }
  end_silent_workers();
  raise_alarms();
}

void Pipeline::end_silent_workers() {
  for (const WorkerId worker : workers_.silent(now_, policy_.attempt_timeout + kTimeoutGrace)) {
    ++stats_.attempts_timed_out;
    timed_out_.insert(worker);
    kill(worker, "no answer within worker.timeout", true);
    Notice said;  // GCC 12 takes a temporary here for uninitialised
    said.kind = Notice::Kind::attempt_timed_out;
    said.text = "worker " + std::to_string(worker.value) + " gave no answer within worker.timeout";
    actions_->push_back(std::move(said));
  }
}

void Pipeline::raise_alarms() {
  for (auto& [source, partition] : partitions_) {
    const auto since = partition.queue.next_trouble();
    if (!since || *since > now_ - policy_.failure.alarm_after) continue;
    for (const dispatch::Lane* lane : partition.queue.alarms(now_ - policy_.failure.alarm_after)) {
      const dispatch::Trouble& trouble = *lane->trouble;
      actions_->push_back(Notice{.kind = Notice::Kind::lane_stuck,
                                 .source = source,
                                 .offset = trouble.offset,
                                 .attempt = trouble.attempts,
                                 .delay = now_ - trouble.since,
                                 .text = trouble.reason});
    }
    account(partition);
  }
}

void Pipeline::handle(const DrainRequested& event) {
  if (drain_) {
    drain_->deadline = std::min(drain_->deadline, event.deadline);
    return;
  }
  drain_ = Drain{event.deadline};
  for (auto& [source, partition] : partitions_) stop_running(partition);
}

void Pipeline::touch(PartitionState& partition) {
  attend_standing(partition);
  account(partition);
  update_pause(partition);
  make_ready(partition);
}

void Pipeline::make_ready(PartitionState& partition) {
  if (partition.revoking || drain_) return;
  suspects_ = suspects_ || partition.queue.has_suspect();
  if (partition.ready || !deliverable(partition)) return;
  partition.ready = true;
  ready_.push_back(&partition);
}

void Pipeline::remove(const TopicPartition& source) {
  PartitionState* partition = find(source);
  if (partition == nullptr) return;
  std::erase(ready_, partition);
  if (partition->paused) actions_->push_back(Resume{source});
  count(partition->counted, {});
  partitions_.erase(source);
}

void Pipeline::account(PartitionState& partition) {
  Stats now;
  now.in_flight = partition.in_flight();
  now.undelivered = partition.queue.undelivered();
  now.undelivered_standing = partition.queue.standing_records();
  now.standing_bytes = partition.queue.standing_bytes();
  now.held_records = partition.queue.held_records();
  now.held_bytes = partition.queue.held_bytes();
  now.dead_letters = partition.dead_letters;
  now.lanes_parked = partition.queue.lanes_parked();
  now.lanes_blocked = partition.queue.lanes_standing();
  now.lanes_alarmed = partition.queue.lanes_told();
  now.lanes_troubled = partition.queue.lanes_troubled();
  now.partitions_paused = partition.paused ? 1 : 0;
  count(partition.counted, now);
}

void Pipeline::count(Stats& counted, const Stats& now) {
  for (const auto field : kSharesOfRecords) stats_.*field += now.*field - counted.*field;
  for (const auto field : kSharesOfLanes) stats_.*field += now.*field - counted.*field;
  counted = now;
}

void Pipeline::notice(Notice::Kind kind, const PartitionState& partition, Offset offset, std::string text) {
  actions_->push_back(
      Notice{.kind = kind, .source = partition.source, .offset = offset, .text = std::move(text)});
}

void Pipeline::update_wake() {
  std::optional<TimePoint> next = commit_schedule_.when();
  const auto earlier = [&next](std::optional<TimePoint> time) {
    if (time && (!next || *time < *next)) next = time;
  };
  earlier(deliver_at_);
  earlier(workers_.next_silence(policy_.attempt_timeout + kTimeoutGrace));
  for (const Revoke& revoke : revokes_)
    earlier(revoke.timed_out ? revoke.deadline + kHandoverGrace : revoke.deadline);
  if (drain_ && !drain_->done)
    earlier(drain_->timed_out ? drain_->deadline + kHandoverGrace : drain_->deadline);
  if (!drain_ && stats_.lanes_parked + stats_.lanes_troubled > 0) {
    for (const auto& [source, partition] : partitions_) {
      if (partition.revoking) continue;
      earlier(partition.queue.next_unpark());
      const auto trouble = partition.queue.next_trouble();
      if (trouble) earlier(*trouble + policy_.failure.alarm_after);
    }
  }
  if (!next || (wake_ && *wake_ <= *next)) return;
  wake_ = next;
  actions_->push_back(WakeAt{*next});
}

std::vector<PartitionStatus> Pipeline::partitions() const {
  std::vector<PartitionStatus> result;
  result.reserve(partitions_.size());
  for (const auto& [source, p] : partitions_) {
    PartitionStatus status{source,
                           p.epoch,
                           p.begun,
                           p.committed,
                           p.tracker.committable(),
                           p.tracker.position(),
                           p.tracker.all_settled() ? std::nullopt : p.written.at(p.tracker.committable()),
                           p.queue.undelivered(),
                           p.paused,
                           {}};
    for (const dispatch::Lane* lane : p.queue.troubled(kStuckLanesTold)) {
      const dispatch::Trouble& t = *lane->trouble;
      status.stuck.push_back({t.offset, t.since, t.attempts, lane->standing, t.told, t.reason});
    }
    result.push_back(std::move(status));
  }
  return result;
}

}  // namespace triggerd::pipeline
