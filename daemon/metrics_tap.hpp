// Statuses into metrics: the one place that maps what a trigger says of itself onto the catalogue.
//
// Thread: add() before the triggers run; took() and refreshed() on the control loop; batch() and commit() on
// the trigger's own loop, each touching only the histogram that is its.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/schema.hpp"
#include "metrics/metrics.hpp"
#include "trigger/scale_loop.hpp"
#include "trigger/status.hpp"

namespace triggerd::daemon {

class MetricsTap {
 public:
  MetricsTap();
  void add(const config::Trigger& trigger, const std::string& cluster);
  void took(const trigger::Status& status);
  void took(const trigger::Outlook& outlook);
  void refreshed(const std::string& cluster, const kafka::LagRefresh& refresh);
  void batch(const std::string& trigger, std::size_t records);
  void commit(const std::string& trigger, Duration took);
  // Prometheus text.
  std::function<bool(std::string&)> pieces() const { return metrics_.pieces(); }

 private:
  // What this daemon owns is newest in its own status; of the rest it shows what no member of the group owns.
  struct Partitions {
    std::vector<trigger::PartitionReport> owned;
    std::vector<lag::PartitionLag> group;
  };
  void show(const std::string& trigger);

  metrics::Metrics metrics_;
  std::map<std::string, Partitions> partitions_;
};

}  // namespace triggerd::daemon
