// One trigger's whole behaviour: on(event, now) → actions. Pure, total, deterministic for a seed.
//
// Read event.hpp and action.hpp first; they are the vocabulary. Invariants, each attacked by tests/sim:
//   - a Commit never passes a record that is not settled, and never goes back;
//   - records of one partition reach one worker at a time, in order, never past one that failed;
//   - records delivered and not covered by a commit never number more than limits.max_in_flight;
//   - a Revoked is answered by exactly one FinishRevoke, a DrainRequested by exactly one Drained.
// The order of what follows an event: answers and losses first, then deliveries, then handing over, commits,
// reading.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

#include "checkpoint/commit_schedule.hpp"
#include "checkpoint/offset_tracker.hpp"
#include "dispatch/partition_queue.hpp"
#include "dispatch/worker_table.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"
#include "pipeline/policy.hpp"
#include "pipeline/stats.hpp"

namespace triggerd::pipeline {

// After revokeTimeout or the drain's deadline: how long ended workers and a last commit may take before we go
// on.
inline constexpr Duration kHandoverGrace = std::chrono::seconds(5);

class Pipeline {
 public:
  Pipeline(Policy policy, std::uint64_t seed);

  // Appends what is to be done, in order. `now` never goes back.
  void on(const Event& event, TimePoint now, Actions& actions);

  const Stats& stats() const { return stats_; }
  std::vector<PartitionStatus> partitions() const;

 private:
  struct PartitionState {
    PartitionState(const PartitionStart& start, Epoch e, dispatch::PartitionQueue::Caps caps)
        : source(start.source),
          epoch(e),
          tracker(start.position),
          queue(caps, start.position),
          committed(start.committed),
          begun(start.position) {}
    TopicPartition source;
    Epoch epoch;
    checkpoint::OffsetTracker tracker;
    dispatch::PartitionQueue queue;
    std::optional<Offset> committed;
    Offset begun;  // where reading began: committing it would say nothing new
    std::uint64_t committed_sequence = 0;
    std::optional<dispatch::Place> committing;
    std::uint32_t outstanding = 0;  // deliveries not answered completely; all at `worker`
    std::optional<WorkerId> worker;
    bool rewind = false;  // a record came back: deliver again once nothing is out
    std::optional<TimePoint> parked_until;
    // The lane stands here. Nothing from here on is held or taken in, so that it costs the others no room;
    // who lets it go on reads again from the commit.
    std::optional<Offset> blocked_at;
    bool revoking = false;
    bool fenced = false;  // revoking, and its commit was rejected: nothing of it can be committed any more
    bool ready = false;   // stands in ready_
    Stats counted;        // its share of the totals, as last added (account())
  };
  struct Outstanding {
    WorkerId worker;
    TopicPartition source;
    Epoch epoch;
    std::shared_ptr<dispatch::Chunk> chunk;
    BatchId invocation;  // the first delivery of those it was sent with
    std::uint32_t first = 0, count = 0, unanswered = 0;
    std::uint64_t bytes = 0;
    std::vector<bool> answered;  // empty: none is
  };
  struct Revoke {
    std::vector<TopicPartition> partitions;
    TimePoint deadline;
    bool timed_out = false;
  };
  struct Drain {
    TimePoint deadline;
    bool timed_out = false;
    bool done = false;
  };

  // pipeline.cpp: events
  void handle(const Assigned&);
  void handle(const Revoked&);
  void handle(const Records&);
  void handle(const WorkerReady&);
  void handle(const WorkerCredit&);
  void handle(const WorkerDraining& e) {
    if (workers_.contains(e.worker)) workers_.doom(e.worker);
  }
  void handle(const Answered&);
  void handle(const WorkerLost&);
  void handle(const DeadLettered&) {}
  void handle(const Skip&) {}
  void handle(const CommitDone&);
  void handle(const Tick&);
  void handle(const DrainRequested&);
  void update_reading();
  void update_wake();
  PartitionState* find(const TopicPartition& source);
  PartitionState* find(const TopicPartition& source, Epoch epoch);
  void account(PartitionState& partition);
  void make_ready(PartitionState& partition);
  void remove(const TopicPartition& source);
  void notice(Notice::Kind kind, const PartitionState& partition, Offset offset, std::string text = {});

  // answers.cpp: what workers say of records
  void answer(Outstanding& out, PartitionState* partition, const wire::Answer& answer);
  void answer_range(Outstanding& out, PartitionState* partition, std::uint32_t first, std::uint32_t count,
                    const wire::Answer& answer);
  void settle(PartitionState& partition, const Outstanding& out, std::uint32_t first, std::uint32_t count);
  void fail(PartitionState& partition, const Outstanding& out, std::uint32_t first, std::uint32_t count,
            const wire::Answer& answer);
  void close(Outstanding& out, PartitionState* partition);
  void fail_what_timed_out(WorkerId worker);

  // delivery.cpp: what goes to which worker
  void deliver();
  bool deliverable(PartitionState& partition) const;
  bool deliver_from(PartitionState& partition);
  bool worth_sending(PartitionState& partition, WorkerId worker, dispatch::WorkerTable::Room room,
                     std::uint64_t budget);
  std::uint64_t in_flight_room() const;
  // What an invocation may still take; its first record may be larger than `bytes`, not than `first_bytes`.
  struct Space {
    std::uint32_t records = 0;
    std::uint64_t bytes = 0, first_bytes = 0;
  };
  void fill(Send& send, PartitionState& partition, Space& space);
  void fill_from_others(Send& send, Space& space);
  bool joins(PartitionState& partition, WorkerId worker) const;
  std::uint64_t available_with(const PartitionState& partition, WorkerId worker);
  std::uint32_t batch_cap() const;

  // handover.cpp: commits, revokes, drain
  void commit();
  bool uncommitted(const PartitionState& partition) const;
  void progress_revokes();
  void progress_drain();
  void stop_running(PartitionState& partition);
  void end_running(PartitionState& partition, const char* reason);
  void kill(WorkerId worker, std::string reason);

  Policy policy_;
  std::uint32_t depth_;
  std::minstd_rand rng_;
  TimePoint now_{};
  Actions* actions_ = nullptr;  // of the call to on() that runs

  std::map<TopicPartition, PartitionState> partitions_;
  std::deque<PartitionState*> ready_;  // with something to deliver, in the order it became so
  dispatch::WorkerTable workers_;
  std::unordered_map<BatchId, Outstanding> outstanding_;
  checkpoint::CommitSchedule commit_schedule_;
  std::set<WorkerId> timed_out_;  // being ended because the attempt it runs took too long
  std::vector<Revoke> revokes_;
  std::optional<Drain> drain_;
  std::uint64_t next_batch_ = 1;
  std::uint32_t next_epoch_ = 1;
  std::optional<TimePoint> wake_;          // the last WakeAt, until its Tick
  std::optional<TimePoint> linger_until_;  // a partial batch waits for this (maxBatchWait)
  Stats stats_;
};

}  // namespace triggerd::pipeline
