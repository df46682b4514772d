// The simulation's dice: the same on every machine and with every standard library, so that a seed is a
// story.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace triggerd::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // splitmix64
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // low … high, both possible.
  std::uint32_t between(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(next() % (high - low + 1ULL));
  }
  Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<Duration::rep>(next() %
                                                     static_cast<std::uint64_t>((high - low).count() + 1)));
  }
  bool chance(std::uint32_t per_mille) { return next() % 1000 < per_mille; }

 private:
  std::uint64_t state_;
};

}  // namespace triggerd::sim
