#include "dispatch/rate_limit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace triggerd::dispatch {

void RateLimit::refill(TimePoint now) {
  if (filled_ && now > *filled_) {
    const double seconds = std::chrono::duration<double>(now - *filled_).count();
    tokens_ = std::min(most(), tokens_ + seconds * per_second_);
  }
  if (!filled_ || now > *filled_) filled_ = now;
}

std::uint64_t RateLimit::available(TimePoint now) {
  if (per_second_ == 0) return std::numeric_limits<std::uint64_t>::max();
  refill(now);
  return static_cast<std::uint64_t>(std::max(tokens_, 0.0));
}

void RateLimit::took(std::uint64_t records) {
  if (per_second_ > 0) tokens_ -= static_cast<double>(records);
}

std::optional<TimePoint> RateLimit::when(std::uint64_t records, TimePoint now) {
  if (per_second_ == 0) return std::nullopt;
  refill(now);
  const double wanted = std::floor(std::min(static_cast<double>(records), most()));
  if (tokens_ >= wanted) return std::nullopt;
  // A nanosecond more, so that rounding never wakes too early.
  const double seconds = (wanted - tokens_) / per_second_;
  return now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)) + Duration(1);
}

}  // namespace triggerd::dispatch
