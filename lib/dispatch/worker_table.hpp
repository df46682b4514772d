// The trigger's ready workers, what each has unanswered, and which may be sent more. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "dispatch/durations.hpp"
#include "wire/message.hpp"

namespace triggerd::dispatch {

struct WorkerLoad {
  std::uint32_t concurrency = 1;
  wire::Window window;
  std::uint64_t records = 0;  // unanswered
  std::uint64_t bytes = 0;    // of batches not answered completely
  std::uint32_t frames = 0;   // batches not answered completely
  TimePoint counted{};        // up to when busy() has it
  TimePoint heard{};          // it last answered, or was given work while it had none
  std::optional<Duration>
      per_record;         // from one answered record to the next, smoothed; absent: none answered yet
  bool doomed = false;    // a kill is under way: nothing more is sent
  bool draining = false;  // it is to leave: nothing more is sent
  bool reserved = false;  // kept free for a record that may end it (Pipeline::deliver_suspects)
};

inline constexpr Duration kAnyWork = Duration::max();

class WorkerTable {
 public:
  // `depth`: frames a synchronous worker may have queued; an asynchronous one may have one per lane besides.
  // `ahead`: how much work, as far as can be told, may still run where a further frame queues; kAnyWork: no
  // matter.
  // `frames_run_whole`: a frame takes one of the places a worker has (its concurrency), not one per record.
  explicit WorkerTable(std::uint32_t depth, Duration ahead = kAnyWork, bool frames_run_whole = false)
      : depth_(depth), ahead_(ahead), frames_run_whole_(frames_run_whole) {}

  void add(WorkerId worker, std::uint32_t concurrency, wire::Window window);
  void remove(WorkerId worker, TimePoint now);
  bool contains(WorkerId worker) const { return workers_.contains(worker); }
  void set_window(WorkerId worker, wire::Window window);
  void doom(WorkerId worker) { workers_.at(worker).doomed = true; }
  void drain(WorkerId worker) { workers_.at(worker).draining = true; }
  bool leaves(WorkerId worker) const { return workers_.at(worker).doomed || workers_.at(worker).draining; }
  void reserve(WorkerId worker, bool reserved) { workers_.at(worker).reserved = reserved; }

  // Room for more records and bytes; 0 records where no further frame may be sent. A worker with nothing
  // unanswered always takes one batch, whatever its window. A frame queues behind running ones only where
  // those are expected to be done soon: an idle worker must not wait for what a slow handler keeps.
  struct Room {
    std::uint32_t records = 0;
    std::uint64_t bytes = 0;
  };
  Room room(WorkerId worker) const;
  bool idle(WorkerId worker) const { return workers_.at(worker).frames == 0; }
  // May a batch smaller than full be sent to it? Only where it would run at once, or next.
  bool takes_partial(WorkerId worker, std::uint32_t ahead) const;
  // Single records it is expected to be done with within `ahead`: others should not be bound to it while it
  // works through them. At least what it runs at once.
  std::uint32_t soon_done(WorkerId worker) const;
  // The one with the least unanswered among those with room.
  std::optional<WorkerId> least_loaded() const;

  void sent(WorkerId worker, std::uint32_t records, std::uint64_t bytes, TimePoint now);
  void answered(WorkerId worker, std::uint32_t records, TimePoint now);
  // `sent`: when.
  void finished(WorkerId worker, std::uint64_t bytes, TimePoint sent, TimePoint now);

  // Workers that have had unanswered records and been silent for `limit`, and when the next would be.
  std::vector<WorkerId> silent(TimePoint now, Duration limit) const;
  std::optional<TimePoint> next_silence(Duration limit) const;
  // How long workers have had something to do, added up; half busy places count half.
  Duration busy(TimePoint now) const;
  // The longest that a worker which has work has said nothing; 0 where none has work.
  Duration silence(TimePoint now) const;
  // Places of a worker; 1 while there is none.
  std::uint32_t concurrency() const { return workers_.empty() ? 1 : workers_.begin()->second.concurrency; }
  // From sending a batch to its last answer.
  const Durations& batch_times() const { return batch_times_; }
  // Every worker's state, for tests and pages.
  const std::map<WorkerId, WorkerLoad>& all() const { return workers_; }

 private:
  std::uint32_t frames_allowed(const WorkerLoad& load) const;
  bool done_soon(const WorkerLoad& load) const;
  Duration busy_since_counted(const WorkerLoad& load, TimePoint now) const;
  WorkerLoad& counted(WorkerId worker, TimePoint now);
  std::uint32_t depth_;
  Duration ahead_;
  bool frames_run_whole_;
  Duration busy_{};  // of what is counted
  Durations batch_times_;
  std::map<WorkerId, WorkerLoad> workers_;
};

}  // namespace triggerd::dispatch
