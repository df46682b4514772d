#include "trigger/status.hpp"

#include <map>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "lag/lag.hpp"

namespace triggerd::trigger {
namespace json = boost::json;
namespace {

json::value number(const std::optional<Offset>& offset) {
  return offset ? json::value(offset->value) : json::value();
}

json::object pool_json(const worker::PoolStats& pool) {
  return {{"wanted", pool.wanted},
          {"starting", pool.starting},
          {"ready", pool.ready},
          {"stopping", pool.stopping},
          {"backingOff", pool.backing_off},
          {"crashLooping", pool.crash_looping},
          {"lastCrash", pool.last_crash},
          {"restarts", pool.restarts},
          {"recycled",
           json::object{{"requests", pool.recycled_for_requests}, {"memory", pool.recycled_for_memory}}}};
}

json::object partition_json(const PartitionReport& report) {
  const pipeline::PartitionStatus& p = report.status;
  json::array stuck;
  for (const pipeline::StuckLane& lane : p.stuck) {
    stuck.push_back(json::object{{"offset", lane.offset.value},
                                 {"attempts", lane.attempts},
                                 {"blocked", lane.blocked},
                                 {"alarmed", lane.alarmed},
                                 {"reason", lane.reason}});
  }
  return {{"topic", p.source.topic.name()},
          {"partition", p.source.partition.value},
          {"epoch", p.epoch.value},
          {"committed", number(p.committed)},
          {"committable", p.committable.value},
          {"position", p.position.value},
          {"end", number(report.end)},
          {"lag", report.lag ? json::value(*report.lag) : json::value()},
          {"undelivered", p.undelivered},
          {"paused", p.paused},
          {"stuck", std::move(stuck)}};
}

}  // namespace

const char* name(State state) {
  switch (state) {
    case State::starting: return "starting";
    case State::running: return "running";
    case State::failing: return "failing";
    case State::draining: return "draining";
    case State::stopped: break;
  }
  return "stopped";
}

std::vector<PartitionReport> partition_reports(std::vector<pipeline::PartitionStatus> partitions,
                                               const std::vector<kafka::PartitionSample>& samples) {
  std::map<TopicPartition, Offset> ends;
  for (const kafka::PartitionSample& sample : samples) ends[sample.source] = sample.end;
  std::vector<PartitionReport> reports;
  for (pipeline::PartitionStatus& p : partitions) {
    PartitionReport report;
    const auto end = ends.find(p.source);
    if (end != ends.end() && end->second.value >= 0) report.end = end->second;
    report.lag = lag::records({report.end, p.committed, p.begun});
    report.status = std::move(p);
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<std::string> not_ready(const Status& status) {
  std::vector<std::string> reasons;
  const auto say = [&](const std::string& text) { reasons.push_back(status.trigger + ": " + text); };
  if (status.state == State::draining || status.state == State::stopped) say(name(status.state));
  if (!status.joined)
    say("has not joined group " + status.group + (status.last_error.empty() ? "" : ": " + status.last_error));
  if (status.pool.ready == 0) say("no worker is ready");
  if (const std::uint32_t looping = status.pool.crash_looping; looping > 0) {
    say(std::to_string(looping) + (looping == 1 ? " worker process is" : " worker processes are") +
        " in a crash loop; the last ended: " + status.pool.last_crash);
  }
  for (const std::string& partition : status.unread) say(partition);
  for (const PartitionReport& p : status.partitions) {
    for (const pipeline::StuckLane& lane : p.status.stuck) {
      if (!lane.blocked && !lane.alarmed) continue;
      say(to_string(p.status.source) +
          (lane.blocked ? " is blocked at offset " : " makes no progress at offset ") +
          std::to_string(lane.offset.value) + " after " + std::to_string(lane.attempts) +
          " attempts: " + lane.reason);
    }
  }
  return reasons;
}

json::object to_json(const Status& status) {
  json::array topics(status.topics.begin(), status.topics.end());
  json::array partitions;
  for (const PartitionReport& p : status.partitions) partitions.push_back(partition_json(p));
  const pipeline::Stats& s = status.stats;
  return {{"trigger", status.trigger},
          {"group", status.group},
          {"topics", std::move(topics)},
          {"state", name(status.state)},
          {"joined", status.joined},
          {"lastError", status.last_error},
          {"inFlight", s.in_flight},
          {"inFlightLimit", status.bound},
          {"heldRecords", s.held_records},
          {"heldBytes", s.held_bytes},
          {"reading", s.reading},
          {"settled", json::object{{"ok", s.settled_ok},
                                   {"deadLetter", s.settled_dead_letter},
                                   {"drop", s.settled_drop},
                                   {"skip", s.settled_skip}}},
          {"skipsRefused", s.skips_refused},
          {"deadLettersFailed", s.dead_letters_failed},
          {"lanesParked", s.lanes_parked},
          {"lanesBlocked", s.lanes_blocked},
          {"lanesAlarmed", s.lanes_alarmed},
          {"failedAttempts", s.attempts_failed},
          {"unread", json::array(status.unread.begin(), status.unread.end())},
          {"workers", pool_json(status.pool)},
          {"partitions", std::move(partitions)}};
}

}  // namespace triggerd::trigger
