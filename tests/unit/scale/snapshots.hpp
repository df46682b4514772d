// Snapshots for the scaler's tests: a partition per lag, all answered at `at`.
#pragma once

#include <initializer_list>
#include <string>

#include "lag/snapshot.hpp"

namespace triggerd::scale {

inline TimePoint at(double seconds) {
  return TimePoint{std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds))};
}

// The commit is at 0 and moves all the time; the end is the lag.
inline lag::Snapshot snapshot(std::initializer_list<std::int64_t> lags, TimePoint taken) {
  static const Topic topic("orders");
  lag::Snapshot s;
  s.trigger = "orders";
  s.taken = taken;
  s.complete = true;
  for (const std::int64_t lag : lags) {
    lag::PartitionLag p;
    p.source = {topic, Partition{static_cast<std::int32_t>(s.partitions.size())}};
    p.end = Offset{lag};
    p.lag = lag;
    p.moved = p.sampled = taken;
    p.owner = lag::Owner::us;
    s.partitions.push_back(p);
  }
  return s;
}

}  // namespace triggerd::scale
