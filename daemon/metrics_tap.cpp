#include "daemon/metrics_tap.hpp"

#include <string_view>

#include <librdkafka/rdkafka.h>

#include "lag/condition.hpp"
#include "version.hpp"

namespace triggerd::daemon {

MetricsTap::MetricsTap() : metrics_(kVersion, rd_kafka_version_str()) {}

void MetricsTap::add(const config::Trigger& trigger, const std::string& cluster) {
  metrics::TriggerMetrics& m = metrics_.trigger(trigger.name);
  metrics_.trigger_info(trigger.name, trigger.consumer_group, cluster);
  m.in_flight_limit_records.set(trigger.limits.max_in_flight);
  m.target_processes.set(trigger.worker.min_processes);
  m.state.select(trigger::name(trigger::State::starting));
}

void MetricsTap::batch(const std::string& trigger, std::size_t records) {
  metrics_.trigger(trigger).batch_records.observe(static_cast<double>(records));
}

void MetricsTap::commit(const std::string& trigger, Duration took) {
  metrics_.trigger(trigger).commit_duration.observe(took);
}

void MetricsTap::took(const trigger::Status& status) {
  metrics::TriggerMetrics& m = metrics_.trigger(status.trigger);
  const pipeline::Stats& s = status.stats;
  m.state.select(trigger::name(status.state));
  m.reading.set(s.reading ? 1 : 0);
  m.records_read.follow(s.records_read);
  m.records_ignored["read_again"].follow(s.records_read_again);
  m.records_ignored["unassigned"].follow(s.records_unassigned);
  m.records_ignored["done_before"].follow(s.records_done_before);
  m.records_delivered.follow(s.records_delivered);
  m.records_settled["ok"].follow(s.settled_ok);
  m.records_settled["dead_letter"].follow(s.settled_dead_letter);
  m.records_settled["drop"].follow(s.settled_drop);
  m.records_settled["skip"].follow(s.settled_skip);
  m.dead_letters_failed.follow(s.dead_letters_failed);
  m.records_suspected.follow(s.suspects_delivered);
  m.attempts_failed.follow(s.attempts_failed);
  m.attempts_timed_out.follow(s.attempts_timed_out);
  m.records_released.follow(s.released);
  m.answers_stale["revoked"].follow(s.answers_stale);
  m.answers_stale["duplicate"].follow(s.answers_duplicate);
  m.answers_stale["unknown"].follow(s.answers_unknown);
  m.records_unreadable.follow(status.presented.unreadable);
  m.texts_replaced.follow(status.presented.replaced);
  m.batch_duration.follow(status.batch_times);
  m.worker_busy.follow(status.busy);
  m.in_flight_records.set(static_cast<double>(s.in_flight));
  m.undelivered_records.set(static_cast<double>(s.undelivered));
  m.held_records.set(static_cast<double>(s.held_records));
  m.held_bytes.set(static_cast<double>(s.held_bytes));
  m.lanes_parked.set(s.lanes_parked);
  m.lanes_blocked.set(s.lanes_blocked);
  m.lanes_alarmed.set(s.lanes_alarmed);
  m.partitions_paused.set(s.partitions_paused);
  m.assigned_partitions.set(static_cast<double>(status.partitions.size()));
  m.rebalances["assigned"].follow(status.assigned);
  m.rebalances["revoked"].follow(status.revoked);
  m.rebalances["lost"].follow(status.lost);
  m.commits["ok"].follow(s.commits_ok);
  m.commits["failed"].follow(s.commits_failed);
  m.worker_processes["starting"].set(status.pool.starting);
  m.worker_processes["ready"].set(status.pool.ready);
  m.worker_processes["stopping"].set(status.pool.stopping);
  m.worker_processes["backing_off"].set(status.pool.backing_off);
  m.worker_processes["crash_looping"].set(status.pool.crash_looping);
  m.worker_starts.follow(status.pool.starts);
  m.worker_restarts.follow(status.pool.restarts);
  m.worker_recycles["requests"].follow(status.pool.recycled_for_requests);
  m.worker_recycles["memory"].follow(status.pool.recycled_for_memory);
  m.worker_start_failures.follow(status.pool.start_failures);
  m.worker_losses.follow(status.pool.losses);
  m.worker_protocol_errors.follow(status.pool.protocol_errors);

  if (status.pool.wanted > 0) m.target_processes.set(status.pool.wanted);

  partitions_[status.trigger].owned = status.partitions;
  show(status.trigger);
}

void MetricsTap::took(const trigger::Outlook& outlook) {
  const lag::Snapshot& snapshot = outlook.snapshot;
  metrics_.trigger(snapshot.trigger).lag_complete.set(snapshot.complete ? 1 : 0);
  partitions_[snapshot.trigger].group = snapshot.partitions;
  show(snapshot.trigger);
  if (!snapshot.taken) return;
  metrics::OutlookMetrics& m = metrics_.outlook(snapshot.trigger);
  const auto age = std::chrono::steady_clock::now() - *snapshot.taken;
  const std::chrono::duration<double> taken = (std::chrono::system_clock::now() - age).time_since_epoch();
  m.snapshot_timestamp.set(taken.count());
  lag::Condition worst = lag::Condition::ok;
  for (const lag::PartitionLag& p : snapshot.partitions) worst = lag::worse(worst, p.condition);
  m.consumer_status.select(lag::name(worst));
  const scale::Decision& d = outlook.decision;
  m.target_instances.set(d.target);
  m.current_instances.set(d.current);
  m.active.set(d.evidence.active ? 1 : 0);
  m.stuck_partitions.set(d.evidence.stuck_partitions);
  m.decisions[scale::name(d.reason)].add();
}

void MetricsTap::refreshed(const std::string& cluster, const kafka::LagRefresh& refresh) {
  metrics::ClusterMetrics& m = metrics_.cluster(cluster);
  m.refresh_duration.observe(refresh.took);
  for (const auto& [kind, count] : refresh.requests) m.requests[kind].add(count);
  for (const auto& [error, count] : refresh.errors) m.error(error, count);
  for (const auto& [trigger, anomalies] : refresh.anomalies) {
    metrics::TriggerMetrics& of_trigger = metrics_.trigger(trigger);
    of_trigger.lag_anomalies["commit_beyond_end"].follow(anomalies.commit_beyond_end);
    of_trigger.lag_anomalies["topic_recreated"].follow(anomalies.topic_recreated);
  }
}

void MetricsTap::show(const std::string& trigger) {
  const Partitions& known = partitions_[trigger];
  std::map<TopicPartition, metrics::PartitionValues> shown;
  for (const trigger::PartitionReport& p : known.owned) {
    metrics::PartitionValues& values = shown[p.status.source];
    values.lag = p.lag;
    if (p.lag == 0) values.behind = Duration(0);
    values.committed = p.status.committed;
    values.position = p.status.position;
    values.end = p.end;
  }
  for (const lag::PartitionLag& p : known.group) {
    const bool owned = shown.contains(p.source);
    if (!owned && p.owner != lag::Owner::nobody) continue;
    metrics::PartitionValues& values = shown[p.source];
    values.start = p.start;
    if (!values.lag) values.lag = p.lag;
    if (!values.behind) values.behind = p.behind;
    if (!values.committed) values.committed = p.committed;
    if (!values.end) values.end = p.end;
  }
  std::vector<metrics::PartitionValues> partitions;
  for (auto& [source, values] : shown) {
    values.source = source;
    partitions.push_back(std::move(values));
  }
  metrics_.trigger(trigger).set_partitions(std::move(partitions));
}

}  // namespace triggerd::daemon
