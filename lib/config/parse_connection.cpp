// How to reach and log in to a cluster: a cluster's keys, and those of a trigger that names none.
#include <algorithm>

#include "config/kafka_properties.hpp"
#include "config/parse.hpp"

namespace triggerd::config {
namespace {

using Authentication = Connection::Authentication;
using Protocol = Connection::Protocol;

constexpr Enumerator<Protocol> kProtocols[] = {{"plaintext", Protocol::plaintext},
                                               {"ssl", Protocol::ssl},
                                               {"saslPlaintext", Protocol::sasl_plaintext},
                                               {"saslSsl", Protocol::sasl_ssl}};
constexpr Enumerator<Authentication> kAuthentications[] = {{"plain", Authentication::plain},
                                                           {"scramSha256", Authentication::scram_sha256},
                                                           {"scramSha512", Authentication::scram_sha512},
                                                           {"gssapi", std::nullopt},
                                                           {"oAuthBearer", std::nullopt}};

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

// [PROTOCOL://]HOST[:PORT], the host perhaps [an IPv6 address].
bool is_broker(std::string_view broker) {
  if (const std::size_t scheme = broker.find("://"); scheme != std::string_view::npos)
    broker.remove_prefix(scheme + 3);
  std::size_t end = broker.starts_with('[') ? broker.find(']') : broker.find(':');
  if (broker.starts_with('[')) {
    if (end == std::string_view::npos) return false;
    ++end;
  }
  const std::string_view host = broker.substr(0, end);
  if (host.empty() || host == "[]") return false;
  if (host.find_first_of(" \t\n/,\"'") != std::string_view::npos) return false;
  if (end >= broker.size()) return true;
  if (broker[end] != ':') return false;
  const auto port = parse_integer(broker.substr(end + 1));
  return port && *port >= 1 && *port <= 65'535;
}

void read_broker_list(const Value& value, Connection& connection) {
  const auto text = value.nonempty_text();
  if (!text) return;
  std::string list;
  for (std::size_t begin = 0; begin <= text->size();) {
    const std::size_t comma = std::min(text->find(',', begin), text->size());
    const std::string broker = trimmed(std::string_view(*text).substr(begin, comma - begin));
    if (!is_broker(broker)) return value.refuse("must be a list such as kafka1:9092,kafka2:9092");
    list += (list.empty() ? "" : ",") + broker;
    begin = comma + 1;
  }
  connection.broker_list = list;
}

// A path; one that cannot be read now will not be later. A folder will do where the CA is looked for.
void read_path(const Value& value, std::string& target, bool folder_too) {
  const auto text = value.nonempty_text();
  if (!text) return;
  target = value.relative_path(*text);
  if (const auto problem = value.unreadable(target);
      problem && !(folder_too && problem->code == "is_directory"))
    value.error(problem->message);
}

void read_secret(const Value& value, Secret& target) {
  if (auto text = value.nonempty_text()) target = Secret(*std::move(text));
}

void read_property(std::string_view name, const Value& value, std::map<std::string, std::string>& kafka) {
  if (const std::string_view reason = owned_property(name); !reason.empty())
    return value.error("not allowed here: " + std::string(reason));
  const KafkaProperty* property = find_kafka_property(name);
  if (property == nullptr)
    return value.error("librdkafka has no such property" + did_you_mean(name, kafka_property_names()));
  const std::string key(name);
  switch (property->kind) {
    case KafkaProperty::Kind::integer:
      if (const auto number = value.integer({property->least, property->most}))
        kafka[key] = std::to_string(*number);
      return;
    case KafkaProperty::Kind::boolean:
      if (const auto yes = value.boolean()) kafka[key] = *yes ? "true" : "false";
      return;
    case KafkaProperty::Kind::text: break;
  }
  const auto text = value.nonempty_text();
  if (!text) return;
  if (!property->words.empty() &&
      (", " + std::string(property->words) + ",").find(", " + *text + ",") == std::string::npos)
    return value.refuse("must be one of " + std::string(property->words));
  kafka[key] = *text;
}

void read_kafka(const Value& map, Connection& connection) {
  for (const auto& [name, value] : map.entries()) read_property(name, value, connection.kafka);
}

constexpr Field<Connection> kConnection[] = {
    {"brokerList", read_broker_list},
    {"protocol", [](const Value& v, Connection& c) { set(c.protocol, v.one_of(kProtocols)); }},
    {"authenticationMode",
     [](const Value& v, Connection& c) { set(c.authentication_mode, v.one_of(kAuthentications)); }},
    {"username", [](const Value& v, Connection& c) { set(c.username, v.nonempty_text()); }},
    {"password", [](const Value& v, Connection& c) { read_secret(v, c.password); }},
    {"sslCaLocation", [](const Value& v, Connection& c) { read_path(v, c.ssl_ca_location, true); }},
    {"sslCertificateLocation",
     [](const Value& v, Connection& c) { read_path(v, c.ssl_certificate_location, false); }},
    {"sslKeyLocation", [](const Value& v, Connection& c) { read_path(v, c.ssl_key_location, false); }},
    {"sslKeyPassword", [](const Value& v, Connection& c) { read_secret(v, c.ssl_key_password); }},
    {"kafka", read_kafka},
};

constexpr std::string_view kPem = "not available in this version yet; name a file, or set it under kafka:";
constexpr Withheld kWithheld[] = {
    {"sslCaPEM", kPem},
    {"sslCertificatePEM", kPem},
    {"sslKeyPEM", kPem},
    {"sslCertificateandKeyPEM", kPem},
    {"eventHubConnectionString"},
    {"oAuthBearerMethod"},
    {"oAuthBearerClientId"},
    {"oAuthBearerClientSecret"},
    {"oAuthBearerScope"},
    {"oAuthBearerTokenEndpointUrl"},
    {"oAuthBearerExtensions"},
    {"httpsCaLocation"},
    {"httpsCaPem"},
    {"schemaRegistryUrl"},
    {"schemaRegistryUsername"},
    {"schemaRegistryPassword"},
};

}  // namespace

std::span<const Field<Connection>> connection_fields() { return kConnection; }
std::span<const Withheld> withheld_connection_keys() { return kWithheld; }

void read_cluster(const Value& map, Connection& connection) {
  read_fields(map, connection_fields(), connection, withheld_connection_keys());
}

}  // namespace triggerd::config
