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

}  // namespace

Pipeline::Pipeline(Policy policy, std::uint64_t seed)
    : policy_(std::move(policy)),
      depth_(queue_depth(policy_.batch)),
      rng_(static_cast<std::minstd_rand::result_type>(seed ^ (seed >> 32))),
      workers_(depth_, policy_.work_ahead),
      commit_schedule_(policy_.commit) {}

void Pipeline::on(const Event& event, TimePoint now, Actions& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { handle(e); }, event);
  deliver();
  progress_revokes();
  commit();
  progress_drain();
  update_reading();
  update_wake();
  actions_ = nullptr;
}

Pipeline::PartitionState* Pipeline::find(const TopicPartition& source) {
  const auto found = partitions_.find(source);
  return found == partitions_.end() ? nullptr : &found->second;
}

Pipeline::PartitionState* Pipeline::find(const TopicPartition& source, Epoch epoch) {
  PartitionState* partition = find(source);
  return partition != nullptr && partition->epoch == epoch ? partition : nullptr;
}

void Pipeline::handle(const Assigned& event) {
  const dispatch::PartitionQueue::Caps caps{policy_.batch.max_batch_size, policy_.batch.max_batch_bytes};
  for (const PartitionStart& start : event.partitions) {
    remove(start.source);
    partitions_.try_emplace(start.source, start, Epoch{next_epoch_++}, caps);
  }
}

void Pipeline::handle(const Revoked& event) {
  Revoke revoke{event.partitions, now_ + policy_.limits.revoke_timeout};
  for (const TopicPartition& source : event.partitions) {
    PartitionState* partition = find(source);
    if (partition == nullptr) continue;
    if (event.lost) {
      stop_running(*partition);
      remove(source);  // what still runs is stale; nothing can be committed
      continue;
    }
    partition->revoking = true;
    stop_running(*partition);
  }
  revokes_.push_back(std::move(revoke));
}

void Pipeline::handle(const Records& event) {
  PartitionState* partition = find(event.source);
  if (partition == nullptr || partition->revoking || partition->blocked_at || drain_) {
    stats_.records_unassigned += event.records.size();
    return;
  }
  Offset first, last{-1};  // of records without a hole between; none where last < first
  for (const wire::RecordView& record : event.records) {
    if (record.offset < partition->tracker.position() || record.offset <= last) {
      ++stats_.records_read_again;
      continue;
    }
    if (!partition->queue.append(record, now_)) {
      partition->blocked_at = record.offset;
      notice(Notice::Kind::record_refused, *partition, record.offset,
             "a record of " + std::to_string(record.bytes()) + " bytes fits no frame");
      break;
    }
    if (record.offset.value != last.value + 1 || last.value < 0) {
      if (last.value >= 0) partition->tracker.received(first, last);
      first = record.offset;
    }
    last = record.offset;
    ++stats_.records_read;
  }
  if (last.value >= 0) partition->tracker.received(first, last);
  account(*partition);
  make_ready(*partition);
}

void Pipeline::handle(const WorkerReady& event) {
  workers_.add(event.worker, event.concurrency, event.window);
}

void Pipeline::handle(const WorkerCredit& event) { workers_.set_window(event.worker, event.window); }

