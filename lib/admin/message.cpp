#include "admin/message.hpp"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace triggerd::admin {
namespace {

namespace json = boost::json;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Whether the texts are the same; the time tells only how long `given` is.
bool same(std::string_view given, std::string_view key) {
  unsigned difference = given.size() == key.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(key[i % key.size()]);
  return difference == 0;
}

}  // namespace

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

void gather(Response& response) {
  if (!response.pieces) return;
  while (response.pieces(response.body)) {
  }
  response.pieces = nullptr;
}

Response error_response(unsigned status, std::string_view code, std::string_view message) {
  return response(status, kJson, json::serialize(json::object{{"error", code}, {"message", message}}) + "\n");
}

std::string_view path_of(const Request& request) {
  const std::string_view target = request.target;
  return target.substr(0, target.find('?'));
}

std::string_view header_of(const Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (std::ranges::equal(key, name, {}, lower, lower)) return value;
  }
  return {};
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

std::optional<std::string> query_of(const Request& request, std::string_view name) {
  std::string_view rest = request.target;
  const std::size_t question = rest.find('?');
  if (question == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name)
      return percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

bool carries_key(const Request& request, const std::string& key) {
  if (key.empty()) return true;
  if (same(header_of(request, "x-functions-key"), key)) return true;
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view bearer = header_of(request, "Authorization");
  if (bearer.starts_with(kBearer) && same(bearer.substr(kBearer.size()), key)) return true;
  const auto code = query_of(request, "code");
  return code && same(*code, key);
}

}  // namespace triggerd::admin
