#include "config/validate.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "config/scalars.hpp"
#include "config/suggest.hpp"

namespace triggerd::config {
namespace {

constexpr std::uint64_t kMostAzureBytes = 16 << 20;
constexpr std::uint32_t kMostAzureRecords = 100'000;

std::string prefix_of(const Trigger& trigger) { return join_path("triggers", trigger.name); }

std::vector<std::string> candidates(const Trigger& trigger, const std::string& key) {
  std::vector<std::string> paths{prefix_of(trigger) + "." + key, "defaults." + key};
  if (!trigger.cluster.empty()) paths.push_back(join_path("clusters", trigger.cluster) + "." + key);
  return paths;
}

// One trigger under the rules.
class TriggerRules {
 public:
  TriggerRules(const Trigger& trigger, Findings& findings) : trigger_(trigger), findings_(findings) {}

  void check() {
    required();
    retry();
    batches();
    span();
    processes();
  }

 private:
  bool all_sound(std::initializer_list<const char*> keys) const {
    return std::ranges::all_of(keys, [&](const char* key) { return sound(trigger_, key, findings_); });
  }
  void error(const char* key, std::string message) {
    Place place = place_of(trigger_, key, findings_);
    findings_.error(std::move(place.position), std::move(place.path), std::move(message));
  }
  void warn(const char* key, std::string message) {
    Place place = place_of(trigger_, key, findings_);
    findings_.warning(std::move(place.position), std::move(place.path), std::move(message));
  }
  // The first of the keys that the trigger itself has; else the first that is written anywhere.
  const char* written_one_of(const char* a, const char* b) const {
    for (const char* key : {a, b})
      if (wrote(key)) return key;
    return findings_.find(std::string("defaults.") + a) != nullptr ? a : b;
  }
  // In the trigger itself, not by default.
  bool wrote(const std::string& key) const {
    return findings_.find(prefix_of(trigger_) + "." + key) != nullptr;
  }

  void missing(const std::string& section, const std::string& key) {
    const std::string parent = section.empty() ? prefix_of(trigger_) : prefix_of(trigger_) + "." + section;
    const std::string path = parent + "." + key;
    // An unknown key next to it may be this one, mistyped: reported once.
    if (findings_.failed(path) || findings_.failed_at(parent) || findings_.failed_at(prefix_of(trigger_)))
      return;
    const Position* position = findings_.find(parent);
    findings_.error(position != nullptr ? *position : trigger_.position, path, "is required");
  }

  void required() {
    if (trigger_.topics.empty()) missing("", "topic");
    if (trigger_.worker.command.empty() && sound(trigger_, "worker.command", findings_))
      missing("worker", "command");
  }

  void retry() {
    const RetryPolicy& retry = trigger_.retry;
    if (!all_sound({"retry.strategy", "retry.minimumInterval", "retry.maximumInterval"})) return;
    const bool fixed = retry.strategy == RetryPolicy::Strategy::fixed_delay;
    if (fixed && wrote("retry.minimumInterval"))
      error("retry.minimumInterval", "has no meaning with strategy: fixedDelay (delayInterval has)");
    if (fixed && wrote("retry.maximumInterval"))
      error("retry.maximumInterval", "has no meaning with strategy: fixedDelay (delayInterval has)");
    if (!fixed && wrote("retry.delayInterval"))
      error("retry.delayInterval",
            "has no meaning with strategy: exponentialBackoff (minimumInterval and maximumInterval have)");
    if (!fixed && retry.minimum_interval > retry.maximum_interval)
      error(written_one_of("retry.minimumInterval", "retry.maximumInterval"),
            "minimumInterval (" + duration_text(retry.minimum_interval) +
                ") must not be above maximumInterval (" + duration_text(retry.maximum_interval) + ")");
  }

  void batches() {
    const BatchPolicy& batch = trigger_.batch;
    const bool many = batch.cardinality == BatchPolicy::Cardinality::many;
    if (all_sound({"cardinality", "maxBatchSize", "maxInFlight"}) && many &&
        trigger_.limits.max_in_flight < batch.max_batch_size)
      warn(written_one_of("maxInFlight", "maxBatchSize"),
           "a batch never reaches maxBatchSize (" + std::to_string(batch.max_batch_size) +
               "): maxInFlight is " + std::to_string(trigger_.limits.max_in_flight));
    if (all_sound({"maxBatchBytes", "maxInFlightBytes"}) &&
        trigger_.limits.max_in_flight_bytes < batch.max_batch_bytes)
      warn(written_one_of("maxInFlightBytes", "maxBatchBytes"),
           "a batch never reaches maxBatchBytes (" + size_text(batch.max_batch_bytes) +
               "): maxInFlightBytes is " + size_text(trigger_.limits.max_in_flight_bytes));
    payload();
    for (const char* key : {"maxBatchSize", "maxBatchWait"})
      if (!many && wrote(key) && all_sound({"cardinality", key}))
        warn(key, "has no effect: cardinality is one (write cardinality: many to get batches)");
  }

