// How many worker processes this daemon runs for a trigger, between processes.min and max. Pure.
//
// Grows early, as soon as all are at work and busy and records wait; at most doubles, and looks at what came
// of it before it grows again. Shrinks by one after a quiet window, and only where those left would not be
// busy, also where some do not start; when it had to grow again soon after, the window is longer the next
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"

namespace triggerd::scale {

struct PoolInputs {
  std::uint32_t wanted = 1;       // processes the pool keeps now
  std::uint32_t ready = 1;        // … of which so many take work
  double busy = 0;                // of the last seconds: time workers had work / (ready · time), 0 … 1
  std::uint64_t waiting = 0;      // records no worker has yet; not those parked or blocked
  double rate = 0;                // records handled a second by all of them, in the last seconds
  std::uint32_t concurrency = 1;  // records one process takes at once
  std::optional<std::uint32_t> useful = {};  // more processes would have nothing to do: owned partitions
                                             // where ordering is partition
  std::optional<std::uint64_t> process_bytes = {}, free_bytes = {};  // of memory
};

enum class PoolRule {
  grow,
  shrink,
  steady,
  limits,
  most_processes,
  partitions,
  memory,
  starting,
  settling,
  quiet
};
const char* name(PoolRule rule);

struct PoolDecision {
  TimePoint now{};
  std::uint32_t current = 0, target = 0;  // processes
  PoolRule rule = PoolRule::steady;
  std::string text;  // one sentence
};

class PoolSize {
 public:
  static constexpr double kBusy = 0.8;             // above it, with a backlog, more are started
  static constexpr double kBusyAfterShrink = 0.6;  // up to it, for those left, one is stopped
  static constexpr double kBacklogSeconds = 1;     // records waiting that take longer are a backlog
  static constexpr Duration kSettle = std::chrono::seconds(5);
  static constexpr Duration kQuiet = std::chrono::seconds(60), kLongestQuiet = std::chrono::minutes(16);

  // 1 <= least <= most.
  PoolSize(std::uint32_t least, std::uint32_t most) : least_(least), most_(most) {}

  // Every second or so. `now` never goes back.
  PoolDecision decide(const PoolInputs& inputs, TimePoint now);

 private:
  PoolDecision judge(const PoolInputs& inputs, TimePoint now);
  PoolDecision grow(const PoolInputs& inputs, double backlog, TimePoint now);
  PoolDecision rest(const PoolInputs& inputs, double backlog, TimePoint now);

  std::uint32_t least_, most_;
  std::optional<TimePoint> settled_;  // since when all that are wanted are ready
  std::optional<TimePoint> quiet_;    // since when one fewer would do
  std::optional<TimePoint> shrunk_;
  Duration patience_ = kQuiet;
};

}  // namespace triggerd::scale
