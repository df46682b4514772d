// Knows the fate of every record and says what the pipeline may not do. It is told what is fed to the
// pipeline, what the pipeline asks for, and what handlers really do; it shares no code with lib/pipeline, and
// throws a Violation where a promise of pipeline.hpp or PROTOCOL.md is broken.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/pipeline.hpp"
#include "sim/scenario.hpp"

namespace triggerd::sim {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A record of a partition's assignment, by its place in the log: what the daemon knows, and what is so.
struct RecordFate {
  bool out = false;        // delivered, not answered
  bool in_flight = false;  // out or settled, and not covered by a commit
  bool settled = false;
  std::uint32_t failures = 0;
  bool exhausted = false;
  bool suspect = false;      // it may have ended a worker: it goes out alone
  bool dead_letter = false;  // being written
  TimePoint not_before{};
  std::uint64_t running = 0;  // the invocation that has it now; 0: none
  bool started = false;
  bool done = false;          // a handler ended well with it
  bool failed_waits = false;  // its handler failed and it was not started again
};

// One assignment of a partition to the daemon.
struct Ownership {
  std::size_t partition = 0;
  std::optional<Epoch> epoch;  // once something was delivered
  Offset start;
  std::optional<Offset> last_commit;
  std::size_t first = 0;    // index of the first record to read
  std::size_t fed = 0;      // records before this index were read
  std::size_t prefix = 0;   // records before this one are settled
  std::size_t covered = 0;  // records before this one are committed, as the daemon knows
  Offset passed;            // reading came so far without another record
  std::uint32_t run = 0;
  std::uint32_t out = 0;
  struct LaneView {
    std::optional<WorkerId> worker;  // that has records of it
    std::uint32_t out = 0, run = 0;
    std::uint32_t back = 0;  // the last run in which a record of it came back from a worker that lives
  };
  std::map<std::uint64_t, LaneView> lanes;
  bool full = false;  // the last commit was cut
  bool revoking = false, rejected = false, removed = false, lost = false, late = false;
  std::vector<RecordFate> records;
};

class Oracle {
 public:
  Oracle(const Scenario& scenario, std::vector<Log>& logs);

  // Fed to the pipeline.
  void assigned(const pipeline::PartitionStart& start);
  void fed(const TopicPartition& source, std::size_t end);
  void caught_up(const pipeline::CaughtUp& event);
  void revoked(const pipeline::Revoked& event, TimePoint now);
  void worker_ready(WorkerId worker, wire::Window window);
  void worker_window(WorkerId worker, wire::Window window);
  void worker_lost(const pipeline::WorkerLost& event, TimePoint now);
  void answered(const pipeline::Answered& event, TimePoint now);
  void commit_done(const pipeline::CommitDone& event);
  void dead_lettered(const pipeline::DeadLettered& event);
  void drain_requested(TimePoint deadline) { drain_deadline_ = deadline; }

  // Asked by the pipeline.
  void sent(const pipeline::Send& send, TimePoint now);
  void killed(const pipeline::KillWorker& kill);
  void commit(const pipeline::Commit& commit);
  void dead_letter(const pipeline::DeadLetter& letter);
  // Dropped or skipped.
  void given_up(const pipeline::Notice& notice);
  void finish_revoke(const pipeline::FinishRevoke& finish, TimePoint now);
  void drained(TimePoint now);

  // What handlers do, whether the daemon hears of it or not.
  void started(const TopicPartition& source, Epoch epoch, std::size_t index, std::uint64_t invocation);
  void finished(const TopicPartition& source, Epoch epoch, std::size_t index, wire::Answer::Code code);
  void handler_died(const TopicPartition& source, Epoch epoch, std::size_t index);

  // The daemon ended; another begins from the commits.
  void daemon_ended();
  void check_deadlines(TimePoint now) const;
  void check_at_rest(const pipeline::Stats& stats) const;

  std::size_t partition_of(const TopicPartition& source) const;
  std::optional<TimePoint> drain_deadline() const { return drain_deadline_; }

 private:
  struct Sent {
    WorkerId worker;
    BatchId invocation;
    std::shared_ptr<Ownership> owner;
    std::vector<std::size_t> records;  // indices into the log
    std::vector<bool> answered;
    std::uint32_t run = 0;
  };
  struct WorkerView {
    wire::Window window;
    std::uint64_t records = 0, bytes = 0;  // unanswered
    bool doomed = false, timed_out = false;
    bool suspect = false;  // has one, and gets nothing else until it is answered
  };
  struct PendingRevoke {
    pipeline::Revoked event;
    TimePoint at;
  };
  using Code = wire::Answer::Code;

  [[noreturn]] void violated(const std::string& what) const { throw Violation(what); }
  void require(bool holds, const char* what) const {
    if (!holds) violated(what);
  }
  std::string name(const Ownership& owner, std::size_t index) const;
  Ownership& owner_of(const TopicPartition& source, Epoch epoch);
  void check_shape(const pipeline::Send& send) const;
  void check_order(Ownership& owner, const wire::Delivery& delivery, WorkerId worker);
  void check_retry(const Ownership& owner, std::size_t index, const wire::Delivery& delivery,
                   TimePoint now) const;
  void fate(Sent& sent, std::size_t at, const wire::Answer& answer, TimePoint now);
  void failed(RecordFate& record, const wire::Answer& answer, TimePoint now);
  void time_out(WorkerId worker, TimePoint now);
  void settled(Ownership& owner, std::size_t index);
  void came_back(Ownership& owner, std::size_t index);
  bool in_blocked_lane(const Ownership& owner, std::size_t index) const;
  void check_progress(const Ownership& owner, const pipeline::OffsetCommit& commit) const;
  void check_given_up(const Ownership& owner) const;
  void set_in_flight(RecordFate& record, bool in_flight);
  void remove(Ownership& owner);
  void forgive(const Ownership& owner);
  std::uint64_t lane(std::size_t partition, std::size_t index) const;
  Offset settled_bound(const Ownership& owner) const;

  const Scenario& scenario_;
  std::vector<Log>& logs_;
  std::map<TopicPartition, std::size_t> index_;
  std::vector<std::shared_ptr<Ownership>> current_;  // by partition; null: not ours
  std::map<std::pair<std::size_t, Epoch>, std::shared_ptr<Ownership>> by_epoch_;
  std::map<BatchId, Sent> sent_;
  std::map<WorkerId, WorkerView> workers_;
  std::vector<PendingRevoke> revokes_;
  struct Committing {
    std::shared_ptr<Ownership> owner;
    pipeline::OffsetCommit commit;
    bool cut = false;  // its metadata had no room for all that is settled
  };
  std::map<std::size_t, Committing> committing_;
  std::map<std::uint64_t, std::pair<std::shared_ptr<Ownership>, std::size_t>> dead_letters_;
  bool commit_under_way_ = false;
  std::uint64_t in_flight_ = 0;
  std::optional<TimePoint> drain_deadline_;
  bool drained_ = false;
};

}  // namespace triggerd::sim
