// What the admin listener answers: a request and a view of the daemon in, a response out. Pure, no sockets.
//
// GET and HEAD for what is shown; POST with a JSON body for what is asked (so no page of another site can: a
// browser sends that type only after asking). Every response forbids what a browser could be tricked into: no
// script, no framing, no guessing of types, no caching. Errors are JSON: {"error":"not_found","message":"…"}.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace triggerd::admin {

struct Request {
  std::string method;  // as sent
  std::string target;  // path and query, as sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // all but Content-Length and Connection
  std::string body;                                          // of the GET; HEAD sends its length only
};

// POST /api/triggers/NAME/skip {"topic":"orders","partition":3,"offset":4711,"by":"who asks, for the log"}
struct SkipRequest {
  std::string trigger, topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string by;
};

// The daemon as it stands. What takes time is a function, called for the pages that show it.
struct View {
  std::string version;
  std::vector<std::string> unhealthy;  // why the process should be restarted; empty: healthy
  std::vector<std::string> not_ready;  // why it does not do its work (yet); empty: ready
  // By name; each gives one JSON object.
  std::map<std::string, std::function<std::string()>> triggers;
  std::function<std::string()> metrics;  // Prometheus text format 0.0.4
  // Asks; what came of it is in the log and in the trigger's counts. False: no such trigger.
  std::function<bool(const SkipRequest&)> skip;
};

Response route(const Request& request, const View& view);

// For what is wrong before there is a request: 400, 413, 431.
Response error_response(unsigned status, std::string_view code, std::string_view message);

}  // namespace triggerd::admin
