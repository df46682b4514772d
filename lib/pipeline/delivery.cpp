// What goes to which worker: whole batches where there are enough records, what is there where a worker is
// idle.
#include <algorithm>
#include <limits>

#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {

bool Pipeline::deliverable(const PartitionState& partition) const {
  return !drain_ && !partition.revoking && partition.queue.deliverable();
}

// The most records one invocation (or run) may have.
std::uint32_t Pipeline::batch_cap() const {
  return std::min(policy_.batch.max_batch_size, policy_.limits.max_in_flight);
}

void Pipeline::deliver() {
  deliver_suspects();
  if (!workers_.least_loaded()) return;
  // Each partition gets a turn; the round ends when a whole one has sent nothing.
  std::size_t turns = ready_.size();
  while (turns > 0 && !ready_.empty()) {
    PartitionState& partition = *ready_.front();
    ready_.pop_front();
    partition.ready = false;
    const bool sent = deliverable(partition) && deliver_from(partition);
    if (partition.queue.more_to_look_at()) deliver_at_ = now_;
    touch(partition);
    turns = sent ? ready_.size() : turns - 1;
  }
}

// One worker is kept free for them and gets them one at a time, so that the one which ends it again is known.
void Pipeline::deliver_suspects() {
  if (!suspects_ || drain_) return;
  if (cell_ && workers_.leaves(*cell_)) cell_.reset();
  if (cell_ && !workers_.idle(*cell_)) return;
  for (auto& [source, partition] : partitions_) {
    if (partition.revoking || !partition.queue.has_suspect()) continue;
    if (!cell_) cell_ = workers_.least_loaded();
    if (!cell_) return;
    if (in_flight_room() == 0) return commit_schedule_.hurry(now_);
    workers_.reserve(*cell_, true);
    if (!workers_.idle(*cell_)) return;
    auto pick = partition.queue.pick_suspect(*cell_);
    Send send{*cell_, {}};
    add(send, partition, std::move(*pick), true);
    ++stats_.suspects_delivered;
    actions_->push_back(std::move(send));
    touch(partition);
    return;
  }
  suspects_ = false;
  if (cell_) workers_.reserve(*cell_, false);
  cell_.reset();
}

// An ordered partition has one worker, which is not to be given too much of it.
bool Pipeline::too_deep(const PartitionState& partition, std::uint32_t deliveries) const {
  return by_partition() && partition.outstanding >= deliveries;
}

bool Pipeline::deliver_from(PartitionState& partition) {
  if (too_deep(partition, depth_)) return false;
  const auto pinned = partition.queue.pinned();
  const auto worker = pinned ? pinned : workers_.least_loaded();
  if (!worker) return false;
  auto room = workers_.room(*worker);
  // Lanes that are bound to a worker wait for it, so it is given no more than it is soon done with.
  if (!by_partition() && !many()) room.records = std::min(room.records, workers_.soon_done(*worker));
  if (room.records == 0 || !worth_sending(partition, *worker, room)) return false;

  Send send{*worker, {}};
  // A worker with nothing unanswered takes one record of any size, others none beyond their window.
  const std::uint64_t most = workers_.idle(*worker) ? std::numeric_limits<std::uint64_t>::max() : room.bytes;
  const auto records = static_cast<std::uint32_t>(
      std::min<std::uint64_t>({batch_cap(), room.records, rate_.available(now_), in_flight_room()}));
  Space space{records, std::min(room.bytes, policy_.batch.max_batch_bytes), most};
  fill(send, partition, space);
  if (many()) fill_from_others(send, space);
  if (send.deliveries.empty()) return false;
  for (std::size_t i = 0; i + 1 < send.deliveries.size(); ++i) send.deliveries[i].more = true;
  actions_->push_back(std::move(send));
  return true;
}

