// Rules about group membership and shared groups.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "config/scalars.hpp"
#include "config/validate.hpp"

namespace triggerd::config {
namespace {

constexpr std::int64_t kDefaultMaxPollMillis = 300'000;
constexpr std::int64_t kDefaultSessionMillis = 45'000;

std::optional<std::string> property(const Trigger& trigger, const std::string& name) {
  const auto it = trigger.connection.kafka.find(name);
  if (it == trigger.connection.kafka.end()) return std::nullopt;
  return it->second;
}

std::int64_t millis(const Trigger& trigger, const std::string& name, std::int64_t otherwise) {
  const auto text = property(trigger, name);
  const auto number = parse_integer(text.value_or(""));
  return number ? *number : otherwise;
}

void refuse_property(const Trigger& trigger, const std::string& name, std::string message,
                     Findings& findings) {
  Place place = place_of(trigger, "kafka." + name, findings);
  findings.error(std::move(place.position), std::move(place.path), std::move(message));
}

void check_assignors(const Trigger& trigger, const std::string& list, Findings& findings) {
  bool eager = false, cooperative = false;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, comma - begin);
    begin = comma + 1;
    cooperative = cooperative || name == "cooperative-sticky";
    eager = eager || name == "range" || name == "roundrobin";
    if (name != "cooperative-sticky" && name != "range" && name != "roundrobin")
      return refuse_property(trigger, "partition.assignment.strategy",
                             "must be of range, roundrobin or cooperative-sticky", findings);
  }
  if (eager && cooperative)
    refuse_property(trigger, "partition.assignment.strategy",
                    "cooperative-sticky cannot be mixed with range or roundrobin", findings);
}

const char* what_both_do(const Trigger& a, const Trigger& b) {
  std::vector<std::string> left = a.topics, right = b.topics;
  std::ranges::sort(left);
  std::ranges::sort(right);
  return left == right ? "each record goes to only one of them"
                       : "their topics differ, so each rebalance of one disturbs the other";
}

}  // namespace

void validate_membership(const Trigger& trigger, Findings& findings) {
  if (!sound(trigger, "kafka", findings)) return;
  const bool new_protocol = property(trigger, "group.protocol") == "consumer";
  for (const char* name : {"partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms"})
    if (new_protocol && property(trigger, name))
      refuse_property(trigger, name, "has no meaning with group.protocol: consumer (the broker decides)",
                      findings);
  if (!new_protocol && property(trigger, "group.remote.assignor"))
    refuse_property(trigger, "group.remote.assignor", "needs group.protocol: consumer", findings);
  if (const auto list = property(trigger, "partition.assignment.strategy"); list && !new_protocol)
    check_assignors(trigger, *list, findings);

  const std::int64_t poll = millis(trigger, "max.poll.interval.ms", kDefaultMaxPollMillis);
  const std::int64_t session = millis(trigger, "session.timeout.ms", kDefaultSessionMillis);
  if (!new_protocol && session > poll)
    refuse_property(trigger,
                    property(trigger, "session.timeout.ms") ? "session.timeout.ms" : "max.poll.interval.ms",
                    "session.timeout.ms (" + std::to_string(session) +
                        ") must not be above max.poll.interval.ms (" + std::to_string(poll) + ")",
                    findings);
  const Duration half = std::chrono::milliseconds(poll / 2);
  if (trigger.limits.revoke_timeout <= half || !sound(trigger, "revokeTimeout", findings)) return;
  Place place = place_of(trigger, "revokeTimeout", findings);
  findings.error(std::move(place.position), std::move(place.path),
                 "must be at most half of max.poll.interval.ms, " + duration_text(half) + " (got " +
                     duration_text(trigger.limits.revoke_timeout) + ")");
}

void validate_groups(const Fleet& fleet, Findings& findings) {
  std::map<std::pair<std::string, std::string>, const Trigger*> first;  // by brokers and group
  for (const Trigger& trigger : fleet.triggers) {
    if (trigger.connection.broker_list.empty() || trigger.topics.empty()) continue;
    const auto [it, fresh] =
        first.try_emplace({trigger.connection.broker_list, trigger.consumer_group}, &trigger);
    if (fresh) continue;
    const Trigger& other = *it->second;
    Place place = place_of(trigger, "consumerGroup", findings);
    findings.warning(std::move(place.position), join_path("triggers", trigger.name) + ".consumerGroup",
                     "trigger " + in_quotes(other.name) + " (" + to_string(other.position) +
                         ") is in group " + in_quotes(trigger.consumer_group) +
                         " too: " + what_both_do(trigger, other));
  }
}

// The broker fences one of two members of one name, for ever in turn.
void validate_static_members(const Fleet& fleet, Findings& findings) {
  std::map<std::array<std::string, 3>, const Trigger*> first;  // by brokers, group and name
  for (const Trigger& trigger : fleet.triggers) {
    if (trigger.group_instance_id.empty() || !sound(trigger, "groupInstanceId", findings)) continue;
    if (trigger.connection.broker_list.empty() || !sound(trigger, "consumerGroup", findings)) continue;
    const auto [it, fresh] = first.try_emplace(
        {trigger.connection.broker_list, trigger.consumer_group, trigger.group_instance_id}, &trigger);
    if (fresh) continue;
    const Trigger& other = *it->second;
    Place place = place_of(trigger, "groupInstanceId", findings);
    findings.error(std::move(place.position), join_path("triggers", trigger.name) + ".groupInstanceId",
                   "trigger " + in_quotes(other.name) + " (" + to_string(other.position) +
                       ") of the same group has it too: static members need one each");
  }
}

}  // namespace triggerd::config
