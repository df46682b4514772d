// What follows a failed attempt, and when. Pure: the random number comes in.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "config/schema.hpp"

namespace triggerd::dispatch {

// The wait before the next attempt, or nothing where the retries are used up. `failures`: failed attempts so
// far, at least 1. `unit`: uniform in [0, 1), the jitter: an exponential wait is min·2^(failures−1) times 0.8
// … 1.2, at most the maximum (the original's RandomizedExponentialBackoffStrategy has the same spread).
std::optional<Duration> retry_delay(const config::RetryPolicy& policy, std::uint32_t failures, double unit);

}  // namespace triggerd::dispatch
