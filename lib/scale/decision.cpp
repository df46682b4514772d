#include "scale/decision.hpp"

#include <tuple>

namespace triggerd::scale {

const char* name(Rule rule) {
  switch (rule) {
    case Rule::lag: return "lag";
    case Rule::rate: return "rate";
    case Rule::lag_seconds: return "lag_seconds";
    case Rule::capped_by_partitions: return "capped_by_partitions";
    case Rule::even_distribution: return "even_distribution";
    case Rule::max_instances: return "max_instances";
    case Rule::min_instances: return "min_instances";
    case Rule::activation: return "activation";
    case Rule::cooldown: return "cooldown";
    case Rule::idle_to_zero: return "idle_to_zero";
    case Rule::tolerance: return "tolerance";
    case Rule::scale_down_window: return "scale_down_window";
    case Rule::step_limit: return "step_limit";
    case Rule::steady: return "steady";
    case Rule::no_data_hold: return "no_data_hold";
    case Rule::stale_hold: return "stale_hold";
    case Rule::incomplete_hold: return "incomplete_hold";
    case Rule::manual: return "manual";
  }
  return "";
}

bool same(const Decision& a, const Decision& b) {
  const auto values = [](const Decision& d) {
    const Evidence& e = d.evidence;
    return std::tie(d.current, d.target, d.vote, d.reason, d.wants, d.cap, e.lag, e.lag_with_stuck,
                    e.partitions, e.stuck_partitions, e.partitions_with_lag, e.behind_seconds, e.rate_in,
                    e.rate_per_instance, e.in_flight, e.active, e.complete);
  };
  return values(a) == values(b);
}

}  // namespace triggerd::scale
