// Statuses into metrics: the one place that maps what a trigger says of itself onto the catalogue.
//
// Thread: add() before the triggers run; took() on the control loop; batch() and commit() on the trigger's
// own loop, each touching only the histogram that is its.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/time.hpp"
#include "metrics/metrics.hpp"
#include "trigger/status.hpp"

namespace triggerd::daemon {

class MetricsTap {
 public:
  MetricsTap();
  void add(const std::string& trigger, std::uint64_t in_flight_limit);
  void took(const trigger::Status& status);
  void batch(const std::string& trigger, std::size_t records);
  void commit(const std::string& trigger, Duration took);
  // Prometheus text.
  std::string render() const { return metrics_.render(); }

 private:
  metrics::Metrics metrics_;
};

}  // namespace triggerd::daemon
