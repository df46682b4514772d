#include "admin/routes.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "admin/openapi.hpp"

namespace triggerd::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostBy = 200;
constexpr std::int64_t kMostInstances = 100'000;

// A request for a page; `name` is of the trigger that its path names.
struct Call {
  const Request& request;
  std::string name;
};

// 200 {"ready":true}, or 503 {"ready":false,"reasons":[…]}.
Response verdict(std::string_view word, const std::vector<std::string>& reasons) {
  json::object body{{word, reasons.empty()}};
  if (!reasons.empty()) body["reasons"] = json::array(reasons.begin(), reasons.end());
  return response(reasons.empty() ? 200 : 503, kJson, json::serialize(body) + "\n");
}

Response index(const Call&, const View& view) {
  std::string body =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>triggerd</title>\n"
      "<h1>triggerd " +
      view.version + "</h1>\n<dl>\n";
  static constexpr std::pair<const char*, const char*> kPages[] = {
      {"/api/triggers",
       "the triggers as they stand (JSON); one: /api/triggers/NAME; the instances it needs: "
       "/scale/NAME, and why: /api/triggers/NAME/decisions"},
      {"/metrics", "Prometheus metrics"},
      {"/healthz", "is the process well"},
      {"/readyz", "does it do its work, and if not, why"},
      {"/openapi.json", "every page, what it takes and what it answers"},
  };
  for (const auto& [path, meaning] : kPages) {
    body += std::string("<dt><a href=\"") + path + "\">" + path + "</a></dt><dd>" + meaning + "</dd>\n";
  }
  return response(200, "text/html; charset=utf-8", body + "</dl>\n</html>\n");
}

Response metrics(const Call&, const View& view) {
  Response page = response(200, "text/plain; version=0.0.4; charset=utf-8", "");
  page.pieces = view.metrics();
  return page;
}

Response healthz(const Call&, const View& view) { return verdict("healthy", view.unhealthy); }

// A probe from afar needs no key, and is not told names.
Response readyz(const Call& call, const View& view) {
  if (!view.not_ready.empty() && call.request.from_afar && !carries_key(call.request, view.key))
    return verdict("ready", {"send the key to be told"});
  return verdict("ready", view.not_ready);
}

Response triggers(const Call&, const View& view) {
  std::string body = "{\"triggers\":[";
  for (const auto& [name, json_text] : view.triggers) {
    if (body.back() != '[') body += ',';
    body += json_text();
  }
  return response(200, kJson, body + "]}\n");
}

bool text(const json::value* v) { return v != nullptr && v->is_string() && !v->get_string().empty(); }

bool number(const json::value* v, std::int64_t most) {
  return v != nullptr && v->is_int64() && v->get_int64() >= 0 && v->get_int64() <= most;
}

std::optional<SkipRequest> parse_skip(const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const json::value* topic = object->if_contains("topic");
  const json::value* partition = object->if_contains("partition");
  const json::value* offset = object->if_contains("offset");
  const json::value* by = object->if_contains("by");
  if (object->size() != 4 || !text(topic) || !text(by) || by->get_string().size() > kMostBy ||
      !number(partition, std::numeric_limits<std::int32_t>::max()) ||
      !number(offset, std::numeric_limits<std::int64_t>::max() - 1)) {
    return std::nullopt;
  }
  return SkipRequest{.trigger = {},
                     .topic = std::string(topic->get_string()),
                     .partition = static_cast<std::int32_t>(partition->get_int64()),
                     .offset = offset->get_int64(),
                     .by = std::string(by->get_string())};
}

std::optional<ScaleRequest> parse_scale(const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const json::value* target = object->if_contains("target");
  const json::value* by = object->if_contains("by");
  const bool none = target != nullptr && target->is_null();
  if (object->size() != 2 || !text(by) || by->get_string().size() > kMostBy ||
      !(none || number(target, kMostInstances)))
    return std::nullopt;
  ScaleRequest asked{.trigger = {}, .target = {}, .by = std::string(by->get_string())};
  if (!none) asked.target = static_cast<std::uint32_t>(target->get_int64());
  return asked;
}

Response no_trigger() {
  return error_response(404, "not_found", "there is no such trigger; /api/triggers names them");
}

Response asked(bool found) { return found ? response(202, kJson, "{\"asked\":true}\n") : no_trigger(); }

Response skip(const Call& call, const View& view) {
  auto skip = parse_skip(call.request.body);
  if (!skip) {
    return error_response(
        400, "bad_request",
        R"(send {"topic":"…","partition":0,"offset":0,"by":"…"}, these four and no others)");
  }
  skip->trigger = call.name;
  return asked(view.skip && view.skip(*skip));
}

Response scale(const Call& call, const View& view) {
  auto scale = parse_scale(call.request.body);
  if (!scale)
    return error_response(400, "bad_request",
                          R"(send {"target":3,"by":"…"}, or null as the target to end it)");
  scale->trigger = call.name;
  return asked(view.scale && view.scale(*scale));
}