void Pipeline::handle(const Tick&) {
  wake_.reset();
  linger_until_.reset();
  for (auto& [source, partition] : partitions_) {
    if (partition.parked_until && *partition.parked_until <= now_) {
      partition.parked_until.reset();
      account(partition);
      make_ready(partition);
    }
  }
  for (const WorkerId worker : workers_.silent(now_, policy_.attempt_timeout + kTimeoutGrace)) {
    ++stats_.attempts_timed_out;
    timed_out_.insert(worker);
    kill(worker, "no answer within worker.timeout");
    Notice said;  // GCC 12 takes a temporary here for uninitialised
    said.kind = Notice::Kind::attempt_timed_out;
    said.text = "worker " + std::to_string(worker.value) + " gave no answer within worker.timeout";
    actions_->push_back(std::move(said));
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

void Pipeline::make_ready(PartitionState& partition) {
  if (partition.ready || !deliverable(partition)) return;
  partition.ready = true;
  ready_.push_back(&partition);
}

void Pipeline::remove(const TopicPartition& source) {
  PartitionState* partition = find(source);
  if (partition == nullptr) return;
  std::erase(ready_, partition);
  const Stats& counted = partition->counted;
  stats_.in_flight -= counted.in_flight;
  stats_.undelivered -= counted.undelivered;
  stats_.undelivered_parked -= counted.undelivered_parked;
  stats_.held_records -= counted.held_records;
  stats_.held_bytes -= counted.held_bytes;
  stats_.lanes_parked -= counted.lanes_parked;
  stats_.lanes_blocked -= counted.lanes_blocked;
  partitions_.erase(source);
}

void Pipeline::account(PartitionState& partition) {
  Stats now;
  now.in_flight = partition.queue.delivered_most() -
                  std::min(partition.committed_sequence, partition.queue.delivered_most());
  now.undelivered = partition.queue.undelivered();
  now.undelivered_parked = partition.parked_until ? now.undelivered : 0;
  now.held_records = partition.queue.held_records();
  now.held_bytes = partition.queue.held_bytes();
  now.lanes_parked = partition.parked_until ? 1 : 0;
  now.lanes_blocked = partition.blocked_at ? 1 : 0;
  const Stats& before = partition.counted;
  stats_.in_flight += now.in_flight - before.in_flight;
  stats_.undelivered += now.undelivered - before.undelivered;
  stats_.undelivered_parked += now.undelivered_parked - before.undelivered_parked;
  stats_.held_records += now.held_records - before.held_records;
  stats_.held_bytes += now.held_bytes - before.held_bytes;
  stats_.lanes_parked += now.lanes_parked - before.lanes_parked;
  stats_.lanes_blocked += now.lanes_blocked - before.lanes_blocked;
  partition.counted = now;
}

void Pipeline::notice(Notice::Kind kind, const PartitionState& partition, Offset offset, std::string text) {
  actions_->push_back(
      Notice{.kind = kind, .source = partition.source, .offset = offset, .text = std::move(text)});
}

// Reading stops at a budget and goes on well below it, so that it does not flap record by record. What waits
// behind a failed record counts by its bytes only: it must not starve the other partitions.
void Pipeline::update_reading() {
  const std::uint64_t ahead =
      std::max<std::uint64_t>(2ULL * policy_.batch.max_batch_size, policy_.read_ahead);
  const std::uint64_t bytes = policy_.limits.max_in_flight_bytes;
  const std::uint64_t waiting = stats_.undelivered - stats_.undelivered_parked;
  bool reading = stats_.reading;
  if (drain_ || waiting >= ahead || stats_.held_bytes >= bytes) {
    reading = false;
  } else if (waiting <= ahead / 4 * 3 && stats_.held_bytes <= bytes / 4 * 3) {
    reading = !partitions_.empty();
  }
  if (reading == stats_.reading) return;
  stats_.reading = reading;
  if (reading) {
    actions_->push_back(Read{});
  } else {
    actions_->push_back(StopReading{});
  }
}

void Pipeline::update_wake() {
  std::optional<TimePoint> next = commit_schedule_.when();
  const auto earlier = [&next](std::optional<TimePoint> time) {
    if (time && (!next || *time < *next)) next = time;
  };
  earlier(linger_until_);
  earlier(workers_.next_silence(policy_.attempt_timeout + kTimeoutGrace));
  for (const Revoke& revoke : revokes_)
    earlier(revoke.timed_out ? revoke.deadline + kHandoverGrace : revoke.deadline);
  if (drain_ && !drain_->done)
    earlier(drain_->timed_out ? drain_->deadline + kHandoverGrace : drain_->deadline);
  if (stats_.lanes_parked > 0) {
    for (const auto& [source, partition] : partitions_) earlier(partition.parked_until);
  }
  if (!next || (wake_ && *wake_ <= *next)) return;
  wake_ = next;
  actions_->push_back(WakeAt{*next});
}

std::vector<PartitionStatus> Pipeline::partitions() const {
  std::vector<PartitionStatus> result;
  result.reserve(partitions_.size());
  for (const auto& [source, p] : partitions_) {
    result.push_back({source, p.epoch, p.begun, p.committed, p.tracker.committable(), p.tracker.position(),
                      p.queue.undelivered(), p.parked_until.has_value(), p.blocked_at});
  }
  return result;
}

}  // namespace triggerd::pipeline
