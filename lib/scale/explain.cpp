// A decision in one sentence, with the figures.
#include <cmath>

#include "scale/decision.hpp"

namespace triggerd::scale {
namespace {

template <typename Int>
std::string count(Int n, const char* noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string instances(std::uint32_t n) { return count(n, "instance"); }

// 12.5, 3: at most one decimal.
std::string number(double value) {
  const long long tenths = std::llround(value * 10);
  return std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "");
}

std::string seconds(Duration duration) {
  return number(std::chrono::duration<double>(duration).count()) + " s";
}

// What the rule that asks for the most has to say.
std::string asks(const Decision& d, const config::ScalePolicy& policy) {
  const Evidence& e = d.evidence;
  const std::uint32_t others = d.wants.rate.value_or(d.wants.lag.value_or(0));
  std::string text;
  if (d.wants.lag_seconds && *d.wants.lag_seconds > others)
    text = "the oldest record is " + number(e.behind_seconds.value_or(0)) + " s old, above " +
           seconds(*policy.target_lag) + ", and asks for " + instances(*d.wants.lag_seconds);
  else if (d.wants.rate)
    text = number(e.rate_in.value_or(0)) + " records a second and " + count(e.lag, "record") +
           " of lag ask for " + instances(*d.wants.rate) + ", each of " +
           number(e.rate_per_instance.value_or(0)) + " a second";
  else
    text = count(e.lag, "record") + " of lag, at " + std::to_string(policy.lag_threshold) +
           " an instance, ask for " + instances(others);
  if (e.stuck_partitions > 0 && policy.exclude_persistent_lag)
    text += " (not counted: " + count(e.lag_with_stuck - e.lag, "record") + " of " +
            count(e.stuck_partitions, "stuck partition") + ")";
  return text;
}

std::string idle(const Decision& d) {
  return count(d.evidence.lag_with_stuck, "record") + " of lag and none in flight are nothing to do";
}

}  // namespace

std::string explain(const Decision& d, const config::ScalePolicy& policy, const std::string& by) {
  const std::string target = instances(d.target);
  const std::string kept = d.target == 1 ? target + " stays" : target + " stay";
  switch (d.reason) {
    case Rule::lag:
    case Rule::rate:
    case Rule::lag_seconds: return asks(d, policy);
    case Rule::capped_by_partitions:
      return asks(d, policy) + "; more than " + target + " would have no partition" +
             (policy.limit_to_partitions_with_lag ? " with lag" : "") + " to read";
    case Rule::even_distribution:
      return asks(d, policy) + "; " + target + " share " + count(d.evidence.partitions, "partition") +
             " as well";
    case Rule::max_instances:
      return asks(d, policy) + "; maxInstances is " + std::to_string(policy.max_instances);
    case Rule::min_instances:
      return asks(d, policy) + "; minInstances is " + std::to_string(policy.min_instances);
    case Rule::activation:
      return count(d.evidence.lag_with_stuck, "record") + " of lag and " +
             std::to_string(d.evidence.in_flight) + " in flight keep 1 instance";
    case Rule::cooldown:
      return idle(d) + "; " + kept + " until that has been so for " + seconds(policy.cooldown);
    case Rule::idle_to_zero: return idle(d) + " for " + seconds(policy.cooldown) + " or more: " + target;
    case Rule::tolerance: return asks(d, policy) + "; less than a tenth away, " + kept;
    case Rule::scale_down_window:
      return asks(d, policy) + "; more were asked for within the last " + seconds(policy.scale_down_window) +
             ", " + kept;
    case Rule::step_limit: return asks(d, policy) + "; " + target + " is the step for now";
    case Rule::steady: return asks(d, policy) + "; " + kept;
    case Rule::no_data_hold: return "no lag is known yet; " + kept;
    case Rule::stale_hold:
      return "the lag was last known in full " + number(d.evidence.snapshot_age_seconds.value_or(0)) +
             " s ago; " + kept;
    case Rule::incomplete_hold: return "of some partitions the lag is not known now; " + kept;
    case Rule::manual:
      return target + (d.target == 1 ? " is" : " are") + " set by hand" + (by.empty() ? "" : ", by " + by);
  }
  return "";
}

}  // namespace triggerd::scale
