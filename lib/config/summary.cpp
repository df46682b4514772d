#include "config/summary.hpp"

#include "config/diagnostic.hpp"
#include "config/scalars.hpp"

namespace triggerd::config {
namespace {

using Authentication = Connection::Authentication;
using Protocol = Connection::Protocol;

const char* word(Protocol protocol) {
  switch (protocol) {
    case Protocol::plaintext: return "plaintext";
    case Protocol::ssl: return "ssl";
    case Protocol::sasl_plaintext: return "saslPlaintext";
    case Protocol::sasl_ssl: return "saslSsl";
  }
  return "";
}

const char* word(Authentication mode) {
  switch (mode) {
    case Authentication::none: return "";
    case Authentication::gssapi: return "gssapi";
    case Authentication::plain: return "plain";
    case Authentication::scram_sha256: return "scramSha256";
    case Authentication::scram_sha512: return "scramSha512";
    case Authentication::oauth_bearer: return "oAuthBearer";
  }
  return "";
}

const char* word(Ordering ordering) {
  switch (ordering) {
    case Ordering::partition: return "partition";
    case Ordering::key: return "key";
    case Ordering::none: return "none";
  }
  return "";
}

const char* word(LogPolicy::Level level) {
  switch (level) {
    case LogPolicy::Level::debug: return "debug";
    case LogPolicy::Level::info: return "info";
    case LogPolicy::Level::warn: return "warn";
    case LogPolicy::Level::error: return "error";
  }
  return "";
}

std::string count(std::uint64_t n, const std::string& one, const std::string& several) {
  return std::to_string(n) + " " + (n == 1 ? one : several);
}

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

// Names of a map, its values left out.
std::string names(const std::map<std::string, std::string>& map) {
  std::string text;
  for (const auto& [name, value] : map) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string connection_text(const Trigger& trigger) {
  const Connection& c = trigger.connection;
  std::string text = trigger.cluster.empty() ? c.broker_list : trigger.cluster + " (" + c.broker_list + ")";
  text += std::string(", ") + word(c.protocol);
  if (c.authentication_mode != Authentication::none) text += std::string(", ") + word(c.authentication_mode);
  std::string set = names(c.kafka);
  for (const auto& [name, value] : c.kafka_secrets) set += (set.empty() ? "" : ", ") + name;
  if (!set.empty()) text += "; set: " + set;
  return text;
}

std::string start_text(const StartFrom& start) {
  switch (start.kind) {
    case StartFrom::Kind::earliest: return "earliest, where the group has no commit";
    case StartFrom::Kind::latest: return "latest, where the group has no commit";
    case StartFrom::Kind::error: return "an error, where the group has no commit";
    case StartFrom::Kind::time: return time_text(start.time) + ", where the group has no commit";
  }
  return "";
}

std::string batch_text(const BatchPolicy& batch) {
  const char* type = batch.data_type == BatchPolicy::DataType::string ? "string" : "binary";
  if (batch.cardinality == BatchPolicy::Cardinality::one)
    return std::string("one record per invocation, ") + type;
  return "many: up to " + count(batch.max_batch_size, "record", "records") + " or " +
         size_text(batch.max_batch_bytes) + " per invocation, " +
         (batch.max_batch_wait > Duration{} ? "waiting up to " + duration_text(batch.max_batch_wait)
                                            : "no waiting") +
         ", " + type;
}

// As one would type it.
std::string command_text(const WorkerSpec& worker) {
  const auto& command = worker.written_command.empty() ? worker.command : worker.written_command;
  std::vector<std::string> parts;
  parts.reserve(command.size());
  for (const std::string& part : command)
    parts.push_back(part.empty() || part.find_first_of(" \t\n\"'\\") != std::string::npos ? in_quotes(part)
                                                                                          : part);
  return joined(parts, " ");
}

std::string limit_text(const ProcessLimits& limits) {
  std::vector<std::string> parts;
  if (limits.open_files) parts.push_back(count(*limits.open_files, "open file", "open files"));
  if (limits.address_space) parts.push_back(size_text(*limits.address_space) + " of addresses");
  if (limits.memory) parts.push_back(size_text(*limits.memory) + " of memory");
  if (limits.cpu_percent) parts.push_back(std::to_string(*limits.cpu_percent) + " % of a core");
  if (limits.tasks) parts.push_back(count(*limits.tasks, "task", "tasks"));
  return joined(parts, ", ");
}

std::string process_text(const WorkerSpec& worker) {
  std::string text = count(worker.min_processes, "process", "processes") + ", " +
                     duration_text(worker.timeout) + " per attempt, " + duration_text(worker.start_timeout) +
                     " to start";
  if (worker.max_requests > 0) text += ", replaced after " + count(worker.max_requests, "record", "records");
  if (worker.max_memory > 0)
    text += std::string(worker.max_requests > 0 ? " or" : ", replaced") + " above " +
            size_text(worker.max_memory);
  if (!worker.working_directory.empty()) text += ", in " + worker.working_directory;
  if (worker.account)
    text += ", as user " + worker.account->name + " (" + std::to_string(worker.account->uid) + ":" +
            std::to_string(worker.account->gid) + ")";
  const std::string limits = limit_text(worker.limits);
  if (!limits.empty()) text += ", each with at most " + limits;
  if (!worker.env.empty()) text += "; env: " + names(worker.env);
  return text;
}

std::string retry_text(const RetryPolicy& retry) {
  const std::string pace = retry.strategy == RetryPolicy::Strategy::fixed_delay
                               ? "every " + duration_text(retry.delay_interval)
                               : "after " + duration_text(retry.minimum_interval) + ", doubling up to " +
                                     duration_text(retry.maximum_interval);
  if (retry.max_retry_count < 0) return pace + ", for ever";
  if (retry.max_retry_count == 0) return "never";
  return pace + ", " + count(static_cast<std::uint64_t>(retry.max_retry_count), "time", "times");
}

// What stands still with a blocked record.
const char* lane_text(Ordering ordering) {
  switch (ordering) {
    case Ordering::partition: return "its partition";
    case Ordering::key: return "its key";
    case Ordering::none: return "no other";
  }
  return "";
}

std::string failure_text(const Trigger& trigger) {
  const FailurePolicy& policy = trigger.on_failure;
  const std::string alarm = "; alarm after " + duration_text(policy.alarm_after);
  switch (policy.kind) {
    case FailurePolicy::Kind::block:
      return std::string("the record holds up ") + lane_text(trigger.ordering) + alarm;
    case FailurePolicy::Kind::drop: return "the record is dropped" + alarm;
    case FailurePolicy::Kind::dead_letter: return "the record goes to " + policy.dead_letter_topic + alarm;
  }
  return "";
}

std::string limit_text(const Limits& limits) {
  return count(limits.max_in_flight, "record", "records") + " in flight, " +
         size_text(limits.max_in_flight_bytes) + " held, a span of " + std::to_string(limits.max_span) +
         ", " +
         (limits.max_records_per_second > 0
              ? count(limits.max_records_per_second, "record", "records") + " a second, "
              : "") +
         duration_text(limits.revoke_timeout) + " to hand a partition over";
}

std::string scale_text(const ScalePolicy& scale) {
  std::string text = std::to_string(scale.min_instances) + " to " +
                     count(scale.max_instances, "instance", "instances") + ", one per " +
                     count(static_cast<std::uint64_t>(scale.lag_threshold), "record", "records") + " of lag";
  if (scale.mode == ScalePolicy::Mode::rate)
    text += ", or by rate with the backlog gone in " + duration_text(scale.drain_target);
  if (scale.target_lag) text += "; no record older than " + duration_text(*scale.target_lag);
  return text;
}

void append_trigger(std::string& text, const Trigger& trigger) {
  const auto line = [&](const char* label, const std::string& what) {
    text += std::string("  ") + label + std::string(12 - std::string_view(label).size(), ' ') + what + "\n";
  };
  text += "\ntrigger " + trigger.name + "\n";
  line("topics", joined(trigger.topics, ", "));
  line("group",
       trigger.consumer_group +
           (trigger.group_instance_id.empty() ? "" : ", as static member " + trigger.group_instance_id));
  line("cluster", connection_text(trigger));
  line("start", start_text(trigger.start_from));
  line("records", batch_text(trigger.batch));
  line("ordering", word(trigger.ordering));
  line("worker", command_text(trigger.worker));
  line("", process_text(trigger.worker));
  line("retry", retry_text(trigger.retry));
  line("on failure", failure_text(trigger));
  line("limits", limit_text(trigger.limits));
  line("scale", scale_text(trigger.scale));
}

std::string listen_text(const Admin& admin) {
  std::string text;
  for (const Admin::Listener& listener : admin.listen) {
    if (!text.empty()) text += " and ";
    text += to_string(listener);
  }
  if (!admin.ssl_certificate_location.empty())
    text += admin.ssl_ca_location.empty() ? " with TLS" : " with TLS, for clients with a certificate";
  return text;
}

}  // namespace

std::string to_string(const Admin::Listener& listener) {
  if (!listener.path.empty()) return "unix:" + listener.path;
  const bool v6 = listener.host.find(':') != std::string::npos;
  return (v6 ? "[" + listener.host + "]" : listener.host) + ":" + std::to_string(listener.port);
}

std::string summary(const Fleet& fleet) {
  std::string text = count(fleet.triggers.size(), "trigger", "triggers") + "; admin on " +
                     listen_text(fleet.admin) + "; log " + word(fleet.log.level) + " as " +
                     (fleet.log.format == LogPolicy::Format::json ? "json" : "logfmt") + "; drain within " +
                     duration_text(fleet.drain_timeout);
  if (fleet.max_in_flight_bytes > 0) text += "; " + size_text(fleet.max_in_flight_bytes) + " held by all";
  text +=
      (fleet.state_directory.empty() ? "; no state directory" : "; state in " + fleet.state_directory) + "\n";
  for (const Trigger& trigger : fleet.triggers) append_trigger(text, trigger);
  return text;
}

}  // namespace triggerd::config
