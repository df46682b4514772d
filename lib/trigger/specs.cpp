#include "trigger/specs.hpp"

namespace triggerd::trigger {
namespace {

// Of the trigger's budget: what librdkafka may have fetched ahead, the copies of dead letters on their way
// among it. The rest is what the pipeline holds.
std::uint64_t queued_bytes(const config::Trigger& trigger) { return trigger.limits.max_in_flight_bytes / 4; }

const char* text(config::BatchPolicy::Cardinality c) {
  return c == config::BatchPolicy::Cardinality::one ? "one" : "many";
}
const char* text(config::BatchPolicy::DataType t) {
  return t == config::BatchPolicy::DataType::string ? "string" : "binary";
}
const char* text(config::Ordering o) {
  return o == config::Ordering::partition ? "partition" : o == config::Ordering::key ? "key" : "none";
}

payload::KeyType key_type(config::BatchPolicy::KeyDataType type) {
  switch (type) {
    case config::BatchPolicy::KeyDataType::string: break;
    case config::BatchPolicy::KeyDataType::integer: return payload::KeyType::int32;
    case config::BatchPolicy::KeyDataType::long_integer: return payload::KeyType::int64;
    case config::BatchPolicy::KeyDataType::binary: return payload::KeyType::binary;
  }
  return payload::KeyType::string;
}
const char* text(config::BatchPolicy::KeyDataType type) {
  switch (type) {
    case config::BatchPolicy::KeyDataType::string: break;
    case config::BatchPolicy::KeyDataType::integer: return "int";
    case config::BatchPolicy::KeyDataType::long_integer: return "long";
    case config::BatchPolicy::KeyDataType::binary: return "binary";
  }
  return "string";
}

}  // namespace

std::optional<payload::Presentation> presentation(const config::Trigger& trigger) {
  if (trigger.batch.payload == config::BatchPolicy::Payload::native) return std::nullopt;
  return payload::Presentation{.key_type = key_type(trigger.batch.key_data_type),
                               .as_text = trigger.batch.data_type == config::BatchPolicy::DataType::string,
                               .keeps_keys = trigger.ordering == config::Ordering::key};
}

pipeline::Policy policy_of(const config::Trigger& trigger, bool journal) {
  pipeline::Policy policy;
  policy.batch = trigger.batch;
  policy.ordering = trigger.ordering;
  policy.limits = trigger.limits;
  policy.limits.max_in_flight_bytes -= queued_bytes(trigger);
  policy.retry = trigger.retry;
  policy.failure = trigger.on_failure;
  policy.attempt_timeout = trigger.worker.timeout;
  policy.journal = journal;
  return policy;
}

worker::PoolSpec pool_spec(const RunnerSpec& spec) {
  const config::Trigger& t = spec.trigger;
  wire::Welcome welcome;
  welcome.daemon = spec.daemon;
  welcome.trigger = t.name;
  welcome.group = t.consumer_group;
  welcome.cardinality = text(t.batch.cardinality);
  welcome.data_type = text(t.batch.data_type);
  welcome.ordering = text(t.ordering);
  welcome.max_batch_size = t.batch.max_batch_size;
  welcome.timeout_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(t.worker.timeout).count());
  if (t.batch.payload == config::BatchPolicy::Payload::azure)
    welcome.azure = {text(t.batch.key_data_type), t.retry.max_retry_count, {}};
  return {.trigger = t.name,
          .worker = t.worker,
          .welcome = std::move(welcome),
          .seed = spec.seed,
          .sdk_python_path = spec.sdk_python_path,
          .memory = spec.memory,
          .cgroups = spec.cgroups,
          .timings = {}};
}

kafka::ConsumerSpec consumer_spec(const config::Trigger& trigger) {
  return {.connection = trigger.connection,
          .trigger = trigger.name,
          .group = trigger.consumer_group,
          .group_instance_id = trigger.group_instance_id,
          .topics = trigger.topics,
          .start_from = trigger.start_from,
          .queued_bytes = queued_bytes(trigger)};
}

std::string cluster_name(const config::Trigger& trigger) {
  return trigger.cluster.empty() ? trigger.name : trigger.cluster;
}

kafka::LagGroup lag_group(const config::Trigger& trigger) {
  const auto isolation = trigger.connection.kafka.find("isolation.level");
  return {.trigger = trigger.name,
          .group = trigger.consumer_group,
          .topics = trigger.topics,
          .start_from = trigger.start_from,
          .read_committed =
              isolation == trigger.connection.kafka.end() || isolation->second != "read_uncommitted"};
}

kafka::ProducerSpec producer_spec(const config::Trigger& trigger) {
  kafka::ProducerSpec spec;
  spec.connection = trigger.connection;
  spec.trigger = trigger.name;
  spec.group = trigger.consumer_group;
  spec.topic = trigger.on_failure.dead_letter_topic;
  spec.queued_bytes = queued_bytes(trigger) / 4;  // one record always may
  return spec;
}

}  // namespace triggerd::trigger
