// What workers say of records: settle, fail, release.
#include <algorithm>

#include "base/invariant.hpp"
#include "dispatch/retry.hpp"
#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {

void Pipeline::handle(const Answered& event) {
  const auto found = outstanding_.find(event.ack.id);
  if (found == outstanding_.end() || found->second.worker != event.worker) {
    ++stats_.answers_unknown;
    return;
  }
  timed_out_.erase(event.worker);  // it did answer: what it has begun since is not what took too long
  Outstanding& out = found->second;
  PartitionState* partition = find(out.source, out.epoch);
  if (event.ack.answers.empty()) {
    // It speaks of records without an answer only, so it repeats none.
    const std::uint64_t duplicates = stats_.answers_duplicate;
    answer(out, partition, {.first = 0, .last = out.count - 1});
    stats_.answers_duplicate = duplicates;
  } else {
    for (const wire::Answer& a : event.ack.answers) answer(out, partition, a);
  }
  if (out.unanswered == 0) {
    close(out, partition);
    outstanding_.erase(found);
  }
  if (partition != nullptr) {
    account(*partition);
    make_ready(*partition);
  }
}

// Splits a range into stretches that have no answer yet.
void Pipeline::answer(Outstanding& out, PartitionState* partition, const wire::Answer& answer) {
  const std::uint32_t end = std::min(answer.last, out.count - 1) + 1;
  if (out.answered.empty() && answer.first < end && end - answer.first == out.count) {
    answer_range(out, partition, 0, out.count, answer);
    return;
  }
  if (out.answered.empty()) out.answered.resize(out.count, out.unanswered == 0);
  std::uint32_t index = answer.first;
  while (index < end) {
    if (out.answered[index]) {
      ++stats_.answers_duplicate;
      ++index;
      continue;
    }
    std::uint32_t stop = index;
    while (stop < end && !out.answered[stop]) out.answered[stop++] = true;
    answer_range(out, partition, index, stop - index, answer);
    index = stop;
  }
}

void Pipeline::answer_range(Outstanding& out, PartitionState* partition, std::uint32_t first,
                            std::uint32_t count, const wire::Answer& answer) {
  if (out.unanswered == 0) {  // the whole batch answered twice in one frame
    stats_.answers_duplicate += count;
    return;
  }
  out.unanswered -= count;
  workers_.answered(out.worker, count, now_);
  if (partition == nullptr) {
    stats_.answers_stale += count;
    return;
  }
  switch (answer.code) {
    case wire::Answer::Code::ok:
      partition->queue.ran(*out.chunk, out.first + first, count);
      settle(*partition, out, first, count);
      break;
    case wire::Answer::Code::retry:
      partition->queue.ran(*out.chunk, out.first + first, count);
      fail(*partition, out, first, count, answer);
      break;
    case wire::Answer::Code::dead_letter:  // the wire refuses these two today
    case wire::Answer::Code::drop:
    case wire::Answer::Code::release:
      stats_.released += count;
      partition->rewind = true;
      break;
  }
}

void Pipeline::settle(PartitionState& partition, const Outstanding& out, std::uint32_t first,
                      std::uint32_t count) {
  const auto covered = partition.queue.settle(*out.chunk, out.first + first, count);
  const auto settled = partition.tracker.settle(covered.first, covered.end);
  TRIGGERD_INVARIANT(settled == checkpoint::OffsetTracker::Settled::accepted, "queue and tracker agree");
  stats_.settled_ok += count;
  commit_schedule_.dirty(now_);
}

void Pipeline::fail(PartitionState& partition, const Outstanding& out, std::uint32_t first,
                    std::uint32_t count, const wire::Answer& answer) {
  stats_.attempts_failed += count;
  partition.rewind = true;
  const double unit = std::generate_canonical<double, 24>(rng_);
  std::uint32_t failures = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    failures = std::max(failures, dispatch::PartitionQueue::fail(*out.chunk, out.first + first + i));
  }
  const Offset offset = out.chunk->batch->offset(out.first + first);
  const auto delay = dispatch::retry_delay(policy_.retry, failures, unit);
  Notice said{.source = partition.source, .offset = offset, .attempt = failures, .text = answer.reason};
  if (!delay) {
    said.kind = Notice::Kind::lane_blocked;
    partition.blocked_at = partition.blocked_at ? std::min(*partition.blocked_at, offset) : offset;
  } else {
    said.kind = Notice::Kind::record_failed;
    said.delay = std::max<Duration>(*delay, std::chrono::milliseconds(answer.retry_after_ms));
    const TimePoint until = now_ + said.delay;
    partition.parked_until = partition.parked_until ? std::max(*partition.parked_until, until) : until;
  }
  actions_->push_back(std::move(said));
}

// The delivery is answered completely.
void Pipeline::close(Outstanding& out, PartitionState* partition) {
  workers_.finished(out.worker, out.bytes);
  if (partition == nullptr) return;
  TRIGGERD_INVARIANT(partition->outstanding > 0, "a delivery is closed once");
  if (--partition->outstanding > 0) return;
  partition->worker.reset();
  if (partition->rewind) {
    partition->rewind = false;
    partition->queue.rewind();
    if (partition->blocked_at) partition->queue.drop_from(*partition->blocked_at);
  }
}

// A synchronous worker runs its oldest delivery, and of single records the first without an answer: that
// attempt has failed. Which of its lanes kept an asynchronous one silent cannot be told.
void Pipeline::fail_what_timed_out(WorkerId worker) {
  if (timed_out_.erase(worker) == 0 || workers_.all().at(worker).concurrency > 1) return;
  Outstanding* running = nullptr;
  BatchId oldest{};
  for (auto& [id, out] : outstanding_) {
    if (out.worker != worker || (running != nullptr && id > oldest)) continue;
    running = &out;
    oldest = id;
  }
  if (running == nullptr) return;
  const bool many = policy_.batch.cardinality == config::BatchPolicy::Cardinality::many;
  for (auto& [id, out] : outstanding_) {
    if (many ? out.invocation != running->invocation : &out != running) continue;
    wire::Answer failed{.first = 0, .last = out.count - 1, .code = wire::Answer::Code::retry};
    failed.reason = "no answer within worker.timeout";
    if (!many) {
      while (!out.answered.empty() && out.answered[failed.first]) ++failed.first;
      failed.last = failed.first;
    }
    answer(out, find(out.source, out.epoch), failed);
  }
}

void Pipeline::handle(const WorkerLost& event) {
  if (!workers_.contains(event.worker)) return;
  fail_what_timed_out(event.worker);
  for (auto it = outstanding_.begin(); it != outstanding_.end();) {
    Outstanding& out = it->second;
    if (out.worker != event.worker) {
      ++it;
      continue;
    }
    PartitionState* partition = find(out.source, out.epoch);
    if (partition != nullptr) {
      partition->rewind = true;
      partition->queue.ran(*out.chunk, out.first, out.count);
    }
    stats_.released += out.unanswered;
    close(out, partition);
    if (partition != nullptr) {
      account(*partition);
      make_ready(*partition);
    }
    it = outstanding_.erase(it);
  }
  workers_.remove(event.worker);
}

}  // namespace triggerd::pipeline
