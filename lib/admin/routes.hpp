// What the admin listener answers: a request and a view of the daemon in, a response out. Pure, no sockets.
//
// GET and HEAD for what is shown; POST for what is asked, and for all of /admin/host but its ping, with the
// key where there is one: x-functions-key, ?code= or a bearer token, as the original takes it. From afar all
// but /healthz, /readyz and the ping need it. Without a key a POST must be of JSON, so that no page of
// another site can: a browser sends that type only after asking.
// Every response forbids what a browser could be tricked into: no script, no framing, no guessing of types,
// no caching. Errors are JSON: {"error":"not_found","message":"…"}.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/host.hpp"
#include "admin/message.hpp"

namespace triggerd::admin {

// POST /api/triggers/NAME/skip {"topic":"orders","partition":3,"offset":4711,"by":"who asks, for the log"}
struct SkipRequest {
  std::string trigger, topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string by;
};

// POST /api/triggers/NAME/scale {"target":3,"by":"who asks"}; a target of null ends it.
struct ScaleRequest {
  std::string trigger;
  std::optional<std::uint32_t> target;
  std::string by;
};

// The daemon as it stands. What takes time is a function, called for the pages that show it.
struct View {
  std::string version;
  std::vector<std::string> unhealthy;  // why the process should be restarted; empty: healthy
  std::vector<std::string> not_ready;  // why it does not do its work (yet); empty: ready
  // By name; each gives one JSON object.
  std::map<std::string, std::function<std::string()>> triggers;
  std::function<Pieces()> metrics;  // Prometheus text format 0.0.4
  // Asks; what came of it is in the log and in the trigger's counts. False: no such trigger.
  std::function<bool(const SkipRequest&)> skip;
  std::function<bool(const ScaleRequest&)> scale;
  // By name; each gives one JSON object: GET /scale/NAME, and /api/triggers/NAME/decisions.
  std::map<std::string, std::function<std::string()>> targets, decisions;
  std::string key;  // empty: none is asked for
  HostView host;    // /admin/host
};

Response route(const Request& request, const View& view);

// The paths there are, a trigger's name as {trigger}, each with its methods and whether it asks for the key
// even on loopback: for the document and its tests.
struct KnownRoute {
  std::string path;
  bool get = false, post = false, key = false;
};
std::vector<KnownRoute> known_routes();

}  // namespace triggerd::admin
