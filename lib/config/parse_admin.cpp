// Where the admin listener listens, whom it lets in and what it shows of itself.
#include <algorithm>
#include <map>

#include "config/parse.hpp"

namespace triggerd::config {
namespace {

constexpr std::size_t kLeastKey = 16;
constexpr std::size_t kLongestSocketPath = 107;  // sun_path, less its end

// 1.2.3.4; no other spelling.
std::optional<std::string> ipv4(std::string_view host) {
  std::string_view rest = host;
  for (int parts = 1; parts <= 4; ++parts) {
    const std::size_t point = std::min(rest.find('.'), rest.size());
    const auto part = parse_integer(rest.substr(0, point));
    if (!part || *part < 0 || *part > 255) return std::nullopt;
    rest.remove_prefix(point);
    if (parts == 4 || rest.empty())
      return parts == 4 && rest.empty() ? std::optional(std::string(host)) : std::nullopt;
    rest.remove_prefix(1);
  }
  return std::nullopt;
}

// [ADDRESS], without its brackets. What is amiss within shows when it is listened on.
std::optional<std::string> ipv6(std::string_view host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return std::nullopt;
  const std::string address(host.substr(1, host.size() - 2));
  if (std::ranges::count(address, ':') < 2) return std::nullopt;
  if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return std::nullopt;
  return address;
}

bool is_loopback(const Admin::Listener& listener) {
  return !listener.path.empty() || listener.host == "::1" || listener.host.starts_with("127.");
}

std::optional<Admin::Listener> read_listener(const Value& value) {
  constexpr const char* kForm =
      "must be an address and a port such as 127.0.0.1:7071 or [::1]:7071, or unix:PATH";
  const auto text = value.nonempty_text();
  if (!text) return std::nullopt;
  Admin::Listener listener;
  if (text->starts_with("unix:")) {
    listener.path = value.relative_path(text->substr(5));
    if (text->size() > 5 && listener.path.size() <= kLongestSocketPath) return listener;
    value.refuse(text->size() == 5 ? kForm : "must be a path of at most 107 bytes, as sockets' paths are");
    return std::nullopt;
  }
  const std::size_t colon = std::min(text->rfind(':'), text->size());
  const std::string_view host = std::string_view(*text).substr(0, colon);
  const auto port = parse_integer(std::string_view(*text).substr(std::min(colon + 1, text->size())));
  const auto address = host == "localhost" ? std::optional<std::string>("127.0.0.1")
                       : ipv4(host)        ? ipv4(host)
                                           : ipv6(host);
  if (!address || !port || *port < 0 || *port > 65'535) {
    value.refuse(kForm);
    return std::nullopt;
  }
  listener.host = *address;
  listener.port = static_cast<std::uint16_t>(*port);
  return listener;
}

void read_listen(const Value& value, Admin& admin) {
  std::vector<Admin::Listener> found;
  for (const Value& item : value.items_or_self()) {
    auto listener = read_listener(item);
    if (!listener) continue;
    const bool again =
        std::ranges::count(found, *listener) > 0 && (listener->port != 0 || !listener->path.empty());
    if (again) item.refuse("is listened on already");
    found.push_back(*std::move(listener));
  }
  if (!found.empty()) admin.listen = std::move(found);
}

void read_key(const Value& value, Admin& admin) {
  const auto text = value.nonempty_text();
  const auto visible = [](char c) { return c > ' ' && c <= '~'; };  // it travels in a header
  if (text && (text->size() < kLeastKey || !std::ranges::all_of(*text, visible)))
    return value.error("must have 16 characters or more, of visible ASCII");
  if (text) admin.key = Secret(*text);
}

constexpr Field<Admin> kAdmin[] = {
    {"listen", read_listen},
    {"key", read_key},
    {"sslCertificateLocation",
     [](const Value& v, Admin& a) { set(a.ssl_certificate_location, v.readable_path()); }},
    {"sslKeyLocation", [](const Value& v, Admin& a) { set(a.ssl_key_location, v.readable_path()); }},
    {"sslCaLocation", [](const Value& v, Admin& a) { set(a.ssl_ca_location, v.readable_path()); }},
    {"functionsRuntimeScaleMonitoringEnabled",
     [](const Value& v, Admin& a) { set(a.scale_monitoring, v.boolean()); }},
    {"targetBasedScalingEnabled", [](const Value& v, Admin& a) { set(a.target_based_scaling, v.boolean()); }},
};

// What the keys are to one another.
void check(const Value& map, const Admin& admin) {
  std::map<std::string, Value> at;
  for (const auto& [key, value] : map.entries()) at.emplace(key, value);
  const auto needs = [&](const char* key, const char* other, const char* why) {
    if (at.contains(key) && !at.contains(other)) at.at(key).error(std::string("needs ") + other + why);
  };
  needs("sslCertificateLocation", "sslKeyLocation", " too");
  needs("sslKeyLocation", "sslCertificateLocation", " too");
  needs("sslCaLocation", "sslCertificateLocation", ": without TLS clients show no certificate");
  if (std::ranges::all_of(admin.listen, is_loopback)) return;
  if (!at.contains("sslCertificateLocation") || !at.contains("key"))
    at.at("listen").error(
        "an address that other machines reach needs sslCertificateLocation, sslKeyLocation and a key");
}

}  // namespace

std::span<const Field<Admin>> admin_fields() { return kAdmin; }

void read_admin(const Value& map, Admin& admin) {
  read_fields(map, admin_fields(), admin);
  if (map.is_map()) check(map, admin);
}

}  // namespace triggerd::config
