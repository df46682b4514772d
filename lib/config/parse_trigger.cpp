// A trigger's own keys.
#include <algorithm>
#include <array>

#include "config/parse.hpp"

namespace triggerd::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Cardinality = BatchPolicy::Cardinality;
using DataType = BatchPolicy::DataType;
using Payload = BatchPolicy::Payload;
using KeyDataType = BatchPolicy::KeyDataType;
using Strategy = RetryPolicy::Strategy;

constexpr Enumerator<Cardinality> kCardinalities[] = {{"one", Cardinality::one}, {"many", Cardinality::many}};
constexpr Enumerator<DataType> kDataTypes[] = {{"string", DataType::string}, {"binary", DataType::binary}};
constexpr Enumerator<Payload> kPayloads[] = {{"native", Payload::native}, {"azure", Payload::azure}};
constexpr Enumerator<KeyDataType> kKeyDataTypes[] = {{"string", KeyDataType::string},
                                                     {"int", KeyDataType::integer},
                                                     {"long", KeyDataType::long_integer},
                                                     {"binary", KeyDataType::binary}};
constexpr Enumerator<Ordering> kOrderings[] = {
    {"partition", Ordering::partition}, {"key", Ordering::key}, {"none", Ordering::none}};
constexpr Enumerator<Strategy> kStrategies[] = {{"fixedDelay", Strategy::fixed_delay},
                                                {"exponentialBackoff", Strategy::exponential_backoff}};
constexpr Enumerator<FailurePolicy::Kind> kOnFailures[] = {{"block", FailurePolicy::Kind::block},
                                                           {"drop", FailurePolicy::Kind::drop},
                                                           {"deadLetter", FailurePolicy::Kind::dead_letter}};

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

// The brackets of a pattern match; librdkafka says the rest when it subscribes.
bool is_balanced(std::string_view regex) {
  int depth = 0;
  for (std::size_t i = 0; i < regex.size(); ++i) {
    if (regex[i] == '\\') {
      ++i;  // what follows stands for itself
      if (i == regex.size()) return false;
    } else if (regex[i] == '[') {
      i = regex.find(']', i + 2);  // a ] in the first place is one of the characters
      if (i == std::string_view::npos) return false;
    } else if (regex[i] == '(') {
      ++depth;
    } else if (regex[i] == ')' && --depth < 0) {
      return false;
    }
  }
  return depth == 0;
}

// Kafka's rule for the names of topics, which holds for group.instance.id too.
bool check_kafka_name(const Value& value, const std::string& name, const char* otherwise) {
  const char* problem = nullptr;
  if (name.size() > 249)
    problem = "must be at most 249 characters";
  else if (name == "." || name == ".." || !std::ranges::all_of(name, is_topic_character))
    problem = otherwise;
  if (problem != nullptr) value.refuse(problem);
  return problem == nullptr;
}

bool check_topic(const Value& value, const std::string& topic) {
  if (!topic.starts_with('^'))
    return check_kafka_name(value, topic,
                            "is not a topic name (letters, digits, '.', '_', '-'; or a ^regex)");
  const bool good = topic.size() >= 2 && topic.size() <= 1'000 && is_balanced(topic);
  if (!good) value.refuse("is not a regular expression");
  return good;
}

void read_topic(const Value& value, Trigger& trigger) {
  trigger.topics.clear();
  const std::vector<Value> items = value.items_or_self();
  if (items.empty()) value.error("must name at least one topic");
  for (const Value& item : items) {
    const auto topic = item.nonempty_text();
    if (!topic || !check_topic(item, *topic)) continue;
    if (std::ranges::find(trigger.topics, *topic) != trigger.topics.end())
      item.refuse("is listed twice");
    else
      trigger.topics.push_back(*topic);
  }
}

