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
using Strategy = RetryPolicy::Strategy;

constexpr Enumerator<Cardinality> kCardinalities[] = {{"one", Cardinality::one}, {"many", Cardinality::many}};
constexpr Enumerator<DataType> kDataTypes[] = {{"string", DataType::string}, {"binary", DataType::binary}};
constexpr Enumerator<Ordering> kOrderings[] = {
    {"partition", Ordering::partition}, {"key", Ordering::key}, {"none", Ordering::none}};
constexpr Enumerator<Strategy> kStrategies[] = {{"fixedDelay", Strategy::fixed_delay},
                                                {"exponentialBackoff", Strategy::exponential_backoff}};
constexpr Enumerator<FailurePolicy::Kind> kOnFailures[] = {{"block", FailurePolicy::Kind::block},
                                                           {"drop", FailurePolicy::Kind::drop},
                                                           {"deadLetter", FailurePolicy::Kind::dead_letter}};

constexpr Range<Duration> kAnyInterval{milliseconds(1), hours(7 * 24)};

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

constexpr Range<std::uint32_t> kProcessCount{1, 1'024};
constexpr Field<WorkerSpec> kProcesses[] = {
    {"min", [](const Value& v, WorkerSpec& w) { set(w.min_processes, v.count(kProcessCount)); }},
    {"max", [](const Value& v, WorkerSpec& w) { set(w.max_processes, v.count(kProcessCount)); }},
};

void read_processes(const Value& value, WorkerSpec& worker) {
  if (!value.is_map()) {
    set(worker.min_processes, value.count(kProcessCount));
    worker.max_processes = worker.min_processes;
    return;
  }
  read_fields(value, std::span<const Field<WorkerSpec>>(kProcesses), worker);
  // A lone `min: 4` means four, not four of at most one.
  if (value.findings().find(value.path() + ".max") == nullptr)
    worker.max_processes = std::max(worker.min_processes, worker.max_processes);
}

// `python3 -m x` → [python3, -m, x]: what the user is to write.
std::string as_list(std::string_view words) {
  std::string list;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    list += list.empty() ? "[" : ", ";
    const bool plain =
        std::ranges::all_of(word, [](char c) { return is_topic_character(c) || c == '/' || c == '='; });
    list += plain ? std::string(word) : in_quotes(word);
  }
  return list + "]";
}

void read_command(const Value& value, WorkerSpec& worker) {
  if (value.is_scalar() && !value.written().empty())
    return value.error("must be a list of the program and its arguments: " + as_list(value.written()));
  worker.command.clear();
  worker.written_command.clear();
  const std::vector<Value> items = value.items("[python3, -m, triggerd, handler.py]");
  if (value.is_list() && items.empty()) value.error("must name a program");
  for (const Value& item : items) {
    auto text = worker.command.empty() ? item.nonempty_text() : item.text();
    if (!text) continue;
    worker.command.push_back(*std::move(text));
    worker.written_command.push_back(item.written());
  }
}

void read_environment(const Value& map, WorkerSpec& worker) {
  for (const auto& [name, value] : map.entries()) {
    if (name.empty() || name.find('=') != std::string::npos) {
      value.error(in_quotes(name) + " is not the name of a variable");
    } else if (name.starts_with("TRIGGERD_")) {
      value.error("names that begin with TRIGGERD_ are the daemon's");
    } else if (value.is_null()) {
      value.error("has no value; write \"\" for an empty one");
    } else if (auto text = value.text()) {
      worker.env[name] = *std::move(text);
    }
  }
}

void read_working_directory(const Value& value, WorkerSpec& worker) {
  if (const auto text = value.nonempty_text()) worker.working_directory = value.relative_path(*text);
}

constexpr std::uint64_t kLeastMemory = 16ull << 20;

void read_max_memory(const Value& value, WorkerSpec& worker) {
  const auto size = value.size({0, kAnyBytes.most});
  if (size && *size > 0 && *size < kLeastMemory)
    return value.refuse("must be 16MiB or more, or 0 for any amount");
  set(worker.max_memory, size);
}

constexpr Field<WorkerSpec> kWorker[] = {
    {"command", read_command},
    {"env", read_environment},
    {"workingDirectory", read_working_directory},
    {"processes", read_processes},
    {"timeout", [](const Value& v, WorkerSpec& w) { set(w.timeout, v.duration(kAnyInterval)); }},
    {"startTimeout",
     [](const Value& v, WorkerSpec& w) { set(w.start_timeout, v.duration({milliseconds(100), hours(1)})); }},
    {"maxRequests", [](const Value& v, WorkerSpec& w) { set(w.max_requests, v.count({0, 1'000'000'000})); }},
    {"maxMemory", read_max_memory},
};

constexpr Field<Trigger> kTrigger[] = {
    {"cluster", [](const Value& v, Trigger& t) { set(t.cluster, v.nonempty_text()); }},
    {"topic", read_topic},
    {"consumerGroup", read_group},
    {"groupInstanceId", read_instance},
    {"startFrom", read_start_from},
    {"cardinality", [](const Value& v, Trigger& t) { set(t.batch.cardinality, v.one_of(kCardinalities)); }},
    {"dataType", [](const Value& v, Trigger& t) { set(t.batch.data_type, v.one_of(kDataTypes)); }},
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
    {"worker", [](const Value& v,
                  Trigger& t) { read_fields(v, std::span<const Field<WorkerSpec>>(kWorker), t.worker); }},
    {"scale", read_scale},
};

constexpr Withheld kWithheld[] = {
    {"sleepAfter"},
    {"payload"},
    {"avroSchema"},
    {"keyAvroSchema"},
    {"keyDataType"},
    {"lagThreshold", "belongs under scale"},
    {"name", "a trigger's name is its key under triggers"},
    {"command", "belongs under worker"},
    {"processes", "belongs under worker"},
    {"timeout", "belongs under worker"},
    {"maxRequests", "belongs under worker"},
    {"maxMemory", "belongs under worker"},
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
  const auto add = [&](std::string_view section, auto fields) {
    append_names(fields, groups.emplace_back(KeyGroup{section, {}}).keys);
  };
  add("trigger", std::span<const Field<Trigger>>(kTrigger));
  add("retry", std::span<const Field<RetryPolicy>>(kRetry));
  add("onFailure", std::span<const Field<FailurePolicy>>(kFailure));
  add("scale", scale_fields());
  add("worker", std::span<const Field<WorkerSpec>>(kWorker));
  add("processes", std::span<const Field<WorkerSpec>>(kProcesses));
}

}  // namespace triggerd::config