template <auto View::* pages>
Response of_trigger(const Call& call, const View& view) {
  const auto found = (view.*pages).find(call.name);
  return found == (view.*pages).end() ? no_trigger() : response(200, kJson, found->second() + "\n");
}

template <Response (*page)(const HostView&)>
Response host(const Call&, const View& view) {
  return page(view.host);
}
Response scale_status(const Call& call, const View& view) {
  return host_scale_status(call.request, view.host);
}

Response openapi(const Call&, const View& view) {
  return response(200, kJson, openapi_document(view.version) + "\n");
}

// When the key is asked for, where there is one.
enum class Key { never, from_afar, always };
enum class Method { get, post, both };

struct Route {
  std::string_view path;  // one * stands for a trigger's name
  Method method;
  Key key;
  bool act;  // changes something
  Response (*page)(const Call&, const View&);
};

constexpr Route kRoutes[] = {
    {"/", Method::get, Key::from_afar, false, index},
    {"/metrics", Method::get, Key::from_afar, false, metrics},
    {"/healthz", Method::get, Key::never, false, healthz},
    {"/readyz", Method::get, Key::never, false, readyz},
    {"/openapi.json", Method::get, Key::from_afar, false, openapi},
    {"/api/triggers", Method::get, Key::from_afar, false, triggers},
    {"/api/triggers/*", Method::get, Key::from_afar, false, of_trigger<&View::triggers>},
    {"/api/triggers/*/decisions", Method::get, Key::from_afar, false, of_trigger<&View::decisions>},
    {"/api/triggers/*/skip", Method::post, Key::always, true, skip},
    {"/api/triggers/*/scale", Method::post, Key::always, true, scale},
    {"/scale/*", Method::get, Key::from_afar, false, of_trigger<&View::targets>},
    {"/admin/host/ping", Method::both, Key::never, false, host<host_ping>},
    {"/admin/host/status", Method::get, Key::always, false, host<host_status>},
    {"/admin/host/scale/status", Method::post, Key::always, false, scale_status},
    {"/admin/host/drain", Method::post, Key::always, true, host<host_drain>},
    {"/admin/host/drain/status", Method::get, Key::always, false, host<host_drain_status>},
    {"/admin/host/resume", Method::post, Key::always, true, host<host_resume>},
};

// What stands for the * of a route; nullopt: the path is not the route's.
std::optional<std::string_view> match(std::string_view path, std::string_view route) {
  const std::size_t star = route.find('*');
  if (star == std::string_view::npos) return path == route ? std::optional(path.substr(0, 0)) : std::nullopt;
  const std::string_view before = route.substr(0, star);
  const std::string_view after = route.substr(star + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  const std::string_view name = path.substr(before.size(), path.size() - before.size() - after.size());
  return name.find('/') == std::string_view::npos ? std::optional(name) : std::nullopt;
}

Response method_not_allowed(const Route& route) {
  const bool get = route.method == Method::get;
  Response refused = error_response(405, "method_not_allowed",
                                    get ? "this page is for GET and HEAD" : "this page is for POST");
  refused.headers.emplace_back("Allow", get ? "GET, HEAD" : "POST");
  return refused;
}

Response answer(const Route& route, std::string_view name, const Request& request, const View& view) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  const bool post = request.method == "POST";
  if (!(get && route.method != Method::post) && !(post && route.method != Method::get))
    return method_not_allowed(route);
  const bool guarded = route.key == Key::always || (route.key == Key::from_afar && request.from_afar);
  if (guarded && !carries_key(request, view.key))
    return error_response(401, "unauthorized", "send the key: x-functions-key, ?code= or a bearer token");
  if (guarded && post && view.key.empty() && !header_of(request, "Content-Type").starts_with(kJson))
    return error_response(415, "unsupported_media_type", "send application/json");
  auto decoded = percent_decoded(name);
  if (!decoded) return error_response(400, "bad_request", "the path has a broken percent escape");
  Response page = route.page({request, std::move(*decoded)}, view);
  page.act = route.act;
  return page;
}

}  // namespace

Response route(const Request& request, const View& view) {
  for (const Route& known : kRoutes) {
    if (const auto name = match(path_of(request), known.path)) return answer(known, *name, request, view);
  }
  return error_response(404, "not_found", "there is no such page; / names them");
}

std::vector<KnownRoute> known_routes() {
  std::vector<KnownRoute> routes;
  for (const Route& route : kRoutes) {
    std::string path(route.path);
    if (const std::size_t star = path.find('*'); star != std::string::npos)
      path.replace(star, 1, "{trigger}");
    routes.push_back({.path = std::move(path),
                      .get = route.method != Method::post,
                      .post = route.method != Method::get,
                      .key = route.key == Key::always});
  }
  return routes;
}

}  // namespace triggerd::admin
