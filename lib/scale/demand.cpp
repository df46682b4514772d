#include "scale/demand.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace triggerd::scale {
namespace {

constexpr double kUtilization = 0.8;  // an instance is planned to be busy for this share of the time
constexpr double kMostGrowth = 2;     // by age alone, of the instances there are
constexpr std::uint32_t kMost = 1'000'000;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// The sum of lags that are each right may still be too large.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return a > std::numeric_limits<std::int64_t>::max() - b ? std::numeric_limits<std::int64_t>::max() : a + b;
}

std::uint32_t instances(double number) {
  // The quotient of what should come out whole may be a trifle above it.
  return static_cast<std::uint32_t>(std::clamp(std::ceil(number - 1e-9), 0.0, double{kMost}));
}

std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace

Evidence sum_up(const lag::Snapshot& snapshot, const std::set<TopicPartition>& stuck,
                const config::ScalePolicy& policy) {
  Evidence evidence;
  evidence.partitions = static_cast<std::uint32_t>(snapshot.partitions.size());
  evidence.complete = snapshot.complete;
  for (const lag::PartitionLag& p : snapshot.partitions) {
    const std::int64_t lag = std::max<std::int64_t>(p.lag.value_or(0), 0);
    evidence.complete = evidence.complete && (p.lag || p.unread) && !p.failed;
    evidence.lag_with_stuck = plus(evidence.lag_with_stuck, lag);
    if (stuck.contains(p.source)) {
      ++evidence.stuck_partitions;
      if (policy.exclude_persistent_lag) continue;
    }
    evidence.lag = plus(evidence.lag, lag);
    if (lag > 0) ++evidence.partitions_with_lag;
    if (p.behind)
      evidence.behind_seconds = std::max(evidence.behind_seconds.value_or(0), in_seconds(*p.behind));
  }
  return evidence;
}

Wants wants(const Evidence& e, const config::ScalePolicy& policy, std::uint32_t current) {
  Wants wants;
  const auto lag = static_cast<double>(e.lag);
  if (policy.mode == config::ScalePolicy::Mode::rate && e.rate_in && e.rate_per_instance &&
      *e.rate_per_instance > 0)
    wants.rate = instances((*e.rate_in + lag / in_seconds(policy.drain_target)) /
                           (*e.rate_per_instance * kUtilization));
  else
    wants.lag = instances(lag / static_cast<double>(policy.lag_threshold));
  if (policy.target_lag && e.behind_seconds && *e.behind_seconds > in_seconds(*policy.target_lag))
    wants.lag_seconds = instances(std::max<std::uint32_t>(current, 1) *
                                  std::min(kMostGrowth, *e.behind_seconds / in_seconds(*policy.target_lag)));
  return wants;
}

std::optional<std::uint32_t> cap_of(const Evidence& evidence, const config::ScalePolicy& policy) {
  if (policy.allow_idle_consumers) return std::nullopt;
  return std::max(policy.limit_to_partitions_with_lag ? evidence.partitions_with_lag : evidence.partitions,
                  1U);
}

std::uint32_t even(std::uint32_t instances, std::uint32_t partitions) {
  if (instances == 0 || instances >= partitions) return instances;
  return ceil_div(partitions, ceil_div(partitions, instances));
}

Demand demand(const Wants& wants, const Evidence& evidence, std::optional<std::uint32_t> cap,
              const config::ScalePolicy& policy) {
  Demand d{wants.rate ? *wants.rate : wants.lag.value_or(0), wants.rate ? Rule::rate : Rule::lag};
  if (wants.lag_seconds && *wants.lag_seconds > d.instances) d = {*wants.lag_seconds, Rule::lag_seconds};
  if (cap && d.instances > *cap) d = {*cap, Rule::capped_by_partitions};
  if (d.instances > policy.max_instances) d = {policy.max_instances, Rule::max_instances};
  if (policy.even_distribution && even(d.instances, evidence.partitions) < d.instances)
    d = {even(d.instances, evidence.partitions), Rule::even_distribution};
  return d;
}

}  // namespace triggerd::scale
