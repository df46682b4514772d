// Rules about what becomes of records whose retries are used up.
#include <algorithm>
#include <regex>

#include "config/validate.hpp"

namespace triggerd::config {
namespace {

using Kind = FailurePolicy::Kind;

// Whether a subscription to `subscribed` brings `topic`. An expression that only librdkafka or the broker
// understands is taken not to.
bool brings(const std::string& subscribed, const std::string& topic) {
  if (!subscribed.starts_with('^')) return subscribed == topic;
  try {
    // The polynomial matcher: the other takes exponential time over expressions such as ^(a+)+$.
    const std::regex expression(
        subscribed, std::regex::ECMAScript | std::regex::nosubs | std::regex_constants::__polynomial);
    return std::regex_match(topic, expression);
  } catch (const std::regex_error&) {
    return false;
  }
}

void own_topic(const Trigger& trigger, Findings& findings) {
  for (const char* key : {"onFailure", "topic"})
    if (!sound(trigger, key, findings)) return;
  const std::string& topic = trigger.on_failure.dead_letter_topic;
  const auto it = std::ranges::find_if(trigger.topics, [&](const auto& t) { return brings(t, topic); });
  if (it == trigger.topics.end()) return;
  Place place = place_of(trigger, "onFailure.deadLetter", findings);
  const std::string prefix = join_path("triggers", trigger.name);
  const std::string item = prefix + ".topic[" + std::to_string(it - trigger.topics.begin()) + "]";
  const bool hidden = findings.is_brought_in(prefix + ".topic") || findings.is_brought_in(item);
  findings.error(std::move(place.position), prefix + ".onFailure.deadLetter",
                 (findings.is_brought_in(place.path) ? "this topic" : "topic " + in_quotes(topic)) +
                     " is one that the trigger itself reads" + (hidden ? "" : ", as " + in_quotes(*it)) +
                     ": its dead letters would come back to it");
}

}  // namespace

void validate_failure(const Trigger& trigger, Findings& findings) {
  const Kind kind = trigger.on_failure.kind;
  if (kind == Kind::block) return;
  if (kind == Kind::dead_letter) own_topic(trigger, findings);
  if (trigger.retry.max_retry_count >= 0) return;
  for (const char* key : {"onFailure", "retry.maxRetryCount"})
    if (!sound(trigger, key, findings)) return;
  Place place = place_of(trigger, "onFailure", findings);
  findings.warning(std::move(place.position), std::move(place.path),
                   std::string("retries never end (retry.maxRetryCount is -1): only ") +
                       (kind == Kind::drop ? "records whose handler answers drop are dropped"
                                           : "records whose handler answers deadLetter get there"));
}

}  // namespace triggerd::config
