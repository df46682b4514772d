#include "admin/routes.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace triggerd::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kTriggerPrefix = "/api/triggers/";
constexpr std::string_view kSkipSuffix = "/skip";
constexpr std::size_t kMostBy = 200;
constexpr std::string_view kJson = "application/json";

Response response(unsigned status, std::string_view type, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", std::string(type)},
                      {"Cache-Control", "no-store"},
                      {"Content-Security-Policy",
                       "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
                      {"Cross-Origin-Resource-Policy", "same-origin"},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"X-Frame-Options", "DENY"}},
          .body = std::move(body)};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// 200 {"ready":true}, or 503 {"ready":false,"reasons":[…]}.
Response verdict(std::string_view word, const std::vector<std::string>& reasons) {
  json::object body{{word, reasons.empty()}};
  if (!reasons.empty()) body["reasons"] = json::array(reasons.begin(), reasons.end());
  return response(reasons.empty() ? 200 : 503, kJson, json::serialize(body) + "\n");
}

Response index(const Request&, const View& view) {
  std::string body =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>triggerd</title>\n"
      "<h1>triggerd " +
      view.version + "</h1>\n<dl>\n";
  static constexpr std::pair<const char*, const char*> kPages[] = {
      {"/api/triggers", "the triggers as they stand (JSON); one: /api/triggers/NAME"},
      {"/metrics", "Prometheus metrics"},
      {"/healthz", "is the process well"},
      {"/readyz", "does it do its work, and if not, why"},
  };
  for (const auto& [path, meaning] : kPages) {
    body += std::string("<dt><a href=\"") + path + "\">" + path + "</a></dt><dd>" + meaning + "</dd>\n";
  }
  return response(200, "text/html; charset=utf-8", body + "</dl>\n</html>\n");
}

Response metrics(const Request&, const View& view) {
  return response(200, "text/plain; version=0.0.4; charset=utf-8", view.metrics());
}

Response healthz(const Request&, const View& view) { return verdict("healthy", view.unhealthy); }

Response readyz(const Request&, const View& view) { return verdict("ready", view.not_ready); }

Response triggers(const Request&, const View& view) {
  std::string body = "{\"triggers\":[";
  for (const auto& [name, json_text] : view.triggers) {
    if (body.back() != '[') body += ',';
    body += json_text();
  }
  return response(200, kJson, body + "]}\n");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view path_of(const Request& request) {
  const std::string_view target = request.target;
  return target.substr(0, target.find('?'));
}

Response trigger(const Request& request, const View& view) {
  const auto name = percent_decoded(path_of(request).substr(kTriggerPrefix.size()));
  if (!name) return error_response(400, "bad_request", "the path has a broken percent escape");
  const auto found = view.triggers.find(*name);
  if (found == view.triggers.end()) {
    return error_response(404, "not_found", "there is no such trigger; /api/triggers names them");
  }
  return response(200, kJson, found->second() + "\n");
}

std::string_view header(const Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (std::ranges::equal(key, name, {}, lower, lower)) return value;
  }
  return {};
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
  const auto text = [](const json::value* v) {
    return v != nullptr && v->is_string() && !v->get_string().empty();
  };
  const auto number = [](const json::value* v, std::int64_t most) {
    return v != nullptr && v->is_int64() && v->get_int64() >= 0 && v->get_int64() <= most;
  };
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

Response skip(const Request& request, const View& view) {
  std::string_view name_text = path_of(request).substr(kTriggerPrefix.size());
  name_text.remove_suffix(kSkipSuffix.size());
  const auto name = percent_decoded(name_text);
  if (!header(request, "Content-Type").starts_with(kJson))
    return error_response(415, "unsupported_media_type", "send application/json");
  auto asked = parse_skip(request.body);
  if (!name || !asked) {
    return error_response(
        400, "bad_request",
        R"(send {"topic":"…","partition":0,"offset":0,"by":"…"}, these four and no others)");
  }
  asked->trigger = *name;
  if (!view.skip || !view.skip(*asked))
    return error_response(404, "not_found", "there is no such trigger; /api/triggers names them");
  return response(202, kJson, "{\"asked\":true}\n");
}

bool is_skip(std::string_view path) {
  return path.starts_with(kTriggerPrefix) && path.ends_with(kSkipSuffix) &&
         path.size() > kTriggerPrefix.size() + kSkipSuffix.size();
}

using Page = Response (*)(const Request&, const View&);

Page page_of(std::string_view path) {
  static constexpr std::pair<std::string_view, Page> kPages[] = {
      {"/", index},        {"/metrics", metrics},       {"/healthz", healthz},
      {"/readyz", readyz}, {"/api/triggers", triggers},
  };
  for (const auto& [known, page] : kPages) {
    if (path == known) return page;
  }
  return path.size() > kTriggerPrefix.size() && path.starts_with(kTriggerPrefix) ? trigger : nullptr;
}

}  // namespace

Response error_response(unsigned status, std::string_view code, std::string_view message) {
  return response(status, kJson, json::serialize(json::object{{"error", code}, {"message", message}}) + "\n");
}

Response route(const Request& request, const View& view) {
  if (is_skip(path_of(request))) {
    if (request.method == "POST") return skip(request, view);
    Response refused = error_response(405, "method_not_allowed", "this page is for POST");
    refused.headers.emplace_back("Allow", "POST");
    return refused;
  }
  const Page page = page_of(path_of(request));
  if (page == nullptr) return error_response(404, "not_found", "there is no such page; / names them");
  if (request.method != "GET" && request.method != "HEAD") {
    Response refused = error_response(405, "method_not_allowed", "this page is for GET and HEAD");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  return page(request, view);
}

}  // namespace triggerd::admin
