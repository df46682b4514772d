// What the scaler decided, from what, and why: a value for /api, the status page and metrics. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "config/schema.hpp"

namespace triggerd::scale {

// Which rule had the last word. The names are values of a metric's label: short, stable.
enum class Rule {
  lag,                   // one instance per lagThreshold records
  rate,                  // what comes in, and the backlog within drainTarget
  lag_seconds,           // the oldest record is older than targetLagSeconds
  capped_by_partitions,  // more instances would have no partition to read
  even_distribution,     // fewer instances have as many partitions at most each
  max_instances,
  min_instances,
  activation,         // there is work, so there is an instance
  cooldown,           // nothing to do, but not for long enough
  idle_to_zero,       // nothing to do for the cooldown
  tolerance,          // less than a tenth away
  scale_down_window,  // more were asked for not long ago
  step_limit,         // on the way there
  steady,             // as many as before
  no_data_hold,       // nothing is known yet
  stale_hold,         // what is known is too old
  incomplete_hold,    // of some partitions nothing new is known
  manual,
};
const char* name(Rule rule);

// How many instances each rule asked for, before any limit. Absent: the rule had nothing to say.
struct Wants {
  std::optional<std::uint32_t> lag, rate, lag_seconds;
  bool operator==(const Wants&) const = default;
};

// What the decision was made from.
struct Evidence {
  std::int64_t lag = 0;             // records, of partitions that are not stuck (of all, where they count)
  std::int64_t lag_with_stuck = 0;  // records, of all partitions
  std::uint32_t partitions = 0, stuck_partitions = 0, partitions_with_lag = 0;
  std::optional<double> behind_seconds;        // age of the oldest unsettled record, as far as known
  std::optional<double> rate_in;               // records a second, smoothed, to a tenth
  std::optional<double> rate_per_instance;     // … that one instance can handle
  std::uint64_t in_flight = 0;                 // records
  bool active = false;                         // there is work, or may be
  bool complete = false;                       // every partition was answered in the last refresh
  std::optional<double> snapshot_age_seconds;  // absent: there never was a whole one
};

struct Decision {
  TimePoint first{}, now{};  // of decisions that were the same one after another, the first and the last
  std::uint64_t count = 1;   // … and how many
  std::uint32_t current = 0, target = 0;  // instances
  int vote = 0;                           // 1: more than there are, -1: fewer
  Rule reason = Rule::no_data_hold;
  std::string text;  // one sentence
  Evidence evidence;
  Wants wants;
  std::optional<std::uint32_t> cap;  // by partitions; absent: none, or not known
};

// Whether they differ in time only, and in what follows from time alone: the age and the sentence that names
// it.
bool same(const Decision& a, const Decision& b);

// explain.cpp: the sentence. `by`: who set the target, with Rule::manual.
std::string explain(const Decision& decision, const config::ScalePolicy& policy, const std::string& by);

}  // namespace triggerd::scale
