// Records without an attempt left: dropped, written to the dead-letter topic, or in the way until somebody
// acts.
#include <algorithm>
#include <utility>

#include "base/invariant.hpp"
#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {
namespace {

using Kind = config::FailurePolicy::Kind;

// Between a dead letter that was not written and the next try: doubled each time.
constexpr Duration kDeadLetterFirst = std::chrono::milliseconds(500);
constexpr Duration kDeadLetterMost = std::chrono::seconds(30);

DeadLetter::Cause cause_of(const Verdict& verdict) {
  return verdict.cause == Verdict::Cause::rejected ? DeadLetter::Cause::rejected
                                                   : DeadLetter::Cause::retries_used_up;
}

}  // namespace

void Pipeline::give_up(PartitionState& partition, const Outstanding& out, std::uint32_t index,
                       Verdict verdict) {
  const Offset offset = out.pick.at(index).offset();
  const std::uint32_t attempts = out.pick.attempt;
  dispatch::Lane& lane = partition.queue.come_back(out.pick, index, {.failed = true, .exhausted = true});
  partition.queue.note_trouble(lane, {offset, now_, attempts, verdict.reason});
  partition.verdicts[offset] = std::move(verdict);
}

// Lanes that have come to stand: their first record has no attempt left.
void Pipeline::attend_standing(PartitionState& partition) {
  for (auto lanes = partition.queue.take_standing(); !lanes.empty();
       lanes = partition.queue.take_standing()) {
    for (dispatch::Lane* lane : lanes) attend(partition, *lane);
  }
}

void Pipeline::attend(PartitionState& partition, dispatch::Lane& lane) {
  const dispatch::Held first = lane.waiting.front();
  const Offset offset = first.offset();
  const Verdict verdict = partition.verdicts[offset];
  const bool refused = verdict.cause == Verdict::Cause::refused;
  // It never ran, or the trouble was one before it, which is settled: from now on it is this one.
  if (!lane.trouble) partition.queue.note_trouble(lane, {offset, now_, first.failed(), verdict.reason});
  if (policy_.failure.kind == Kind::dead_letter && !refused) {
    // While the partition is being given up it is left to the next owner.
    if (!partition.revoking && !drain_) send_dead_letters(partition, lane);
    return;
  }
  const bool drop = policy_.failure.kind == Kind::drop;
  actions_->push_back(Notice{.kind = drop ? Notice::Kind::record_dropped : Notice::Kind::lane_blocked,
                             .source = partition.source,
                             .offset = offset,
                             .attempt = first.failed(),
                             .text = verdict.reason});
  if (!drop) return;
  settle_waiting(partition, lane, offset);
  ++stats_.settled_drop;
  partition.queue.resume(lane, {});
}

void Pipeline::send_dead_letters(PartitionState& partition, dispatch::Lane& lane) {
  for (const dispatch::Held& held : dispatch::LaneQueue::exhausted(lane)) {
    const Verdict& verdict = partition.verdicts[held.offset()];
    if (verdict.cause == Verdict::Cause::refused) break;
    const std::uint64_t id = next_dead_letter_++;
    dead_letters_.emplace(id, PendingDeadLetter{partition.source, partition.epoch, held.offset(), &lane});
    ++lane.dead_letters;
    ++partition.dead_letters;
    held.chunk->sealed = true;  // the action shares its records
    actions_->push_back(DeadLetter{.id = id,
                                   .source = partition.source,
                                   .batch = held.chunk->batch,
                                   .index = held.index,
                                   .attempts = held.failed(),
                                   .cause = cause_of(verdict),
                                   .reason = verdict.reason});
  }
}

void Pipeline::handle(const DeadLettered& event) {
  const auto found = dead_letters_.find(event.id);
  if (found == dead_letters_.end()) return;
  const PendingDeadLetter pending = found->second;
  dead_letters_.erase(found);
  PartitionState* partition = find(pending.source, pending.epoch);
  if (partition == nullptr) return;  // the next owner writes it, perhaps once more
  --partition->dead_letters;
  dispatch::Lane& lane = *pending.lane;
  --lane.dead_letters;
  if (event.delivered) {
    settle_waiting(*partition, lane, pending.offset);
    ++stats_.settled_dead_letter;
  } else {
    ++stats_.dead_letters_failed;
    lane.dead_letter_error = event.error;
  }
  if (lane.dead_letters == 0) after_dead_letters(*partition, lane);
  touch(*partition);
}

// All of the lane's have an answer: it goes on, or those that were not written are tried again later.
void Pipeline::after_dead_letters(PartitionState& partition, dispatch::Lane& lane) {
  if (!lane.dead_letter_error) {
    lane.dead_letter_tries = 0;
    return partition.queue.resume(lane, {});
  }
  const dispatch::Held first = lane.waiting.front();
  const Duration delay =
      std::min<Duration>(kDeadLetterFirst * (1 << std::min(lane.dead_letter_tries++, 10U)), kDeadLetterMost);
  const std::string error = *std::exchange(lane.dead_letter_error, std::nullopt);
  partition.queue.note_trouble(
      lane, {first.offset(), now_, first.failed(), "the dead letter was not written: " + error});
  actions_->push_back(Notice{.kind = Notice::Kind::dead_letter_failed,
                             .source = partition.source,
                             .offset = first.offset(),
                             .attempt = lane.dead_letter_tries,
                             .delay = delay,
                             .text = error});
  partition.queue.resume(lane, {.not_before = now_ + delay});
}

// Settles a record that no worker has.
void Pipeline::settle_waiting(PartitionState& partition, dispatch::Lane& lane, Offset offset) {
  partition.queue.settle_waiting(lane, offset);
  const auto settled = partition.tracker.settle(offset, Offset{offset.value + 1});
  TRIGGERD_INVARIANT(settled == checkpoint::OffsetTracker::Settled::accepted, "queue and tracker agree");
  partition.verdicts.erase(offset);
  commit_schedule_.dirty(now_);
}

void Pipeline::handle(const Skip& event) {
  PartitionState* partition = find(event.source);
  dispatch::Lane* lane = partition == nullptr || partition->revoking || drain_
                             ? nullptr
                             : partition->queue.stuck_at(event.offset);
  if (lane == nullptr || lane->dead_letters > 0) {
    ++stats_.skips_refused;
    actions_->push_back(Notice{.kind = Notice::Kind::skip_refused,
                               .source = event.source,
                               .offset = event.offset,
                               .text = lane == nullptr ? "no lane is held up by this record, here and now"
                                                       : "its dead letter is being written"});
    return;
  }
  settle_waiting(*partition, *lane, event.offset);
  ++stats_.settled_skip;
  notice(Notice::Kind::record_skipped, *partition, event.offset, "by " + event.by);
  partition->queue.resume(*lane, {.again = true});
  touch(*partition);
}

}  // namespace triggerd::pipeline
