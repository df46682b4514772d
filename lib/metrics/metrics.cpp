#include "metrics/metrics.hpp"

#include <sstream>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "metrics/catalog.hpp"

namespace triggerd::metrics {
namespace {

prometheus::Histogram::BucketBoundaries batch_buckets() {
  return {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
}

prometheus::Histogram::BucketBoundaries commit_buckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

prometheus::Histogram::BucketBoundaries delivery_buckets() {
  prometheus::Histogram::BucketBoundaries seconds;
  for (const int ms : dispatch::Durations::kBoundsMs) seconds.push_back(ms / 1000.0);
  return seconds;
}

}  // namespace

// The catalogue's rows as families of the library's registry.
class Registry {
 public:
  // `owner`: the value of the first label, a trigger's name or a cluster's.
  Counter counter(const Definition& row, const std::string& owner) {
    return Counter(family<prometheus::Counter>(row).Add(labels(row, {owner})));
  }
  Counter counter(const Definition& row, const std::string& owner, const std::string& value) {
    return Counter(family<prometheus::Counter>(row).Add(labels(row, {owner, value})));
  }
  Gauge gauge(const Definition& row, const std::string& owner) {
    return Gauge(family<prometheus::Gauge>(row).Add(labels(row, {owner})));
  }
  Histogram histogram(const Definition& row, const std::string& owner,
                      const prometheus::Histogram::BucketBoundaries& buckets) {
    return Histogram(family<prometheus::Histogram>(row).Add(labels(row, {owner}), buckets));
  }
  ByValue<Counter> counters(const Definition& row, const std::string& owner) {
    return by_value<Counter, prometheus::Counter>(row, owner);
  }
  ByValue<Gauge> gauges(const Definition& row, const std::string& owner) {
    return by_value<Gauge, prometheus::Gauge>(row, owner);
  }
  // A gauge that is 1 for what its labels say.
  void info(const Definition& row, std::initializer_list<std::string> values) {
    family<prometheus::Gauge>(row).Add(labels(row, values)).Set(1);
  }

  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, registry_.Collect());
    return std::move(out).str();
  }

 private:
  // The library answers a known name, help and no constant labels with the family it has.
  template <typename Metric>
  prometheus::Family<Metric>& family(const Definition& row) {
    const std::string name(row.name);
    const std::string help(row.help);
    if constexpr (std::is_same_v<Metric, prometheus::Counter>) {
      return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
    } else if constexpr (std::is_same_v<Metric, prometheus::Gauge>) {
      return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
    } else {
      return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
    }
  }

  static std::map<std::string, std::string> labels(const Definition& row,
                                                   std::initializer_list<std::string> values) {
    std::map<std::string, std::string> result;
    Words names(row.labels);
    for (const std::string& value : values) result.emplace(names.next(), value);
    return result;
  }

  template <typename Handle, typename Metric>
  ByValue<Handle> by_value(const Definition& row, const std::string& owner) {
    std::map<std::string, Handle, std::less<>> handles;
    Words values(row.values);
    for (std::string_view value = values.next(); !value.empty(); value = values.next()) {
      handles.emplace(value, family<Metric>(row).Add(labels(row, {owner, std::string(value)})));
    }
    return ByValue<Handle>(std::move(handles));
  }

  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
};

