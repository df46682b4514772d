// What goes to which worker: whole batches where there are enough records, what is there where a worker is
// idle.
#include <algorithm>
#include <limits>

#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {

bool Pipeline::deliverable(PartitionState& partition) const {
  return !drain_ && !partition.revoking && !partition.parked_until && !partition.rewind &&
         partition.queue.undelivered() > 0;
}

// The most records one invocation (or run) may have.
std::uint32_t Pipeline::batch_cap() const {
  return std::min(policy_.batch.max_batch_size, policy_.limits.max_in_flight);
}

void Pipeline::deliver() {
  if (!workers_.least_loaded()) return;
  // Each partition gets a turn; the round ends when a whole one has sent nothing.
  std::size_t turns = ready_.size();
  while (turns > 0 && !ready_.empty()) {
    PartitionState& partition = *ready_.front();
    ready_.pop_front();
    partition.ready = false;
    const bool sent = deliverable(partition) && deliver_from(partition);
    make_ready(partition);
    turns = sent ? ready_.size() : turns - 1;
  }
}

bool Pipeline::deliver_from(PartitionState& partition) {
  if (partition.outstanding >= depth_) return false;
  const auto worker = partition.worker ? partition.worker : workers_.least_loaded();
  if (!worker) return false;
  const auto room = workers_.room(*worker);
  // What comes again is in flight already.
  const std::uint64_t budget = in_flight_room() + partition.queue.again();
  if (room.records == 0 || !worth_sending(partition, *worker, room, budget)) return false;

  Send send{*worker, {}};
  // A worker with nothing unanswered takes one record of any size, others none beyond their window.
  const std::uint64_t most = workers_.idle(*worker) ? std::numeric_limits<std::uint64_t>::max() : room.bytes;
  Space space{std::min(batch_cap(), room.records), std::min(room.bytes, policy_.batch.max_batch_bytes), most};
  fill(send, partition, space);
  if (policy_.batch.cardinality == config::BatchPolicy::Cardinality::many) fill_from_others(send, space);
  if (send.deliveries.empty()) return false;
  for (std::size_t i = 0; i + 1 < send.deliveries.size(); ++i) send.deliveries[i].more = true;
  actions_->push_back(std::move(send));
  return true;
}

// A full batch may queue behind a running one; a partial one goes only where it would run at once (or, for
// single records, next): while it waits it can still grow. It also waits for maxBatchWait, and for the
// in-flight limit.
bool Pipeline::worth_sending(PartitionState& partition, WorkerId worker, dispatch::WorkerTable::Room room,
                             std::uint64_t budget) {
  const std::uint32_t cap = batch_cap();
  const std::uint64_t available = available_with(partition, worker);
  const std::uint64_t need = std::min<std::uint64_t>(cap, available);
  if (budget < need) {
    commit_schedule_.hurry(now_);
    if (budget == 0 || !workers_.idle(worker)) return false;
  }
  if (room.records < need && !workers_.idle(worker)) return false;
  const bool full = available >= cap || partition.queue.undelivered_bytes() >= policy_.batch.max_batch_bytes;
  if (full) return true;
  const bool many = policy_.batch.cardinality == config::BatchPolicy::Cardinality::many;
  const std::uint32_t ahead = many ? 1 : 2;
  if (partition.outstanding >= ahead || !workers_.takes_partial(worker, ahead)) return false;
  if (!many || policy_.batch.max_batch_wait == Duration::zero() || partition.queue.again() > 0) return true;
  const TimePoint until = partition.queue.waiting_since() + policy_.batch.max_batch_wait;
  if (until <= now_) return true;
  linger_until_ = linger_until_ ? std::min(*linger_until_, until) : until;
  return false;
}

std::uint64_t Pipeline::in_flight_room() const {
  const std::uint64_t most = policy_.limits.max_in_flight;
  return most - std::min(stats_.in_flight, most);
}

// What an invocation that begins with this partition could hold.
std::uint64_t Pipeline::available_with(const PartitionState& partition, WorkerId worker) {
  std::uint64_t available = partition.queue.undelivered();
  if (policy_.batch.cardinality == config::BatchPolicy::Cardinality::one) return available;
  for (PartitionState* other : ready_) {
    if (available >= batch_cap()) break;
    if (other != &partition && joins(*other, worker)) available += other->queue.undelivered();
  }
  return available;
}

// May its records go along in an invocation for this worker?
bool Pipeline::joins(PartitionState& partition, WorkerId worker) const {
  return deliverable(partition) && (!partition.worker || *partition.worker == worker) &&
         partition.outstanding < depth_;
}

void Pipeline::fill(Send& send, PartitionState& partition, Space& space) {
  const bool many = policy_.batch.cardinality == config::BatchPolicy::Cardinality::many;
  while (many || send.deliveries.empty()) {
    // What comes again is in flight already, but behind it there may be records that are not.
    const std::uint64_t most =
        std::min<std::uint64_t>(space.records, in_flight_room() + partition.queue.again());
    const auto slice = partition.queue.peek(static_cast<std::uint32_t>(most), space.bytes);
    if (!slice || slice->bytes > (send.deliveries.empty() ? space.first_bytes : space.bytes)) return;
    const std::uint32_t attempt = slice->chunk->failed(slice->first) + 1;
    if (!send.deliveries.empty() && send.deliveries.front().attempt != attempt) return;
    partition.queue.take(*slice);
    const BatchId id{next_batch_++};
    send.deliveries.push_back({.id = id,
                               .source = partition.source,
                               .epoch = partition.epoch,
                               .run = partition.queue.run(),
                               .attempt = attempt,
                               .batch = slice->chunk->batch,
                               .first = slice->first,
                               .count = slice->count});
    outstanding_.emplace(id, Outstanding{.worker = send.worker,
                                         .source = partition.source,
                                         .epoch = partition.epoch,
                                         .chunk = slice->chunk,
                                         .invocation = send.deliveries.front().id,
                                         .first = slice->first,
                                         .count = slice->count,
                                         .unanswered = slice->count,
                                         .bytes = slice->bytes,
                                         .answered = {}});
    partition.worker = send.worker;
    ++partition.outstanding;
    workers_.sent(send.worker, slice->count, slice->bytes, now_);
    stats_.records_delivered += slice->count;
    ++stats_.batches_delivered;
    space.records -= slice->count;
    space.bytes -= std::min<std::uint64_t>(space.bytes, slice->bytes);
    account(partition);
  }
}

void Pipeline::fill_from_others(Send& send, Space& space) {
  if (send.deliveries.empty() || send.deliveries.front().attempt != 1) return;
  for (PartitionState* other : ready_) {
    if (space.records == 0 || space.bytes == 0) return;
    if (joins(*other, send.worker)) fill(send, *other, space);
  }
}

}  // namespace triggerd::pipeline
