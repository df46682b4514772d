#include "admin/host.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace triggerd::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kFunction = "Host.Functions.";

Response json_response(unsigned status, const json::value& value) {
  return response(status, kJson, json::serialize(value) + "\n");
}

// {} counts as no workers, as the original reads it.
std::optional<std::int64_t> worker_count(const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  std::optional<std::int64_t> count = 0;
  for (const auto& [key, member] : *object) {
    std::string name(key);
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (name != "workercount") continue;
    count = member.is_int64() && member.get_int64() >= 0 ? std::optional(member.get_int64()) : std::nullopt;
  }
  return count;
}

const char* name(HostView::State state) {
  switch (state) {
    case HostView::State::starting: return "Starting";
    case HostView::State::running: return "Running";
    case HostView::State::draining: return "Stopping";
    case HostView::State::drained: break;
  }
  return "Stopped";
}

}  // namespace

Response host_ping(const HostView&) { return response(200, kText, ""); }

Response host_status(const HostView& host) {
  return json_response(200, json::object{{"id", host.instance},
                                         {"state", name(host.state)},
                                         {"version", host.version},
                                         {"versionDetails", "triggerd " + host.version},
                                         {"instanceId", host.instance},
                                         {"computerName", host.instance},
                                         {"processUptime", host.uptime_ms}});
}

Response host_scale_status(const Request& request, const HostView& host) {
  if (!host.scale_monitoring) return response(400, kText, "Runtime scale monitoring is not enabled.");
  const auto workers = worker_count(request.body);
  if (!workers) return error_response(400, "bad_request", R"(send {"workerCount":N}, N not below 0)");
  const auto status = host.state == HostView::State::running && host.scale_status
                          ? host.scale_status(*workers)
                          : std::nullopt;
  if (!status) return error_response(503, "not_running", "the lag of the triggers is not known (yet)");
  json::object votes;
  json::object targets;
  for (const auto& [trigger, vote] : status->votes)
    votes[std::string(kFunction) + trigger] = json::object{{"vote", vote}};
  for (const auto& [trigger, target] : status->targets)
    targets[std::string(kFunction) + trigger] = json::object{{"targetWorkerCount", target}};
  return json_response(
      200, json::object{{"vote", status->vote},
                        {"targetWorkerCount",
                         status->target_workers ? json::value(*status->target_workers) : json::value()},
                        {"functionScaleStatuses", std::move(votes)},
                        {"functionTargetScalerResults", std::move(targets)}});
}

Response host_drain(const HostView& host) {
  if (host.drain) host.drain();
  return response(202, kText, "");
}

Response host_drain_status(const HostView& host) {
  const char* const state = host.state == HostView::State::drained    ? "Completed"
                            : host.state == HostView::State::draining ? "InProgress"
                                                                      : "Disabled";
  return json_response(200, json::object{{"state", state},
                                         {"outstandingInvocations", host.outstanding_invocations},
                                         {"outstandingRetries", host.outstanding_retries}});
}

Response host_resume(const HostView& host) {
  if (host.state == HostView::State::draining)
    return error_response(409, "draining", "the drain is not over yet; /admin/host/drain/status tells");
  if (host.resume) host.resume();
  return json_response(200, json::object{{"state", name(HostView::State::running)}});
}

}  // namespace triggerd::admin
