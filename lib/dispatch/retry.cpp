#include "dispatch/retry.hpp"

#include <algorithm>
#include <cmath>

namespace triggerd::dispatch {

std::optional<Duration> retry_delay(const config::RetryPolicy& policy, std::uint32_t failures, double unit) {
  if (policy.max_retry_count >= 0 && failures > policy.max_retry_count) return std::nullopt;
  if (policy.strategy == config::RetryPolicy::Strategy::fixed_delay) return policy.delay_interval;
  const double first = static_cast<double>(policy.minimum_interval.count());
  const double most = static_cast<double>(policy.maximum_interval.count());
  // 2^62 ns is a century: beyond it only the maximum matters, and the power must not overflow.
  const double wait = std::ldexp(first, static_cast<int>(std::min(failures - 1, 62U))) * (0.8 + 0.4 * unit);
  return Duration{static_cast<Duration::rep>(std::min(wait, most))};
}

}  // namespace triggerd::dispatch
