// Every metric the daemon exports, in one table: name, type, labels, help. README.md shows the same table for
// readers, and a test compares the two. Pure data, constant.
//
// To add a metric: one row in the table, one member of TriggerMetrics, one row in README.md.
#pragma once

#include <string_view>

namespace triggerd::metrics {

enum class Type { counter, gauge, histogram };

// `labels` and `values` are comma-separated. `values` names every value the last label can have, where those
// are few and fixed; each is exported from the start, as 0. A label without them is bounded by the fleet file
// (trigger) or by the cluster (topic, partition).
struct Definition {
  std::string_view name;
  Type type = Type::gauge;
  std::string_view labels;
  std::string_view values;
  std::string_view help;
};

inline constexpr Definition kCatalog[] = {
    {"triggerd_build_info", Type::gauge, "version,librdkafka", "", "1, with what this daemon is built from."},

    {"triggerd_trigger_info", Type::gauge, "trigger,group,cluster", "",
     "1, with the trigger's consumer group and cluster."},
    {"triggerd_trigger_state", Type::gauge, "trigger,state", "starting,running,failing,draining,stopped",
     "1 for the state the trigger is in, 0 for the others."},
    {"triggerd_reading", Type::gauge, "trigger", "",
     "1 while records are read, 0 while back-pressure or the lack of an assignment stops reading."},

    {"triggerd_records_read_total", Type::counter, "trigger", "", "Records read from the broker."},
    {"triggerd_records_ignored_total", Type::counter, "trigger,reason", "read_again,unassigned,done_before",
     "Records read and dropped: already read before, of a partition that is not ours, or settled by an "
     "earlier owner."},
    {"triggerd_records_delivered_total", Type::counter, "trigger", "",
     "Records sent to a worker; a redelivery counts again."},
    {"triggerd_records_settled_total", Type::counter, "trigger,outcome", "ok,dead_letter,drop,skip",
     "Records that are done with, by how."},
    {"triggerd_record_attempts_failed_total", Type::counter, "trigger", "",
     "Attempts that a worker answered with a failure or did not live to answer."},
    {"triggerd_record_attempts_timed_out_total", Type::counter, "trigger", "",
     "Attempts ended because worker.timeout had passed."},
    {"triggerd_records_suspected_total", Type::counter, "trigger", "",
     "Records delivered alone because they may have ended a worker."},
    {"triggerd_dead_letters_failed_total", Type::counter, "trigger", "",
     "Dead letters that could not be written; each is tried again."},
    {"triggerd_records_released_total", Type::counter, "trigger", "",
     "Records a worker gave back without having tried them."},
    {"triggerd_records_unreadable_total", Type::counter, "trigger", "",
     "Records no handler could be given (a key that is not of keyDataType): failed, not tried again. "
     "payload: azure."},
    {"triggerd_texts_replaced_total", Type::counter, "trigger", "",
     "Pieces of keys, values and header names that are not UTF-8 and were U+FFFD to the handler. payload: "
     "azure."},
    {"triggerd_answers_stale_total", Type::counter, "trigger,reason", "revoked,duplicate,unknown",
     "Answers that changed nothing: partition given up, record already answered, batch not known."},
    {"triggerd_batch_records", Type::histogram, "trigger", "", "Records in one batch sent to a worker."},
    {"triggerd_batch_duration_seconds", Type::histogram, "trigger", "",
     "Time from sending a batch to its last answer; it may have waited behind another at the worker."},

    {"triggerd_in_flight_records", Type::gauge, "trigger", "",
     "Records delivered to a worker and not yet covered by a commit: the most that a crash repeats."},
    {"triggerd_in_flight_limit_records", Type::gauge, "trigger", "", "maxInFlight of the trigger."},
    {"triggerd_undelivered_records", Type::gauge, "trigger", "", "Records read and not yet delivered."},
    {"triggerd_held_records", Type::gauge, "trigger", "", "Records read and not yet settled."},
    {"triggerd_held_bytes", Type::gauge, "trigger", "", "Bytes of the records read and not yet settled."},
    {"triggerd_lanes_parked", Type::gauge, "trigger", "",
     "Lanes that wait for the next attempt of a record."},
    {"triggerd_lanes_blocked", Type::gauge, "trigger", "",
     "Lanes that stand still because a record's retries are used up: someone must act."},
    {"triggerd_lanes_alarmed", Type::gauge, "trigger", "",
     "Lanes that have made no progress for alarmAfter: a record fails again and again, or blocks."},
    {"triggerd_partitions_paused", Type::gauge, "trigger", "",
     "Partitions read no further for now: a lane stands still with much behind it, or maxSpan is reached."},

    {"triggerd_assigned_partitions", Type::gauge, "trigger", "", "Partitions this daemon owns."},
    {"triggerd_rebalances_total", Type::counter, "trigger,kind", "assigned,revoked,lost",
     "Changes of the assignment, by what happened."},
    {"triggerd_commits_total", Type::counter, "trigger,outcome", "ok,failed",
     "Offset commits answered by the broker."},
    {"triggerd_commit_duration_seconds", Type::histogram, "trigger", "",
     "Time from an offset commit to its answer."},

    {"triggerd_worker_processes", Type::gauge, "trigger,state",
     "starting,ready,stopping,backing_off,crash_looping",
     "Worker processes, by where they are in their life; crash_looping: those that have failed five times in "
     "a "
     "row, counted by where they are too."},
    {"triggerd_worker_busy_seconds_total", Type::counter, "trigger", "",
     "Time that workers had something to do, added up; a worker of 10 lanes with 5 at work counts half."},
    {"triggerd_worker_starts_total", Type::counter, "trigger", "", "Worker processes started."},
    {"triggerd_worker_restarts_total", Type::counter, "trigger", "",
     "Worker processes started in the place of one that failed."},
    {"triggerd_worker_recycles_total", Type::counter, "trigger,reason", "requests,memory",
     "Worker processes replaced by a fresh one: maxRequests or maxMemory was reached."},
    {"triggerd_worker_start_failures_total", Type::counter, "trigger", "",
     "Worker processes that did not come as far as Hello."},
    {"triggerd_worker_losses_total", Type::counter, "trigger", "",
     "Worker processes that crashed, or were ended for what they did."},
    {"triggerd_worker_protocol_errors_total", Type::counter, "trigger", "",
     "Worker sessions ended because the worker broke the protocol."},

    {"triggerd_lag_complete", Type::gauge, "trigger", "",
     "1 where the last refresh of the lag answered for every partition, 0 where values are older."},
    {"triggerd_lag_snapshot_timestamp_seconds", Type::gauge, "trigger", "",
     "When the lag of every partition was last known, as seconds since 1970."},
    {"triggerd_lag_anomalies_total", Type::counter, "trigger,kind", "commit_beyond_end,topic_recreated",
     "Partitions committed beyond their end, and topics made anew: their lag counts as 0 once."},
    {"triggerd_consumer_status", Type::gauge, "trigger,status", "ok,warning,stalled,stopped,rewound",
     "1 for how the worst partition fares by Burrow's rules, 0 for the others."},
    {"triggerd_lag_refresh_duration_seconds", Type::histogram, "cluster", "",
     "Time a refresh of the lag of all triggers of a cluster took."},
    {"triggerd_lag_refresh_errors_total", Type::counter, "cluster,error", "",
     "Requests about lag that failed, by librdkafka's name of the error."},
    {"triggerd_lag_requests_total", Type::counter, "cluster,kind",
     "metadata,list_groups,offset_fetch,describe_groups,list_offsets",
     "Requests about lag, by what was asked."},

    {"triggerd_scale_target_instances", Type::gauge, "trigger", "",
     "Instances (daemons with this fleet file) the work needs."},
    {"triggerd_scale_current_instances", Type::gauge, "trigger", "",
     "Instances there are, as far as the group or a scale controller says."},
    {"triggerd_scale_active", Type::gauge, "trigger", "",
     "1 while there is work, or may be, 0 while there is none."},
    {"triggerd_scale_stuck_partitions", Type::gauge, "trigger", "",
     "Partitions that stand still though somebody reads them; their lag asks for no instance."},
    {"triggerd_scale_decisions_total", Type::counter, "trigger,reason",
     "lag,rate,lag_seconds,capped_by_partitions,even_distribution,max_instances,min_instances,activation,"
     "cooldown,idle_to_zero,tolerance,scale_down_window,step_limit,steady,no_data_hold,stale_hold,"
     "incomplete_hold,manual",
     "Decisions about instances, by the rule that had the last word."},
    {"triggerd_scale_target_processes", Type::gauge, "trigger", "",
     "Worker processes this daemon keeps, between processes.min and max."},

    {"triggerd_consumer_lag_records", Type::gauge, "trigger,topic,partition", "",
     "Records between the committed offset and the end of the partition."},
    {"triggerd_consumer_lag_seconds", Type::gauge, "trigger,topic,partition", "",
     "Age of the oldest record that is not settled; 0 where there is none."},
    {"triggerd_committed_offset", Type::gauge, "trigger,topic,partition", "",
     "The group's committed offset."},
    {"triggerd_position_offset", Type::gauge, "trigger,topic,partition", "",
     "One past the last record read."},
    {"triggerd_start_offset", Type::gauge, "trigger,topic,partition", "",
     "The first offset of the partition that retention has left."},
    {"triggerd_end_offset", Type::gauge, "trigger,topic,partition", "",
     "One past the last record of the partition that may be read."},
};

// The row of a name. In constant expressions only: a name that is not in the table does not compile.
consteval const Definition& definition(std::string_view name) {
  for (const Definition& row : kCatalog) {
    if (row.name == name) return row;
  }
  throw "this metric is not in the catalogue";
}

const char* name(Type type);

// The parts of a comma-separated list; none of an empty one.
class Words {
 public:
  explicit Words(std::string_view list) : rest_(list) {}
  // The next part; empty: there is none left.
  std::string_view next();

 private:
  std::string_view rest_;
};

}  // namespace triggerd::metrics
