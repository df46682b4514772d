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
    answer(out, partition, {.first = 0, .last = out.pick.count - 1});
    stats_.answers_duplicate = duplicates;
  } else {
    for (const wire::Answer& a : event.ack.answers) answer(out, partition, a);
  }
  if (out.unanswered == 0) {
    close(out, partition);
    outstanding_.erase(found);
  }
  if (partition != nullptr) touch(*partition);
}

// Splits a range into stretches that have no answer yet.
void Pipeline::answer(Outstanding& out, PartitionState* partition, const wire::Answer& answer) {
  const std::uint32_t end = std::min(answer.last, out.pick.count - 1) + 1;
  if (out.answered.empty() && answer.first < end && end - answer.first == out.pick.count) {
    answer_range(out, partition, 0, out.pick.count, answer);
    return;
  }
  if (out.answered.empty()) out.answered.resize(out.pick.count, out.unanswered == 0);
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
  using Code = wire::Answer::Code;
  if (answer.code == Code::ok) return settle(*partition, out, first, count);
  if (answer.code == Code::release) stats_.released += count;
  const double unit = std::generate_canonical<double, 24>(rng_);
  for (std::uint32_t i = first; i < first + count; ++i) {
    switch (answer.code) {
      case Code::retry: fail(*partition, out, i, {answer, unit, i == first}); break;
      case Code::dead_letter:
        ++stats_.attempts_failed;
        give_up(*partition, out, i, {Verdict::Cause::rejected, answer.reason});
        break;
      case Code::drop:
        settle(*partition, out, i, 1);
        --stats_.settled_ok;
        ++stats_.settled_drop;
        notice(Notice::Kind::record_dropped, *partition, out.pick.batch->offset(out.pick.first + i),
               answer.reason);
        break;
      default: partition->queue.come_back(out.pick, i, {.suspect = out.suspect});
    }
  }
}

void Pipeline::settle(PartitionState& partition, const Outstanding& out, std::uint32_t first,
                      std::uint32_t count) {
  const wire::RecordBatch& batch = *out.pick.batch;
  const auto covered = [&](std::uint32_t from, std::uint32_t to, std::uint32_t records) {
    const Offset begin = batch.offset(out.pick.first + from);
    const Offset end{batch.offset(out.pick.first + to).value + 1};
    const auto settled = partition.tracker.settle(begin, end, records);
    TRIGGERD_INVARIANT(settled == checkpoint::OffsetTracker::Settled::accepted, "queue and tracker agree");
    if (!partition.verdicts.empty())
      partition.verdicts.erase(partition.verdicts.lower_bound(begin), partition.verdicts.lower_bound(end));
  };
  if (out.pick.lanes.empty()) {
    covered(first, first + count - 1, count);
  } else {  // between two of them there may be records of other lanes
    for (std::uint32_t i = first; i < first + count; ++i) covered(i, i, 1);
  }
  partition.queue.settle(out.pick, first, count);
  stats_.settled_ok += count;
  commit_schedule_.dirty(now_);
}

void Pipeline::fail(PartitionState& partition, const Outstanding& out, std::uint32_t index,
                    const Failure& failure) {
  const wire::Answer& answer = failure.answer;
  ++stats_.attempts_failed;
  const Offset offset = out.pick.batch->offset(out.pick.first + index);
  const std::uint32_t failures = out.pick.attempt;
  const auto delay = dispatch::retry_delay(policy_.retry, failures, failure.unit);
  if (!delay) return give_up(partition, out, index, {Verdict::Cause::retries_used_up, answer.reason});
  const Duration wait = std::max<Duration>(*delay, std::chrono::milliseconds(answer.retry_after_ms));
  dispatch::Lane& lane = partition.queue.come_back(
      out.pick, index, {.suspect = out.deadly, .failed = true, .not_before = now_ + wait});
  partition.queue.note_trouble(lane, {offset, now_, failures, answer.reason});
  if (!failure.first) return;
  actions_->push_back(Notice{.kind = Notice::Kind::record_failed,
                             .source = partition.source,
                             .offset = offset,
                             .attempt = failures,
                             .delay = wait,
                             .text = answer.reason});
}

// The delivery is answered completely.
void Pipeline::close(Outstanding& out, PartitionState* partition) {
  workers_.finished(out.worker, out.pick.bytes, out.sent, now_);
  if (partition == nullptr) return;
  TRIGGERD_INVARIANT(partition->outstanding > 0, "a delivery is closed once");
  --partition->outstanding;
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
  for (auto& [id, out] : outstanding_) {
    if (many() ? out.invocation != running->invocation : &out != running) continue;
    blame(out, "no answer within worker.timeout");
  }
}

// The first record without an answer, or the whole invocation, has failed.
void Pipeline::blame(Outstanding& out, std::string reason) {
  wire::Answer failed{.first = 0, .last = out.pick.count - 1, .code = wire::Answer::Code::retry};
  failed.reason = std::move(reason);
  if (!many()) {
    while (!out.answered.empty() && out.answered[failed.first]) ++failed.first;
    failed.last = failed.first;
  }
  answer(out, find(out.source, out.epoch), failed);
}

std::uint64_t Pipeline::unanswered_at(WorkerId worker) const {
  std::uint64_t records = 0;
  for (const auto& [id, out] : outstanding_) records += out.worker == worker ? out.unanswered : 0;
  return records;
}

// Each record the worker had may have ended it, unless it is known what did, or it ended for another reason.
void Pipeline::handle(const WorkerLost& event) {
  if (!workers_.contains(event.worker)) return;
  const bool known = timed_out_.contains(event.worker) && workers_.all().at(event.worker).concurrency == 1;
  const bool crashed = event.cause == WorkerLost::Cause::crashed;
  fail_what_timed_out(event.worker);
  const bool alone = crashed && !known && unanswered_at(event.worker) == 1;
  for (auto it = outstanding_.begin(); it != outstanding_.end();) {
    Outstanding& out = it->second;
    if (out.worker != event.worker) {
      ++it;
      continue;
    }
    if (alone && out.unanswered == 1) {
      out.deadly = true;
      blame(out, "the worker ended: " + event.reason);
    }
    stats_.released += out.unanswered;
    PartitionState* partition = find(out.source, out.epoch);
    if (partition != nullptr) give_back(out, *partition, crashed && !known);
    close(out, partition);
    if (partition != nullptr) touch(*partition);
    it = outstanding_.erase(it);
  }
  workers_.remove(event.worker, now_);
  if (cell_ == event.worker) cell_.reset();
}

void Pipeline::give_back(const Outstanding& out, PartitionState& partition, bool suspect) {
  if (out.unanswered == 0) return;
  for (std::uint32_t i = 0; i < out.pick.count; ++i) {
    if (out.answered.empty() || !out.answered[i])
      partition.queue.come_back(out.pick, i, {.suspect = suspect});
  }
}

}  // namespace triggerd::pipeline
