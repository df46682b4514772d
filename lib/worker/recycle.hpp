// When a process is replaced by a fresh one before it has failed, and which is next. Pure: time and chance
// come in.
//
//   idle → starting (the replacement) → draining (the old one) → idle
//             ↘ it did not start: waiting → idle
//
// One at a time in a pool: what is replaced has a ready successor, so that the trigger never has less than
// its processes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/types.hpp"
#include "worker/restart.hpp"

namespace triggerd::worker {

enum class RecycleReason { requests, memory };
const char* name(RecycleReason reason);

// How many records one process may handle: 80 to 100 % of maxRequests, at least one, so that the processes of
// a pool do not all fall due together. 0: any number. `unit`: uniform in [0, 1).
std::uint64_t draw_request_limit(std::uint64_t max_requests, double unit);

// keep, replace in good order, or end at once. `max_memory` 0: any amount.
enum class MemoryVerdict { keep, recycle, kill };
MemoryVerdict judge_memory(std::uint64_t bytes, std::uint64_t max_memory);

class Recycling {
 public:
  explicit Recycling(const Timings& timings) : starts_(timings), memory_(timings) {}

  struct Due {
    WorkerId worker;
    RecycleReason reason{};
  };
  // It is to be replaced; what is said of it again changes nothing.
  void due(WorkerId worker, RecycleReason reason);
  // It leaves for another reason, and its replacement has not begun.
  void forget(WorkerId worker);
  // Whose replacement is to be started now; nullopt: nobody's.
  std::optional<Due> begin();
  // The replacement is ready: the old one is to be drained.
  Due replaced();
  // The replacement ended without having been ready: the old one stays, and stays due. How long to wait.
  Duration not_replaced(Duration lifetime, double unit);
  // This worker, whichever it is, has ended after `lifetime`. Where that ends a recycle for memory: how long
  // to wait before the next, or processes that are too large from their start would follow each other without
  // end.
  std::optional<Duration> gone(WorkerId worker, Duration lifetime, double unit);
  void wait_over() { waiting_ = false; }

 private:
  Duration wait(Duration duration);
  std::deque<Due> due_;
  std::optional<Due> current_;
  bool draining_ = false;  // current_'s replacement has its place
  bool waiting_ = false;
  RestartDelay starts_;  // of replacements that do not start
  RestartDelay memory_;  // of processes replaced for their memory
};

}  // namespace triggerd::worker
