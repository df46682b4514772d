#include "trigger/scale_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "lag/condition.hpp"

namespace triggerd::trigger {
namespace json = boost::json;
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(std::chrono::duration_cast<std::chrono::milliseconds>(duration))
      .count();
}

template <typename T>
json::value maybe(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value();
}

json::value maybe(const std::optional<Offset>& offset) {
  return offset ? json::value(offset->value) : json::value();
}

const char* name(lag::Owner owner) {
  switch (owner) {
    case lag::Owner::unknown: break;
    case lag::Owner::nobody: return "nobody";
    case lag::Owner::us: return "us";
    case lag::Owner::other: return "other";
  }
  return "unknown";
}

json::object evidence_json(const scale::Decision& d) {
  const scale::Evidence& e = d.evidence;
  return {{"lag", e.lag},
          {"lagWithStuck", e.lag_with_stuck},
          {"partitions", e.partitions},
          {"stuckPartitions", e.stuck_partitions},
          {"partitionsWithLag", e.partitions_with_lag},
          {"lagSeconds", maybe(e.behind_seconds)},
          {"recordsInPerSecond", maybe(e.rate_in)},
          {"recordsPerSecondAndInstance", maybe(e.rate_per_instance)},
          {"inFlight", e.in_flight},
          {"complete", e.complete},
          {"snapshotAgeSeconds", maybe(e.snapshot_age_seconds)},
          {"cap", maybe(d.cap)},
          {"wants", json::object{{"lag", maybe(d.wants.lag)},
                                 {"rate", maybe(d.wants.rate)},
                                 {"lagSeconds", maybe(d.wants.lag_seconds)}}}};
}

bool is_hold(scale::Rule rule) {
  return rule == scale::Rule::stale_hold || rule == scale::Rule::incomplete_hold ||
         rule == scale::Rule::no_data_hold;
}

}  // namespace

std::string scale_json(const Outlook& outlook, TimePoint now) {
  const scale::Decision& d = outlook.decision;
  const scale::Evidence& e = d.evidence;
  const auto& taken = outlook.snapshot.taken;
  return json::serialize(
      json::object{{"trigger", outlook.snapshot.trigger},
                   {"target", d.target},
                   {"current", d.current},
                   {"vote", d.vote},
                   {"active", e.active},
                   {"lag", taken ? json::value(e.lag_with_stuck) : json::value()},
                   {"lagSeconds", maybe(e.behind_seconds)},
                   {"stuckPartitions", e.stuck_partitions},
                   {"stale", is_hold(d.reason) || !taken || !outlook.snapshot.complete},
                   {"complete", outlook.snapshot.complete},
                   {"snapshotAgeSeconds", taken ? json::value(seconds(now - *taken)) : json::value()},
                   {"rule", scale::name(d.reason)},
                   {"reason", d.text}});
}

std::string decisions_json(const std::string& trigger, const std::deque<scale::Decision>& decisions,
                           TimePoint now) {
  json::array list;
  for (auto d = decisions.rbegin(); d != decisions.rend(); ++d) {
    list.push_back(json::object{{"secondsAgo", seconds(now - d->now)},
                                {"firstSecondsAgo", seconds(now - d->first)},
                                {"count", d->count},
                                {"target", d->target},
                                {"current", d->current},
                                {"vote", d->vote},
                                {"rule", scale::name(d->reason)},
                                {"reason", d->text},
                                {"inputs", evidence_json(*d)}});
  }
  return json::serialize(json::object{{"trigger", trigger}, {"decisions", std::move(list)}});
}

json::object lag_member(const lag::Snapshot& snapshot, TimePoint now) {
  json::array partitions;
  for (const lag::PartitionLag& p : snapshot.partitions) {
    partitions.push_back(
        json::object{{"topic", p.source.topic.name()},
                     {"partition", p.source.partition.value},
                     {"start", maybe(p.start)},
                     {"end", maybe(p.end)},
                     {"committed", maybe(p.committed)},
                     {"lag", maybe(p.lag)},
                     {"lagSeconds", p.behind ? json::value(seconds(*p.behind)) : json::value()},
                     {"status", lag::name(p.condition)},
                     {"owner", name(p.owner)},
                     {"held", p.failed}});
  }
  return {{"complete", snapshot.complete},
          {"ageSeconds", snapshot.taken ? json::value(seconds(now - *snapshot.taken)) : json::value()},
          {"members", maybe(snapshot.members)},
          {"errors", json::array(snapshot.errors.begin(), snapshot.errors.end())},
          {"partitions", std::move(partitions)}};
}

json::object pool_member(const scale::PoolDecision& d, TimePoint now) {
  return {{"secondsAgo", seconds(now - d.now)},
          {"current", d.current},
          {"target", d.target},
          {"rule", scale::name(d.rule)},
          {"reason", d.text}};
}

}  // namespace triggerd::trigger
