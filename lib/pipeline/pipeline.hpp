// One trigger's whole behaviour: on(event, now) → actions. Pure, total, deterministic for a seed.
//
// Read event.hpp and action.hpp first; they are the vocabulary. Invariants, each attacked by tests/sim:
//   - a Commit never passes a record that is not settled, never goes back, and its metadata names none that
//   is not;
//   - records of one lane reach one worker at a time, in order, never past one that failed;
//   - records delivered and not covered by a commit never number more than limits.max_in_flight;
//   - a Revoked is answered by exactly one FinishRevoke, a DrainRequested by exactly one Drained.
// The order of what follows an event: answers and losses first, then deliveries, then handing over, commits,
// reading.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

#include "checkpoint/commit_schedule.hpp"
#include "dispatch/rate_limit.hpp"
#include "dispatch/worker_table.hpp"
#include "pipeline/partition.hpp"
#include "pipeline/policy.hpp"

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
  const dispatch::WorkerTable& workers() const { return workers_; }
  std::vector<PartitionStatus> partitions() const;

 private:
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

  // pipeline.cpp: events, and what is kept of a partition
  void handle(const Assigned&);
  void handle(const Revoked&);
  void handle(const Records&);
  void handle(const CaughtUp&);
  void handle(const WorkerReady&);
  void handle(const WorkerCredit&);
  void handle(const WorkerDraining&);
  void handle(const Answered&);
  void handle(const WorkerLost&);
  void handle(const DeadLettered&);
  void handle(const Skip&);
  void handle(const CommitDone&);
  void handle(const Tick&);
  void handle(const DrainRequested&);
  void take_in(PartitionState& partition, const wire::RecordView& record);
  void update_wake();
  PartitionState* find(const TopicPartition& source);
  PartitionState* find(const TopicPartition& source, Epoch epoch);
  // Something of it changed: standing lanes are seen to, the totals and what follows from them brought up to
  // date.
  void touch(PartitionState& partition);
  void account(PartitionState& partition);
  void count(Stats& counted, const Stats& now);
  void make_ready(PartitionState& partition);
  void remove(const TopicPartition& source);
  void notice(Notice::Kind kind, const PartitionState& partition, Offset offset, std::string text = {});
  void raise_alarms();
  void end_silent_workers();

  // reading.cpp: how far reading may go
  void update_reading();
  void update_pause(PartitionState& partition);
  bool goes_too_far(const PartitionState& partition) const;

  // answers.cpp: what workers say of records
  void answer(Outstanding& out, PartitionState* partition, const wire::Answer& answer);
  void answer_range(Outstanding& out, PartitionState* partition, std::uint32_t first, std::uint32_t count,
                    const wire::Answer& answer);
  void settle(PartitionState& partition, const Outstanding& out, std::uint32_t first, std::uint32_t count);
  // Of records that failed together: they come again together, and one word is said of them.
  struct Failure {
    const wire::Answer& answer;
    double unit;  // the jitter
    bool first;
  };
  void fail(PartitionState& partition, const Outstanding& out, std::uint32_t index, const Failure& failure);
  void close(Outstanding& out, PartitionState* partition);
  void fail_what_timed_out(WorkerId worker);
  void blame(Outstanding& out, std::string reason);
  void give_back(const Outstanding& out, PartitionState& partition, bool suspect);
  std::uint64_t unanswered_at(WorkerId worker) const;

  // failures.cpp: records without an attempt left
  void give_up(PartitionState& partition, const Outstanding& out, std::uint32_t index, Verdict verdict);
  void attend_standing(PartitionState& partition);
  void attend(PartitionState& partition, dispatch::Lane& lane);
  void send_dead_letters(PartitionState& partition, dispatch::Lane& lane);
  void after_dead_letters(PartitionState& partition, dispatch::Lane& lane);
  void settle_waiting(PartitionState& partition, dispatch::Lane& lane, Offset offset);

  // delivery.cpp: what goes to which worker
  void deliver();
  void deliver_suspects();
  bool deliverable(const PartitionState& partition) const;
  bool deliver_from(PartitionState& partition);
  bool worth_sending(PartitionState& partition, WorkerId worker, dispatch::WorkerTable::Room room);
  std::uint64_t in_flight_room() const;
  // What an invocation may still take; its first record may be larger than `bytes`, not than `first_bytes`.
  struct Space {
    std::uint32_t records = 0;
    std::uint64_t bytes = 0, first_bytes = 0;
  };
  void fill(Send& send, PartitionState& partition, Space& space);
  void fill_from_others(Send& send, Space& space);
  void add(Send& send, PartitionState& partition, dispatch::Pick pick, bool suspect);
  bool joins(const PartitionState& partition, WorkerId worker) const;
  std::uint64_t available_with(const PartitionState& partition, WorkerId worker) const;
  bool too_deep(const PartitionState& partition, std::uint32_t deliveries) const;
  std::uint32_t batch_cap() const;
  bool many() const { return policy_.batch.cardinality == config::BatchPolicy::Cardinality::many; }
  bool by_partition() const { return policy_.ordering == config::Ordering::partition; }

  // handover.cpp: commits, revokes, drain
  void commit();
  OffsetCommit snapshot(PartitionState& partition);
  void committed(PartitionState& partition, PartitionState::Snapshot made, bool journaled);
  bool uncommitted(const PartitionState& partition) const;
  void progress_revokes();
  void progress_drain();
  void stop_running(PartitionState& partition);
  void end_running(const PartitionState& partition, const char* reason);
  std::set<WorkerId> workers_with(const PartitionState& partition) const;
  void kill(WorkerId worker, std::string reason, bool blame = false);

  Policy policy_;
  std::uint32_t depth_;
  std::minstd_rand rng_;
  TimePoint now_{};
  Actions* actions_ = nullptr;  // of the call to on() that runs

  std::map<TopicPartition, PartitionState> partitions_;
  std::size_t sharers_ =
      0;  // partitions when update_pause() last saw them all: each has a share of the bytes
  std::deque<PartitionState*> ready_;  // with something to deliver, in the order it became so
  dispatch::WorkerTable workers_;
  dispatch::RateLimit rate_;
  std::unordered_map<BatchId, Outstanding> outstanding_;
  std::unordered_map<std::uint64_t, PendingDeadLetter> dead_letters_;
  checkpoint::CommitSchedule commit_schedule_;
  std::set<WorkerId> timed_out_;  // being ended because the attempt it runs took too long
  bool suspects_ = false;         // some partition may have one ready
  std::optional<WorkerId> cell_;  // the worker that gets nothing but suspects, one at a time
  std::vector<Revoke> revokes_;
  std::optional<Drain> drain_;
  std::uint64_t next_batch_ = 1;
  std::uint64_t next_dead_letter_ = 1;
  std::uint32_t next_epoch_ = 1;
  std::optional<TimePoint> wake_;        // the last WakeAt, until its Tick
  std::optional<TimePoint> deliver_at_;  // a partial batch (maxBatchWait) or the rate limit waits for this
  Stats stats_;
};

}  // namespace triggerd::pipeline
