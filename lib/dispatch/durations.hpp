// How long things took, counted by size: what a histogram shows, and quantiles are read from. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace triggerd::dispatch {

struct Durations {
  // Upper bounds, inclusive; the last count is of what took longer.
  static constexpr std::array kBoundsMs{1,   2,     5,     10,    20,     50,     100,    200,
                                        500, 1'000, 2'000, 5'000, 10'000, 30'000, 60'000, 300'000};
  std::array<std::uint64_t, kBoundsMs.size() + 1> counts{};
  Duration sum{};

  void add(Duration took) {
    const auto bound =
        std::ranges::find_if(kBoundsMs, [&](int ms) { return took <= std::chrono::milliseconds(ms); });
    ++counts[static_cast<std::size_t>(bound - kBoundsMs.begin())];
    sum += took;
  }
  // What came after `earlier`, an older value of the same.
  Durations since(const Durations& earlier) const {
    Durations d = *this;
    for (std::size_t i = 0; i < counts.size(); ++i) d.counts[i] -= earlier.counts[i];
    d.sum -= earlier.sum;
    return d;
  }
  std::uint64_t count() const {
    std::uint64_t n = 0;
    for (const std::uint64_t c : counts) n += c;
    return n;
  }
  // The bound that `share` (0 … 1) of them did not exceed; twice the last bound where more did. 0 of none.
  Duration quantile(double share) const {
    const double wanted = share * static_cast<double>(count());
    std::uint64_t n = 0;
    if (wanted <= 0) return {};
    for (std::size_t i = 0; i < kBoundsMs.size(); ++i) {
      n += counts[i];
      if (static_cast<double>(n) >= wanted) return std::chrono::milliseconds(kBoundsMs[i]);
    }
    return std::chrono::milliseconds(2 * kBoundsMs.back());
  }
  bool operator==(const Durations&) const = default;
};

}  // namespace triggerd::dispatch