TriggerMetrics::TriggerMetrics(Registry& r, std::string name)
    : state(r.gauges(definition("triggerd_trigger_state"), name)),
      reading(r.gauge(definition("triggerd_reading"), name)),
      records_read(r.counter(definition("triggerd_records_read_total"), name)),
      records_ignored(r.counters(definition("triggerd_records_ignored_total"), name)),
      records_delivered(r.counter(definition("triggerd_records_delivered_total"), name)),
      records_settled(r.counters(definition("triggerd_records_settled_total"), name)),
      dead_letters_failed(r.counter(definition("triggerd_dead_letters_failed_total"), name)),
      attempts_failed(r.counter(definition("triggerd_record_attempts_failed_total"), name)),
      attempts_timed_out(r.counter(definition("triggerd_record_attempts_timed_out_total"), name)),
      records_suspected(r.counter(definition("triggerd_records_suspected_total"), name)),
      records_released(r.counter(definition("triggerd_records_released_total"), name)),
      answers_stale(r.counters(definition("triggerd_answers_stale_total"), name)),
      batch_records(r.histogram(definition("triggerd_batch_records"), name, batch_buckets())),
      batch_duration(r.histogram(definition("triggerd_batch_duration_seconds"), name, delivery_buckets())),
      in_flight_records(r.gauge(definition("triggerd_in_flight_records"), name)),
      in_flight_limit_records(r.gauge(definition("triggerd_in_flight_limit_records"), name)),
      undelivered_records(r.gauge(definition("triggerd_undelivered_records"), name)),
      held_records(r.gauge(definition("triggerd_held_records"), name)),
      held_bytes(r.gauge(definition("triggerd_held_bytes"), name)),
      lanes_parked(r.gauge(definition("triggerd_lanes_parked"), name)),
      lanes_blocked(r.gauge(definition("triggerd_lanes_blocked"), name)),
      lanes_alarmed(r.gauge(definition("triggerd_lanes_alarmed"), name)),
      partitions_paused(r.gauge(definition("triggerd_partitions_paused"), name)),
      assigned_partitions(r.gauge(definition("triggerd_assigned_partitions"), name)),
      lag_complete(r.gauge(definition("triggerd_lag_complete"), name)),
      target_processes(r.gauge(definition("triggerd_scale_target_processes"), name)),
      rebalances(r.counters(definition("triggerd_rebalances_total"), name)),
      commits(r.counters(definition("triggerd_commits_total"), name)),
      commit_duration(r.histogram(definition("triggerd_commit_duration_seconds"), name, commit_buckets())),
      worker_processes(r.gauges(definition("triggerd_worker_processes"), name)),
      worker_busy(r.counter(definition("triggerd_worker_busy_seconds_total"), name)),
      worker_starts(r.counter(definition("triggerd_worker_starts_total"), name)),
      worker_restarts(r.counter(definition("triggerd_worker_restarts_total"), name)),
      worker_recycles(r.counters(definition("triggerd_worker_recycles_total"), name)),
      worker_start_failures(r.counter(definition("triggerd_worker_start_failures_total"), name)),
      worker_losses(r.counter(definition("triggerd_worker_losses_total"), name)),
      worker_protocol_errors(r.counter(definition("triggerd_worker_protocol_errors_total"), name)),
      trigger_(std::move(name)) {}

void TriggerMetrics::set_partitions(std::vector<PartitionValues> partitions) {
  const std::scoped_lock lock(mutex_);
  partitions_.swap(partitions);
}

PartitionSnapshot TriggerMetrics::partitions() const {
  const std::scoped_lock lock(mutex_);
  return {trigger_, partitions_};
}

OutlookMetrics::OutlookMetrics(Registry& r, const std::string& name)
    : snapshot_timestamp(r.gauge(definition("triggerd_lag_snapshot_timestamp_seconds"), name)),
      anomalies(r.counters(definition("triggerd_lag_anomalies_total"), name)),
      consumer_status(r.gauges(definition("triggerd_consumer_status"), name)),
      target_instances(r.gauge(definition("triggerd_scale_target_instances"), name)),
      current_instances(r.gauge(definition("triggerd_scale_current_instances"), name)),
      active(r.gauge(definition("triggerd_scale_active"), name)),
      stuck_partitions(r.gauge(definition("triggerd_scale_stuck_partitions"), name)),
      decisions(r.counters(definition("triggerd_scale_decisions_total"), name)) {}

ClusterMetrics::ClusterMetrics(Registry& r, std::string name)
    : refresh_duration(
          r.histogram(definition("triggerd_lag_refresh_duration_seconds"), name, commit_buckets())),
      requests(r.counters(definition("triggerd_lag_requests_total"), name)),
      registry_(r),
      cluster_(std::move(name)) {}

void ClusterMetrics::error(const std::string& name, std::uint64_t count) {
  registry_.counter(definition("triggerd_lag_refresh_errors_total"), cluster_, name).add(count);
}

Metrics::Metrics(std::string_view version, std::string_view librdkafka)
    : registry_(std::make_unique<Registry>()) {
  registry_->info(definition("triggerd_build_info"), {std::string(version), std::string(librdkafka)});
}

Metrics::~Metrics() = default;

TriggerMetrics& Metrics::trigger(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<TriggerMetrics>& slot = triggers_[name];
  if (!slot) slot = std::make_unique<TriggerMetrics>(*registry_, name);
  return *slot;
}

OutlookMetrics& Metrics::outlook(const std::string& trigger) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<OutlookMetrics>& slot = outlooks_[trigger];
  if (!slot) slot = std::make_unique<OutlookMetrics>(*registry_, trigger);
  return *slot;
}

ClusterMetrics& Metrics::cluster(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<ClusterMetrics>& slot = clusters_[name];
  if (!slot) slot = std::make_unique<ClusterMetrics>(*registry_, name);
  return *slot;
}

void Metrics::trigger_info(const std::string& trigger, const std::string& group, const std::string& cluster) {
  registry_->info(definition("triggerd_trigger_info"), {trigger, group, cluster});
}

std::string Metrics::render() const {
  std::vector<PartitionSnapshot> snapshots;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, metrics] : triggers_) snapshots.push_back(metrics->partitions());
  }
  std::string page = registry_->text();
  append_partitions(page, snapshots);
  return page;
}

}  // namespace triggerd::metrics
