// The keys of `scale`.
#include "config/parse.hpp"

namespace triggerd::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Mode = ScalePolicy::Mode;

constexpr Enumerator<Mode> kModes[] = {{"lag", Mode::lag}, {"rate", Mode::rate}};
constexpr Range<Duration> kWait{Duration{}, hours(7 * 24)};
constexpr Range<Duration> kSpan{seconds(1), kWait.most};
constexpr std::int64_t kMostRecords = 1'000'000'000'000;
constexpr std::uint32_t kMostInstances = 10'000;

void read_target_lag(const Value& value, ScalePolicy& policy) {
  if (const auto count = value.count({1, 604'800})) policy.target_lag = seconds(*count);
}

constexpr Field<ScalePolicy> kScale[] = {
    {"mode", [](const Value& v, ScalePolicy& s) { set(s.mode, v.one_of(kModes)); }},
    {"lagThreshold",
     [](const Value& v, ScalePolicy& s) { set(s.lag_threshold, v.integer({1, kMostRecords})); }},
    {"activationLagThreshold",
     [](const Value& v, ScalePolicy& s) { set(s.activation_lag_threshold, v.integer({0, kMostRecords})); }},
    {"minInstances",
     [](const Value& v, ScalePolicy& s) { set(s.min_instances, v.count({0, kMostInstances})); }},
    {"maxInstances",
     [](const Value& v, ScalePolicy& s) { set(s.max_instances, v.count({1, kMostInstances})); }},
    {"targetLagSeconds", read_target_lag},
    {"drainTarget", [](const Value& v, ScalePolicy& s) { set(s.drain_target, v.duration(kSpan)); }},
    {"excludePersistentLag",
     [](const Value& v, ScalePolicy& s) { set(s.exclude_persistent_lag, v.boolean()); }},
    {"stuckAfter", [](const Value& v, ScalePolicy& s) { set(s.stuck_after, v.duration(kSpan)); }},
    {"limitToPartitionsWithLag",
     [](const Value& v, ScalePolicy& s) { set(s.limit_to_partitions_with_lag, v.boolean()); }},
    {"allowIdleConsumers", [](const Value& v, ScalePolicy& s) { set(s.allow_idle_consumers, v.boolean()); }},
    {"ensureEvenDistributionOfPartitions",
     [](const Value& v, ScalePolicy& s) { set(s.even_distribution, v.boolean()); }},
    {"scaleDownWindow", [](const Value& v, ScalePolicy& s) { set(s.scale_down_window, v.duration(kWait)); }},
    {"cooldown", [](const Value& v, ScalePolicy& s) { set(s.cooldown, v.duration(kWait)); }},
};

// What KEDA has elsewhere, in a ScaledObject.
constexpr Withheld kElsewhere[] = {
    {"minReplicaCount", "is minInstances here"},
    {"maxReplicaCount", "is maxInstances here"},
    {"cooldownPeriod", "is cooldown here"},
    {"stabilizationWindowSeconds", "is scaleDownWindow here"},
    {"evenDistribution", "is ensureEvenDistributionOfPartitions here"},
    {"offsetResetPolicy", "is the trigger's startFrom here"},
};

}  // namespace

std::span<const Field<ScalePolicy>> scale_fields() { return kScale; }

void read_scale(const Value& map, Trigger& trigger) {
  read_fields(map, scale_fields(), trigger.scale, kElsewhere);
}

}  // namespace triggerd::config
