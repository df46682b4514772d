// Everything a trigger can ask its shells to do, in the order it asked. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "checkpoint/progress.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::pipeline {

// One invocation (deliveries joined by `more`), or one run of single-record invocations.
struct Send {
  WorkerId worker;
  std::vector<wire::Delivery> deliveries;
};

// The worker is not to start further records of this partition (PROTOCOL.md §7).
struct CancelPartition {
  WorkerId worker;
  TopicPartition source;
  Epoch epoch;
};

// End the process; WorkerLost follows. blame: for what it did (its attempt took too long), so that it gets a
// moment to say where it hangs, and is lost as `crashed`. Otherwise for a reason of ours: at once, `stopped`.
struct KillWorker {
  WorkerId worker;
  std::string reason;
  bool blame = false;
};

struct OffsetCommit {
  TopicPartition source;
  Offset offset;
  std::string metadata{};  // checkpoint/progress.hpp
  // What the metadata has no room for: to be written to the trigger's journal first, and the metadata then
  // made anew with the journal's name. Where that fails the metadata goes as it is.
  std::optional<checkpoint::Progress> journal{};
  bool operator==(const OffsetCommit&) const = default;
};

// At most one is under way per trigger (design §6b 5); CommitDone answers it.
struct Commit {
  std::vector<OffsetCommit> offsets;
};

// Back-pressure: read the record queue, or leave it (never pause and resume, design §6b 1).
struct Read {};
struct StopReading {};

// Write this record to the trigger's dead-letter topic; DeadLettered answers it, always and once, also when
// the partition has been given up meanwhile.
struct DeadLetter {
  enum class Cause {
    retries_used_up,
    rejected,  // the handler answered deadLetter
  };
  std::uint64_t id = 0;
  TopicPartition source;
  std::shared_ptr<const wire::RecordBatch> batch;
  std::uint32_t index = 0;  // of the record in the batch
  std::uint32_t attempts = 0;
  Cause cause{};
  std::string reason{};  // the last attempt's, for people
};

// One partition is to be read no further, though the others are (design §6b 1: only for one that stays
// stopped); records of it may still come for a while. Resume: it goes on behind the last record reported.
struct Pause {
  TopicPartition source;
};
struct Resume {
  TopicPartition source;
};

// (Incrementally) unassign these now.
struct FinishRevoke {
  std::vector<TopicPartition> partitions;
};

// Send a Tick at this time. Each replaces the one before.
struct WakeAt {
  TimePoint time;
};

// After DrainRequested: nothing runs, everything settled is committed. Emitted once.
struct Drained {};

// A state change worth one log line; metrics read Stats instead.
struct Notice {
  enum class Kind {
    record_failed,       // an attempt failed and will be retried
    lane_blocked,        // no attempt is left; the lane stands until someone acts
    lane_stuck,          // a lane has made no progress for alarmAfter
    record_dropped,      // settled without having been handled: onFailure or the handler said so
    record_skipped,      // somebody gave it up
    skip_refused,        // there is no such record that holds up its lane
    dead_letter_failed,  // it was not written; it is tried again after `delay`
    commit_failed,       // it will be tried again, or the assignment is gone
    progress_ignored,    // a commit's metadata that is not ours, or damaged
    progress_full,       // work done beyond gaps outgrew metadata: nothing new is delivered of the partition
    revoke_timed_out,    // attempts were still running at the deadline
    attempt_timed_out,   // a worker gave no answer for worker.timeout
    record_refused,      // too large for a frame
  };
  Kind kind{};
  TopicPartition source{};
  Offset offset{};
  std::uint32_t attempt = 0;
  Duration delay{};  // until the next attempt
  std::string text{};
};

using Action = std::variant<Send, CancelPartition, KillWorker, Commit, Read, StopReading, DeadLetter, Pause,
                            Resume, FinishRevoke, WakeAt, Drained, Notice>;
using Actions = std::vector<Action>;

}  // namespace triggerd::pipeline
