// The daemon's metrics: handles to set them by, and the page that shows them. A tap: no decision reads one
// back.
//
// Thread: any; one trigger's handles are set by one thread at a time (its loop), the page may be rendered by
// another meanwhile. Names, labels and help come from catalog.hpp; a handle whose name is not there does not
// compile.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/handles.hpp"
#include "metrics/partition_text.hpp"

namespace triggerd::metrics {

class Registry;

// Everything about one trigger. Made by Metrics::trigger.
class TriggerMetrics {
 public:
  TriggerMetrics(Registry& registry, std::string trigger);
  TriggerMetrics(const TriggerMetrics&) = delete;
  TriggerMetrics& operator=(const TriggerMetrics&) = delete;

  ByValue<Gauge> state;
  Gauge reading;
  Counter records_read;
  ByValue<Counter> records_ignored;
  Counter records_delivered;
  ByValue<Counter> records_settled;
  Counter dead_letters_failed;
  Counter attempts_failed, attempts_timed_out, records_suspected;
  Counter records_released;
  Counter records_unreadable, texts_replaced;
  ByValue<Counter> answers_stale;
  Histogram batch_records, batch_duration;
  Gauge in_flight_records, in_flight_limit_records;
  Gauge undelivered_records, held_records, held_bytes;
  Gauge lanes_parked, lanes_blocked, lanes_alarmed, partitions_paused;
  Gauge assigned_partitions, lag_complete, target_processes;
  ByValue<Counter> lag_anomalies, rebalances;
  ByValue<Counter> commits;
  Histogram commit_duration;
  ByValue<Gauge> worker_processes;
  Counter worker_busy, worker_starts, worker_restarts;
  ByValue<Counter> worker_recycles;
  Counter worker_start_failures, worker_losses, worker_protocol_errors;

  // All that are shown: partitions that are not named lose their series.
  void set_partitions(std::vector<PartitionValues> partitions);
  PartitionSnapshot partitions() const;

 private:
  const std::string trigger_;
  mutable std::mutex mutex_;
  std::vector<PartitionValues> partitions_;  // guarded by mutex_
};

// Of a trigger's group and what follows from its lag: there only once that is known, or it would read as 0.
class OutlookMetrics {
 public:
  OutlookMetrics(Registry& registry, const std::string& trigger);

  Gauge snapshot_timestamp;
  ByValue<Gauge> consumer_status;
  Gauge target_instances, current_instances, active, stuck_partitions;
  ByValue<Counter> decisions;
};

// Of the lag source of one cluster.
class ClusterMetrics {
 public:
  ClusterMetrics(Registry& registry, std::string cluster);

  Histogram refresh_duration;
  ByValue<Counter> requests;
  void error(const std::string& name, std::uint64_t count);

 private:
  Registry& registry_;
  const std::string cluster_;
};

class Metrics {
 public:
  Metrics(std::string_view version, std::string_view librdkafka);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The trigger's handles; they stay where they are as long as Metrics lives. The first call makes its
  // series.
  TriggerMetrics& trigger(const std::string& name);
  OutlookMetrics& outlook(const std::string& trigger);
  ClusterMetrics& cluster(const std::string& name);
  void trigger_info(const std::string& trigger, const std::string& group, const std::string& cluster);

  // The page, Prometheus text format 0.0.4, made piece by piece: each call appends the next; false: that was
  // the last. A family that is begun is of one moment, but for one larger than a piece. While Metrics lives.
  std::function<bool(std::string&)> pieces() const;

 private:
  const std::unique_ptr<Registry> registry_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, std::unique_ptr<TriggerMetrics>> triggers_;
  std::map<std::string, std::unique_ptr<OutlookMetrics>> outlooks_;
  std::map<std::string, std::unique_ptr<ClusterMetrics>> clusters_;
};

}  // namespace triggerd::metrics
