// What the pipeline keeps of a partition it owns, and of what workers have. Pure data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/offset_tracker.hpp"
#include "checkpoint/read_times.hpp"
#include "dispatch/lane_queue.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"
#include "pipeline/stats.hpp"

namespace triggerd::pipeline {

// Why a record has no attempt left.
struct Verdict {
  enum class Cause { retries_used_up, rejected, refused } cause{};  // refused: no frame carries it
  std::string reason;
};

struct PartitionState {
  PartitionState(const PartitionStart& start, Epoch e, checkpoint::OffsetTracker done,
                 dispatch::LaneQueue held)
      : source(start.source),
        epoch(e),
        tracker(std::move(done)),
        queue(std::move(held)),
        committed(start.committed),
        begun(start.position) {}

  TopicPartition source;
  Epoch epoch;
  checkpoint::OffsetTracker tracker;
  dispatch::LaneQueue queue;
  checkpoint::ReadTimes written;
  std::optional<Offset> committed;
  Offset begun;                                      // where reading began
  std::map<Offset, std::uint32_t> earlier_failures;  // of records not read yet, from an earlier assignment
  std::map<Offset, Verdict> verdicts;                // of exhausted records

  // How things stood when a commit was made.
  struct Snapshot {
    Offset offset;
    std::uint64_t settled = 0;   // records
    std::uint64_t covered = 0;   // of these: not given out again by whoever starts from the commit
    std::uint64_t prefix = 0;    // of these: before the first gap
    std::uint64_t attempts = 0;  // LaneQueue::attempts_changed
  };
  Snapshot last;                      // that succeeded
  bool none_yet = false;              // the group has no commit of it: where it began is worth one
  bool passed = false;                // a commit at its end is worth one, though no record was settled
  std::optional<std::uint64_t> born;  // kept in every commit (checkpoint::Progress)
  std::optional<Snapshot> committing;

  std::uint32_t outstanding = 0;   // deliveries not answered completely
  std::uint32_t dead_letters = 0;  // on their way
  bool revoking = false;
  bool fenced = false;  // revoking, and its commit was rejected: nothing of it can be committed any more
  bool paused = false;
  bool full = false;   // the last commit had no room for all that is settled
  bool ready = false;  // stands in the pipeline's ready list
  Stats counted;       // its share of the totals, as last added

  // Records from committed to position.
  std::uint64_t span() const { return queue.held_records() + tracker.settled() - last.prefix; }
  // Delivered, and not covered by a commit. While there is no room to say what is done beyond gaps, that
  // would stop the other partitions for as long; so then it is what is out, and nothing fresh goes out of
  // this one.
  std::uint64_t in_flight() const {
    const std::uint64_t covered = full ? tracker.settled() : last.covered;
    return queue.delivered() - std::min(covered, queue.delivered());
  }
};

// A delivery at a worker that is not answered completely.
struct Outstanding {
  WorkerId worker;
  TopicPartition source;
  Epoch epoch;
  BatchId invocation;  // the first delivery of those it was sent with
  TimePoint sent{};
  dispatch::Pick pick;
  std::uint32_t unanswered = 0;
  bool suspect = false;          // delivered alone, because it may end the worker
  bool deadly = false;           // it did, alone: later attempts are made alone too
  std::vector<bool> answered{};  // empty: none is, or all are
};

struct PendingDeadLetter {
  TopicPartition source;
  Epoch epoch;
  Offset offset;
  dispatch::Lane* lane;  // which stands until this is answered, if the partition is still ours
};

}  // namespace triggerd::pipeline