// A full batch may queue behind a running one; a partial one goes only where it would run at once (or, for
// single records, next): while it waits it can still grow. It also waits for maxBatchWait, for the rate
// limit, and for the in-flight limit.
bool Pipeline::worth_sending(PartitionState& partition, WorkerId worker, dispatch::WorkerTable::Room room) {
  const std::uint32_t cap = batch_cap();
  const std::uint64_t available = available_with(partition, worker);
  const std::uint64_t need = std::min<std::uint64_t>(cap, available);
  const std::uint64_t budget = in_flight_room();
  const auto later = [this](TimePoint time) {
    deliver_at_ = deliver_at_ ? std::min(*deliver_at_, time) : time;
    return false;
  };
  if (const auto when = rate_.when(need, now_)) return later(*when);
  if (budget < need) {
    commit_schedule_.hurry(now_);
    if (budget == 0 || !workers_.idle(worker)) return false;
  }
  if (room.records < need && !workers_.idle(worker) && by_partition()) return false;
  const std::uint64_t bytes = partition.queue.undelivered_bytes();
  const std::uint64_t moving = bytes - std::min(partition.queue.standing_bytes(), bytes);
  const bool full = available >= cap || moving >= policy_.batch.max_batch_bytes;
  if (full) return true;
  const std::uint32_t ahead = many() ? 1 : 2;
  if (too_deep(partition, ahead) || !workers_.takes_partial(worker, ahead)) return false;
  if (!many() || policy_.batch.max_batch_wait == Duration::zero()) return true;
  const TimePoint since = partition.queue.waiting_since();
  if (since == TimePoint::min() || since + policy_.batch.max_batch_wait <= now_) return true;
  return later(since + policy_.batch.max_batch_wait);
}

std::uint64_t Pipeline::in_flight_room() const {
  const std::uint64_t most = policy_.limits.max_in_flight;
  return most - std::min(stats_.in_flight, most);
}

// What an invocation that begins with this partition could hold.
std::uint64_t Pipeline::available_with(const PartitionState& partition, WorkerId worker) const {
  const auto of = [](const PartitionState& p) { return p.queue.undelivered() - p.queue.standing_records(); };
  std::uint64_t available = of(partition);
  if (!many()) return available;
  for (const PartitionState* other : ready_) {
    if (available >= batch_cap()) break;
    if (other != &partition && joins(*other, worker)) available += of(*other);
  }
  return available;
}

// May its records go along in an invocation for this worker?
bool Pipeline::joins(const PartitionState& partition, WorkerId worker) const {
  return deliverable(partition) && partition.queue.pinned().value_or(worker) == worker &&
         !too_deep(partition, depth_);
}

void Pipeline::fill(Send& send, PartitionState& partition, Space& space) {
  while (many() || send.deliveries.empty()) {
    dispatch::PickLimits limits{.worker = send.worker,
                                .records = space.records,
                                .bytes = space.bytes,
                                .first_bytes = send.deliveries.empty() ? space.first_bytes : space.bytes,
                                .attempt = {}};
    if (!send.deliveries.empty()) limits.attempt = send.deliveries.front().attempt;
    auto pick = partition.queue.pick(limits);
    if (!pick) return;
    space.records -= pick->count;
    space.bytes -= std::min<std::uint64_t>(space.bytes, pick->bytes);
    add(send, partition, std::move(*pick), false);
  }
}

void Pipeline::add(Send& send, PartitionState& partition, dispatch::Pick pick, bool suspect) {
  const BatchId id{next_batch_++};
  send.deliveries.push_back({.id = id,
                             .source = partition.source,
                             .epoch = partition.epoch,
                             .run = pick.run,
                             .attempt = pick.attempt,
                             .batch = pick.batch,
                             .first = pick.first,
                             .count = pick.count});
  ++partition.outstanding;
  workers_.sent(send.worker, pick.count, pick.bytes, now_);
  rate_.took(pick.count);
  stats_.records_delivered += pick.count;
  ++stats_.batches_delivered;
  const std::uint32_t count = pick.count;
  outstanding_.emplace(id, Outstanding{.worker = send.worker,
                                       .source = partition.source,
                                       .epoch = partition.epoch,
                                       .invocation = send.deliveries.front().id,
                                       .sent = now_,
                                       .pick = std::move(pick),
                                       .unanswered = count,
                                       .suspect = suspect});
  account(partition);
}

void Pipeline::fill_from_others(Send& send, Space& space) {
  if (send.deliveries.empty() || send.deliveries.front().attempt != 1) return;
  for (PartitionState* other : ready_) {
    if (space.records == 0 || space.bytes == 0) return;
    if (joins(*other, send.worker)) fill(send, *other, space);
  }
}

}  // namespace triggerd::pipeline