  // As JSON a byte may become six, a record 200 more, and a frame holds 256 MiB.
  void payload() {
    const BatchPolicy& batch = trigger_.batch;
    if (batch.payload == BatchPolicy::Payload::native) {
      if (wrote("keyDataType") && all_sound({"payload", "keyDataType"}))
        warn("keyDataType", "has no effect: payload is native, so handlers are given keys as they are");
      return;
    }
    if (all_sound({"maxBatchBytes"}) && batch.max_batch_bytes > kMostAzureBytes)
      error("maxBatchBytes", "must be at most " + size_text(kMostAzureBytes) + " with payload: azure (got " +
                                 size_text(batch.max_batch_bytes) + ")");
    if (all_sound({"maxBatchSize"}) && batch.max_batch_size > kMostAzureRecords)
      error("maxBatchSize", "must be at most " + std::to_string(kMostAzureRecords) +
                                " with payload: azure (got " + std::to_string(batch.max_batch_size) + ")");
  }

  void span() {
    const Limits& limits = trigger_.limits;
    if (all_sound({"maxSpan", "maxInFlight"}) && limits.max_span < limits.max_in_flight)
      error(written_one_of("maxSpan", "maxInFlight"),
            "maxSpan (" + std::to_string(limits.max_span) + ") must not be below maxInFlight (" +
                std::to_string(limits.max_in_flight) + "): records in flight lie within the span");
  }

  void processes() {
    const WorkerSpec& worker = trigger_.worker;
    if (!all_sound({"worker.processes"})) return;
    if (worker.min_processes > worker.max_processes)
      error("worker.processes", "min (" + std::to_string(worker.min_processes) + ") must not be above max (" +
                                    std::to_string(worker.max_processes) + ")");
  }

  const Trigger& trigger_;
  Findings& findings_;
};

// A batch that is larger than the whole fleet's budget could never be put together.
void validate_budget(const Fleet& fleet, Findings& findings) {
  constexpr const char* kKey = "maxInFlightBytes";
  const Position* position = findings.find(kKey);
  if (position == nullptr || findings.failed(kKey)) return;
  const Trigger* largest = nullptr;
  for (const Trigger& trigger : fleet.triggers)
    if (sound(trigger, "maxBatchBytes", findings) &&
        (largest == nullptr || trigger.batch.max_batch_bytes > largest->batch.max_batch_bytes))
      largest = &trigger;
  if (largest == nullptr || largest->batch.max_batch_bytes <= fleet.max_in_flight_bytes) return;
  findings.error(*position, kKey,
                 "must be at least " + size_text(largest->batch.max_batch_bytes) +
                     ", the maxBatchBytes of trigger " + in_quotes(largest->name) + " (got " +
                     size_text(fleet.max_in_flight_bytes) + ")");
}

}  // namespace

Place place_of(const Trigger& trigger, const std::string& key, const Findings& findings) {
  for (std::string& path : candidates(trigger, key))
    if (const Position* position = findings.find(path)) return {*position, std::move(path)};
  return {trigger.position, prefix_of(trigger) + "." + key};
}

bool sound(const Trigger& trigger, const std::string& key, const Findings& findings) {
  for (const std::string& path : candidates(trigger, key)) {
    if (findings.failed(path)) return false;
    // What stands first holds; but `kafka` is made of all of them.
    if (key != "kafka" && findings.find(path) != nullptr) return true;
  }
  return true;
}

namespace {

void validate_cluster_names(const Fleet& fleet, Findings& findings) {
  std::vector<std::string_view> names;
  names.reserve(fleet.clusters.size());
  for (const auto& [name, connection] : fleet.clusters) names.push_back(name);
  for (const Trigger& trigger : fleet.triggers) {
    if (trigger.cluster.empty() || fleet.clusters.contains(trigger.cluster)) continue;
    if (findings.failed_at("clusters") || findings.failed(join_path("clusters", trigger.cluster))) continue;
    if (!sound(trigger, "cluster", findings)) continue;
    Place place = place_of(trigger, "cluster", findings);
    const std::string what = findings.is_brought_in(place.path)
                                 ? "of this name"
                                 : in_quotes(trigger.cluster) + did_you_mean(trigger.cluster, names);
    findings.error(std::move(place.position), std::move(place.path), "there is no cluster " + what);
  }
}

}  // namespace

void validate(const Fleet& fleet, const Sources& sources, Findings& findings) {
  validate_admin(fleet.admin, sources, findings);
  validate_cluster_names(fleet, findings);
  validate_connections(fleet, sources, findings);
  for (const Trigger& trigger : fleet.triggers) {
    TriggerRules(trigger, findings).check();
    validate_failure(trigger, findings);
    validate_scale(trigger, findings);
    validate_membership(trigger, findings);
  }
  validate_budget(fleet, findings);
  validate_groups(fleet, findings);
  validate_static_members(fleet, findings);
}

}  // namespace triggerd::config
