#include "metrics/metrics.hpp"

#include <algorithm>

#include "metrics/catalog.hpp"
#include "metrics/registry.hpp"

namespace triggerd::metrics {
namespace {

// Large enough that the calls cost nothing, small enough that a loop turns between them.
constexpr std::size_t kPieceBytes = 128 << 10;

const Registry::Bounds kBatch{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
const Registry::Bounds kSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const Registry::Bounds kDelivery = [] {
  Registry::Bounds seconds;
  for (const int ms : dispatch::Durations::kBoundsMs) seconds.push_back(ms / 1000.0);
  return seconds;
}();

}  // namespace

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
      records_unreadable(r.counter(definition("triggerd_records_unreadable_total"), name)),
      texts_replaced(r.counter(definition("triggerd_texts_replaced_total"), name)),
      answers_stale(r.counters(definition("triggerd_answers_stale_total"), name)),
      batch_records(r.histogram(definition("triggerd_batch_records"), name, kBatch)),
      batch_duration(r.histogram(definition("triggerd_batch_duration_seconds"), name, kDelivery)),
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
      lag_anomalies(r.counters(definition("triggerd_lag_anomalies_total"), name)),
      rebalances(r.counters(definition("triggerd_rebalances_total"), name)),
      commits(r.counters(definition("triggerd_commits_total"), name)),
      commit_duration(r.histogram(definition("triggerd_commit_duration_seconds"), name, kSeconds)),
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
      consumer_status(r.gauges(definition("triggerd_consumer_status"), name)),
      target_instances(r.gauge(definition("triggerd_scale_target_instances"), name)),
      current_instances(r.gauge(definition("triggerd_scale_current_instances"), name)),
      active(r.gauge(definition("triggerd_scale_active"), name)),
      stuck_partitions(r.gauge(definition("triggerd_scale_stuck_partitions"), name)),
      decisions(r.counters(definition("triggerd_scale_decisions_total"), name)) {}

ClusterMetrics::ClusterMetrics(Registry& r, std::string name)
    : refresh_duration(r.histogram(definition("triggerd_lag_refresh_duration_seconds"), name, kSeconds)),
      requests(r.counters(definition("triggerd_lag_requests_total"), name)),
      registry_(r),
      cluster_(std::move(name)) {}

void ClusterMetrics::error(const std::string& name, std::uint64_t count) {
  registry_.find_counter(definition("triggerd_lag_refresh_errors_total"), {cluster_, name}).add(count);
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

std::function<bool(std::string&)> Metrics::pieces() const {
  std::vector<PartitionSnapshot> snapshots;
  {
    const std::scoped_lock lock(mutex_);
    snapshots.reserve(triggers_.size());
    for (const auto& [name, metrics] : triggers_) snapshots.push_back(metrics->partitions());
  }
  struct Progress {
    Registry::Place place;
    bool partitions_only = false;
    PartitionText partitions;
  };
  auto progress = std::make_shared<Progress>(Progress{{}, false, PartitionText(std::move(snapshots))});
  return [registry = registry_.get(), progress = std::move(progress)](std::string& page) {
    const std::size_t enough = page.size() + kPieceBytes;
    if (!progress->partitions_only && registry->append(page, progress->place, kPieceBytes)) return true;
    progress->partitions_only = true;
    return progress->partitions.append(page, enough - std::min(enough, page.size()));
  };
}

}  // namespace triggerd::metrics
