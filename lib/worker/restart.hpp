// When a lost worker is started again, and when that has become a crash loop. Pure: the random number comes
// in.
#pragma once

#include <cstdint>

#include "worker/timings.hpp"

namespace triggerd::worker {

// One place in a pool: first · 2^n up to most, times 0.8 … 1.2. n rises with each start that failed and each
// exit soon after it, and is 0 again after a life long enough to call the worker healthy.
class RestartDelay {
 public:
  // So many failures without a healthy life between them are a crash loop.
  static constexpr std::uint32_t kCrashLoop = 5;

  explicit RestartDelay(const Timings& timings) : timings_(timings) {}
  // `lifetime`: from spawn to end. `unit`: uniform in [0, 1).
  Duration after(bool was_ready, Duration lifetime, double unit);
  // It has proved itself without ending.
  void healthy() { failures_ = 0; }

  std::uint32_t failures() const { return failures_; }
  bool crash_looping() const { return failures_ >= kCrashLoop; }

 private:
  Timings timings_;
  std::uint32_t failures_ = 0;
};

}  // namespace triggerd::worker
