// Lag and decisions as the JSON of /scale/NAME, /api/triggers/NAME and /api/triggers/NAME/decisions. Pure.
//
// Times are ages in seconds: the decisions know no wall clock. What is not known is null, never 0.
#pragma once

#include <deque>
#include <string>

#include <boost/json/object.hpp>

#include "base/time.hpp"
#include "scale/pool_size.hpp"
#include "trigger/scale_loop.hpp"

namespace triggerd::trigger {

// What an autoscaler reads, KEDA's metrics-api for one: {"trigger","target","lag","stale","reason",…}.
std::string scale_json(const Outlook& outlook, TimePoint now);
// Newest first.
std::string decisions_json(const std::string& trigger, const std::deque<scale::Decision>& decisions,
                           TimePoint now);
// Members of a trigger's page.
boost::json::object lag_member(const lag::Snapshot& snapshot, TimePoint now);
boost::json::object pool_member(const scale::PoolDecision& decision, TimePoint now);

}  // namespace triggerd::trigger
