// How far reading goes ahead: of the whole trigger, and of one partition that stands still.
#include <algorithm>
#include <utility>

#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {

// Reading stops at a budget and goes on well below it, so that it does not flap record by record. What stands
// behind failed records counts by its bytes only, and takes half of them at most: it must not starve the
// other lanes, however large a blocked record is (goes_too_far() keeps it near that half).
void Pipeline::update_reading() {
  if (std::exchange(sharers_, partitions_.size()) != partitions_.size()) {
    for (auto& [source, partition] : partitions_) update_pause(partition);
  }
  // Read-ahead alone must never use up a partition's span.
  const std::uint64_t ahead = std::max<std::uint64_t>(
      2ULL * policy_.batch.max_batch_size, std::min(policy_.read_ahead, policy_.limits.max_span / 4 * 3));
  const std::uint64_t bytes = policy_.limits.max_in_flight_bytes;
  const std::uint64_t waiting = stats_.undelivered - stats_.undelivered_standing;
  const std::uint64_t standing = std::min(stats_.standing_bytes, stats_.held_bytes);
  const std::uint64_t held = stats_.held_bytes - standing + std::min(standing, bytes / 2);
  bool reading = stats_.reading;
  if (drain_ || waiting >= ahead || held >= bytes) {
    reading = false;
  } else if (waiting <= ahead / 4 * 3 && held <= bytes / 4 * 3) {
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

// One partition is read no further while it stands still with more than its share, or while its span is used
// up by work beyond a gap: the others go on. What is only read ahead is update_reading's matter.
bool Pipeline::goes_too_far(const PartitionState& partition) const {
  const std::uint64_t slack = partition.paused ? 2 : 1;  // goes on well below where it stopped
  const std::uint64_t span = partition.span();
  const std::uint64_t standing = partition.queue.standing_records();
  const std::uint64_t moving = partition.queue.undelivered() - standing;
  const std::uint64_t most = policy_.limits.max_span / slack;
  if (span >= most && span - std::min(span, moving) >= most / 2) return true;
  const std::uint64_t share = policy_.limits.max_in_flight_bytes / (2 * partitions_.size());
  return standing > 0 && partition.queue.standing_bytes() >= share / slack;
}

void Pipeline::update_pause(PartitionState& partition) {
  if (partition.revoking || drain_) return;
  const bool pause = goes_too_far(partition);
  if (pause == partition.paused) return;
  partition.paused = pause;
  account(partition);
  if (pause) {
    actions_->push_back(Pause{partition.source});
  } else {
    actions_->push_back(Resume{partition.source});
  }
}

}  // namespace triggerd::pipeline
