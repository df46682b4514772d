#include "worker/restart.hpp"

#include <algorithm>
#include <cmath>

namespace triggerd::worker {

Duration RestartDelay::after(bool was_ready, Duration lifetime, double unit) {
  if (was_ready && lifetime >= timings_.healthy_after) failures_ = 0;
  const double wait =
      std::ldexp(static_cast<double>(timings_.restart_first.count()), static_cast<int>(failures_));
  if (!was_ready || lifetime < timings_.quick_exit) failures_ = std::min(failures_ + 1, 40U);
  const double jittered = wait * (0.8 + 0.4 * unit);
  return Duration{
      static_cast<Duration::rep>(std::min(jittered, static_cast<double>(timings_.restart_most.count())))};
}

}  // namespace triggerd::worker
