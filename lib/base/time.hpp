// Time as values. Nothing here reads a clock: pure code is given `now`, simulations make it up.
#pragma once

#include <chrono>
#include <cstdint>

namespace triggerd {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Milliseconds since the Unix epoch, Kafka's unit for record timestamps; -1: the record has none.
using WallMillis = std::int64_t;

}  // namespace triggerd