void read_group(const Value& value, Trigger& trigger) {
  const auto text = value.nonempty_text();
  if (!text) return;
  if (text->size() > 249 ||
      std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return value.refuse("must be at most 249 characters, on one line");
  trigger.consumer_group = *text;
}

void read_instance(const Value& value, Trigger& trigger) {
  const auto text = value.nonempty_text();
  if (text && check_kafka_name(value, *text, "must be of letters, digits, '.', '_' and '-'"))
    trigger.group_instance_id = *text;
}

void read_start_from(const Value& value, Trigger& trigger) {
  using Kind = StartFrom::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 3> kKinds{
      {{"earliest", Kind::earliest}, {"latest", Kind::latest}, {"error", Kind::error}}};
  const auto text = value.text();
  if (!text) return;
  for (const auto& [name, kind] : kKinds) {
    if (enumerator_key(*text) != name) continue;
    trigger.start_from = {kind, 0};
    return;
  }
  const auto time = parse_time(*text);
  if (time)
    trigger.start_from = {Kind::time, *time};
  else
    value.refuse("must be earliest, latest, error or a time such as 2026-01-02T03:04:05Z");
}

void read_dead_letter(const Value& value, FailurePolicy& policy) {
  const auto topic = value.nonempty_text();
  if (!topic || !check_kafka_name(value, *topic, "is not a topic name (letters, digits, '.', '_', '-')"))
    return;
  policy.kind = FailurePolicy::Kind::dead_letter;
  policy.dead_letter_topic = *topic;
}

constexpr Field<FailurePolicy> kFailure[] = {{"deadLetter", read_dead_letter}};
constexpr Withheld kFailureWithheld[] = {{"block", "is a word, not a key: onFailure: block"},
                                         {"drop", "is a word, not a key: onFailure: drop"}};

void read_on_failure(const Value& value, Trigger& trigger) {
  FailurePolicy& policy = trigger.on_failure;
  if (value.is_map()) {
    if (value.entries().empty()) value.error("must be block, drop or { deadLetter: TOPIC }");
    return read_fields(value, std::span<const Field<FailurePolicy>>(kFailure), policy, kFailureWithheld);
  }
  const auto kind = value.one_of(kOnFailures);
  if (!kind) return;
  if (*kind == FailurePolicy::Kind::dead_letter)
    return value.error("needs a topic to put dead letters in: { deadLetter: TOPIC }");
  policy.kind = *kind;
  policy.dead_letter_topic.clear();
}

constexpr Field<RetryPolicy> kRetry[] = {
    {"strategy", [](const Value& v, RetryPolicy& r) { set(r.strategy, v.one_of(kStrategies)); }},
    {"maxRetryCount",
     [](const Value& v, RetryPolicy& r) { set(r.max_retry_count, v.integer({-1, 2'147'483'647})); }},
    {"delayInterval",
     [](const Value& v, RetryPolicy& r) { set(r.delay_interval, v.duration(kAnyInterval)); }},
    {"minimumInterval",
     [](const Value& v, RetryPolicy& r) { set(r.minimum_interval, v.duration(kAnyInterval)); }},
    {"maximumInterval",
     [](const Value& v, RetryPolicy& r) { set(r.maximum_interval, v.duration(kAnyInterval)); }},
};

constexpr Field<Trigger> kTrigger[] = {
    {"cluster", [](const Value& v, Trigger& t) { set(t.cluster, v.nonempty_text()); }},
    {"topic", read_topic},
    {"consumerGroup", read_group},
    {"groupInstanceId", read_instance},
    {"startFrom", read_start_from},
    {"cardinality", [](const Value& v, Trigger& t) { set(t.batch.cardinality, v.one_of(kCardinalities)); }},
    {"dataType", [](const Value& v, Trigger& t) { set(t.batch.data_type, v.one_of(kDataTypes)); }},
    {"payload", [](const Value& v, Trigger& t) { set(t.batch.payload, v.one_of(kPayloads)); }},
    {"keyDataType", [](const Value& v, Trigger& t) { set(t.batch.key_data_type, v.one_of(kKeyDataTypes)); }},
    {"maxBatchSize",
     [](const Value& v, Trigger& t) { set(t.batch.max_batch_size, v.count({1, 1'000'000})); }},
    // A Batch frame holds 256 MiB at most; half of that leaves room for its columns.
    {"maxBatchBytes",
     [](const Value& v, Trigger& t) { set(t.batch.max_batch_bytes, v.size({1, 128 << 20})); }},
    {"maxBatchWait",
     [](const Value& v, Trigger& t) { set(t.batch.max_batch_wait, v.duration({Duration{}, hours(1)})); }},
    {"ordering", [](const Value& v, Trigger& t) { set(t.ordering, v.one_of(kOrderings)); }},
    {"maxInFlight",
     [](const Value& v, Trigger& t) { set(t.limits.max_in_flight, v.count({1, 10'000'000})); }},
    {"maxInFlightBytes",
     [](const Value& v, Trigger& t) { set(t.limits.max_in_flight_bytes, v.size(kAnyBytes)); }},
    {"maxSpan", [](const Value& v, Trigger& t) { set(t.limits.max_span, v.count({1'000, 100'000'000})); }},
    {"maxRecordsPerSecond",
     [](const Value& v, Trigger& t) { set(t.limits.max_records_per_second, v.count({0, 10'000'000})); }},
    {"revokeTimeout",
     [](const Value& v, Trigger& t) { set(t.limits.revoke_timeout, v.duration({Duration{}, hours(12)})); }},
    {"retry", [](const Value& v,
                 Trigger& t) { read_fields(v, std::span<const Field<RetryPolicy>>(kRetry), t.retry); }},
    {"onFailure", read_on_failure},
    {"alarmAfter",
     [](const Value& v, Trigger& t) {
       set(t.on_failure.alarm_after, v.duration({seconds(1), kAnyInterval.most}));
     }},
    {"worker", [](const Value& v, Trigger& t) { read_worker(v, t.worker); }},
    {"scale", read_scale},
};

constexpr Withheld kWithheld[] = {
    {"sleepAfter"},
    {"avroSchema"},
    {"keyAvroSchema"},
    {"lagThreshold", "belongs under scale"},
    {"name", "a trigger's name is its key under triggers"},
    {"command", "belongs under worker"},
    {"processes", "belongs under worker"},
    {"timeout", "belongs under worker"},
    {"maxRequests", "belongs under worker"},
    {"maxMemory", "belongs under worker"},
    {"user", "belongs under worker"},
    {"deadLetter", "belongs under onFailure"},
    {"autoOffsetReset", "is startFrom here"},
    {"subscriberIntervalInSeconds", "is maxBatchWait here"},
    {"commitOnFailure", "does not exist here: it loses records"},
};

constexpr bool belongs_to_one_trigger(std::string_view key) { return key == "topic"; }

void refuse_trigger_key(const Value& map, const std::string& key, const Value& value) {
  std::vector<std::string_view> known;
  append_names(std::span<const Field<Trigger>>(kTrigger), known);
  append_names(connection_fields(), known);
  std::vector<Withheld> withheld(std::begin(kWithheld), std::end(kWithheld));
  withheld.insert(withheld.end(), withheld_connection_keys().begin(), withheld_connection_keys().end());
  refuse_key(map, key, value, known, withheld);
}

bool is_own_connection_key(std::string_view key) {
  return key != "kafka" &&
         std::ranges::any_of(connection_fields(), [&](const auto& f) { return f.name == key; });
}

bool has_key(const Value& map, std::string_view wanted) {
  const auto entries = map.entries();
  return std::ranges::any_of(entries, [&](const auto& entry) { return entry.first == wanted; });
}

void read_keys(const Value& map, Trigger& trigger, bool is_defaults) {
  const bool names_cluster = has_key(map, "cluster");
  for (const auto& [key, value] : map.entries()) {
    if (is_defaults && belongs_to_one_trigger(key))
      value.error("belongs to one trigger; it cannot be a default");
    else if (names_cluster && (is_defaults ? is_own_connection_key(key) : key == "brokerList"))
      value.error(is_defaults
                      ? "belongs to the cluster: defaults name a cluster or carry a connection, not both"
                      : "belongs to the cluster: a trigger names a cluster or its own brokers, not both");
    else if (!read_field(std::span<const Field<Trigger>>(kTrigger), key, value, trigger) &&
             !read_field(connection_fields(), key, value, trigger.connection))
      refuse_trigger_key(map, key, value);
  }
  end_connection(map, trigger.connection);
}

// The cluster's, over it what the defaults say for librdkafka; the trigger's own keys go over both.
void begin_with(const Connection& cluster, Connection& connection) {
  auto kafka = std::move(connection.kafka);
  auto secrets = std::move(connection.kafka_secrets);
  connection = cluster;
  kafka.merge(std::move(connection.kafka));  // keeps what is there already
  secrets.merge(std::move(connection.kafka_secrets));
  connection.kafka = std::move(kafka);
  connection.kafka_secrets = std::move(secrets);
}

}  // namespace

void read_defaults(const Value& map, Trigger& defaults) { read_keys(map, defaults, true); }

void read_trigger(const Value& map, const std::map<std::string, Connection>& clusters, Trigger& trigger) {
  // Its own brokers take the place of the default cluster.
  std::string name = has_key(map, "brokerList") ? "" : trigger.cluster;
  for (const auto& [key, value] : map.entries())
    if (key == "cluster" && value.is_scalar()) name = value.text().value_or("");
  if (name.empty()) trigger.cluster.clear();
  if (const auto it = clusters.find(name); it != clusters.end()) {
    begin_with(it->second, trigger.connection);
    begin_override(map, trigger.connection);
  }
  read_keys(map, trigger, false);
}

void append_trigger_keys(std::vector<KeyGroup>& groups) {
  append_keys(groups, "trigger", std::span<const Field<Trigger>>(kTrigger));
  append_keys(groups, "retry", std::span<const Field<RetryPolicy>>(kRetry));
  append_keys(groups, "onFailure", std::span<const Field<FailurePolicy>>(kFailure));
  append_keys(groups, "scale", scale_fields());
  append_worker_keys(groups);
}

}  // namespace triggerd::config
