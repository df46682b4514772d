// /admin/host: what the Azure Functions host serves there, as its scale controllers expect it. Pure.
//
// Paths, bodies and codes are those of the original's HostController (HOST/WebJobs.Script.WebHost): `vote` is
// 1, 0 or -1, functions are named Host.Functions.NAME, and 400 with a sentence says that scale monitoring is
// off.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "admin/message.hpp"

namespace triggerd::admin {

// The answer to POST /admin/host/scale/status {"workerCount":N}.
struct HostScaleStatus {
  int vote = 0;                                // 1: more workers, -1: fewer
  std::optional<std::int64_t> target_workers;  // none where triggers vote
  std::map<std::string, int> votes;            // by trigger
  std::map<std::string, std::int64_t> targets;
};

struct HostView {
  enum class State { starting, running, draining, drained };
  State state = State::starting;
  std::uint64_t outstanding_invocations = 0, outstanding_retries = 0;
  std::uint64_t uptime_ms = 0;
  std::string version, instance;
  bool scale_monitoring = true;  // FUNCTIONS_RUNTIME_SCALE_MONITORING_ENABLED of the original
  // `workers`: instances there are. Nothing where the lag is not known yet.
  std::function<std::optional<HostScaleStatus>(std::int64_t workers)> scale_status;
  std::function<void()> drain, resume;
};

Response host_ping(const HostView& host);
Response host_status(const HostView& host);
Response host_scale_status(const Request& request, const HostView& host);
Response host_drain(const HostView& host);
Response host_drain_status(const HostView& host);
Response host_resume(const HostView& host);

}  // namespace triggerd::admin
