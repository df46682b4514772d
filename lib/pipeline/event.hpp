// Everything that can happen to a trigger. Shells report these; pipeline.hpp says what follows. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "checkpoint/progress.hpp"
#include "wire/message.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::pipeline {

// Where reading of an assigned partition begins.
struct PartitionStart {
  TopicPartition source;
  Offset position;                  // the first offset that will be read
  std::optional<Offset> committed;  // the group's commit, where there is one
  std::string metadata{};           // of that commit, as the broker keeps it
  std::optional<checkpoint::Progress>
      journaled{};                      // of the journal that the metadata names, where it is ours
  std::optional<std::uint64_t> born{};  // now (checkpoint/progress.hpp), where there is no commit
};

// We own these from now on; records follow.
struct Assigned {
  std::vector<PartitionStart> partitions;
};

// The group wants these back. `lost`: they are gone already, nothing can be committed for them.
// Answered by exactly one FinishRevoke naming the same partitions.
struct Revoked {
  std::vector<TopicPartition> partitions;
  bool lost = false;
};

// Consecutive records of one partition. The views are valid during the call.
struct Records {
  TopicPartition source;
  std::span<const wire::RecordView> records;
};

// Nothing readable is left before `position`: what lies between it and the last record are control records of
// transactions, or what compaction has removed.
struct CaughtUp {
  TopicPartition source;
  Offset position;
};

// A worker has said Hello and was welcomed.
struct WorkerReady {
  WorkerId worker;
  std::uint32_t concurrency = 1;
  wire::Window window;
};

struct WorkerCredit {
  WorkerId worker;
  wire::Window window;
};

// It is about to be replaced: nothing more is to be sent to it. It answers what it runs, releases the rest
// and leaves; WorkerLost follows.
struct WorkerDraining {
  WorkerId worker;
};

struct Answered {
  WorkerId worker;
  wire::Ack ack;
};

// The process or its session is gone; nothing more comes from it.
struct WorkerLost {
  // crashed: by itself or for what a handler did (a signal, an exit, too much memory, silence): each record
  // it had may be the cause. stopped: we asked it to, or ended it for a reason of ours.
  enum class Cause { crashed, stopped };
  WorkerId worker;
  std::string reason;
  Cause cause = Cause::crashed;
};

// The answer to exactly one DeadLetter. delivered: the broker's delivery report has said so.
struct DeadLettered {
  std::uint64_t id = 0;
  bool delivered = false;
  std::string error{};  // where it was not; it is for the pipeline to ask again
};

// Somebody gives up on the record at this offset, which blocks its lane: it is settled as if it had been
// dropped.
struct Skip {
  TopicPartition source;
  Offset offset;
  std::string by;  // who asked, for the log
};

struct CommitResult {
  enum class Outcome {
    ok,
    retriable,
    rejected
  };  // rejected: the assignment is gone or fenced; a Revoked follows
  TopicPartition source;
  Offset offset;
  Outcome outcome = Outcome::ok;
  std::string error{};
  bool journaled = false;  // its journal entry was written
};

// The answer to exactly one Commit.
struct CommitDone {
  std::vector<CommitResult> results;
};

// The time of an earlier WakeAt has come.
struct Tick {};

// Stop: settle what runs, commit, say Drained. At `deadline` running attempts are ended.
struct DrainRequested {
  TimePoint deadline;
};

using Event = std::variant<Assigned, Revoked, Records, CaughtUp, WorkerReady, WorkerCredit, WorkerDraining,
                           Answered, WorkerLost, DeadLettered, Skip, CommitDone, Tick, DrainRequested>;

}  // namespace triggerd::pipeline
