// At most so many records a second: a bucket of a tenth of a second's worth. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace triggerd::dispatch {

class RateLimit {
 public:
  // `per_second`: 0 is no limit.
  explicit RateLimit(std::uint32_t per_second) : per_second_(per_second), tokens_(most()) {}

  // How many may go out now.
  std::uint64_t available(TimePoint now);
  void took(std::uint64_t records);
  // When `records` may go out, or as many as the bucket holds; nothing: now.
  std::optional<TimePoint> when(std::uint64_t records, TimePoint now);

 private:
  double most() const { return per_second_ < 10 ? 1.0 : per_second_ / 10.0; }
  void refill(TimePoint now);

  std::uint32_t per_second_;
  double tokens_;
  std::optional<TimePoint> filled_{};
};

}  // namespace triggerd::dispatch
