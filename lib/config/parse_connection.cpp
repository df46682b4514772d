// How to reach and log in to a cluster: a cluster's keys, and those of a trigger that names none.
#include <algorithm>

#include "config/event_hub.hpp"
#include "config/kafka_properties.hpp"
#include "config/parse.hpp"
#include "config/pem.hpp"

namespace triggerd::config {
namespace {

using Authentication = Connection::Authentication;
using Protocol = Connection::Protocol;

constexpr Enumerator<Protocol> kProtocols[] = {{"plaintext", Protocol::plaintext},
                                               {"ssl", Protocol::ssl},
                                               {"saslPlaintext", Protocol::sasl_plaintext},
                                               {"saslSsl", Protocol::sasl_ssl}};
constexpr Enumerator<Authentication> kAuthentications[] = {{"none", Authentication::none},
                                                           {"plain", Authentication::plain},
                                                           {"scramSha256", Authentication::scram_sha256},
                                                           {"scramSha512", Authentication::scram_sha512},
                                                           {"gssapi", Authentication::gssapi},
                                                           {"oAuthBearer", Authentication::oauth_bearer}};
constexpr Enumerator<OAuthBearer::Method> kOAuthMethods[] = {{"default", OAuthBearer::Method::unsecured},
                                                             {"oidc", OAuthBearer::Method::oidc}};

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

void read_text(const Value& value, std::string& target) { set(target, value.nonempty_text()); }

void read_secret(const Value& value, Secret& target) {
  if (auto text = value.nonempty_text()) target = Secret(*std::move(text));
}

// A file, a folder, or librdkafka's word for a look at the usual places.
void read_https_ca(const Value& value, Connection& connection) {
  if (value.written() == "probe")
    connection.oauth.https_ca_location = value.written();
  else
    set(connection.oauth.https_ca_location, value.readable_path(true));
}

void read_certificates(const Value& value, std::string& target) {
  const auto text = value.nonempty_text();
  if (!text) return;
  target = certificates_in(pem_lines(*text));
  if (target.empty()) value.error("holds no certificate in PEM");
}

void read_private_key(const Value& value, Connection& connection) {
  const auto text = value.nonempty_text();
  if (!text) return;
  connection.ssl_key_pem = keys_in(pem_lines(*text));
  if (connection.ssl_key_pem.empty()) value.error("holds no private key in PEM");
}

// librdkafka puts both into the command line of a shell.
void read_kerberos(const Value& value, std::string& target, bool is_path) {
  const auto text = value.nonempty_text();
  if (!text) return;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/@:+").find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(*text, plain) || text->starts_with('-'))
    return value.refuse("must be of letters, digits and . _ - / @ : + (a shell sees it)");
  if (is_path)
    set(target, value.readable_path());
  else
    target = *text;
}

void read_event_hub(const Value& value, Connection& connection) {
  auto text = value.nonempty_text();
  if (!text) return;
  if (event_hub_host(*text).empty())
    return value.error("must be a connection string: Endpoint=sb://NAMESPACE.servicebus.windows.net/;…");
  connection.event_hub = true;
  connection.password = Secret(*std::move(text));
}

void read_property(std::string_view name, const Value& value, Connection& connection) {
  auto& kafka = connection.kafka;
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
    case KafkaProperty::Kind::secret: return read_secret(value, connection.kafka_secrets[key]);
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
  for (const auto& [name, value] : map.entries()) read_property(name, value, connection);
}

constexpr Field<Connection> kConnection[] = {
    {"brokerList", read_broker_list},
    {"protocol", [](const Value& v, Connection& c) { set(c.protocol, v.one_of(kProtocols)); }},
    {"authenticationMode",
     [](const Value& v, Connection& c) { set(c.authentication_mode, v.one_of(kAuthentications)); }},
    {"username", [](const Value& v, Connection& c) { read_text(v, c.username); }},
    {"password", [](const Value& v, Connection& c) { read_secret(v, c.password); }},
    {"sslCaLocation",  // a folder will do
     [](const Value& v, Connection& c) { set(c.ssl_ca_location, v.readable_path(true)); }},
    {"sslCertificateLocation",
     [](const Value& v, Connection& c) { set(c.ssl_certificate_location, v.readable_path()); }},
    {"sslKeyLocation", [](const Value& v, Connection& c) { set(c.ssl_key_location, v.readable_path()); }},
    {"sslKeyPassword", [](const Value& v, Connection& c) { read_secret(v, c.ssl_key_password); }},
    {"sslCaPEM", [](const Value& v, Connection& c) { read_certificates(v, c.ssl_ca_pem); }},
    {"sslCertificatePEM", [](const Value& v, Connection& c) { read_certificates(v, c.ssl_certificate_pem); }},
    {"sslKeyPEM", read_private_key},
    {"sslCertificateandKeyPEM",
     [](const Value& v, Connection& c) {
       read_certificates(v, c.ssl_certificate_pem);
       read_private_key(v, c);
     }},
    {"eventHubConnectionString", read_event_hub},
    {"oAuthBearerMethod",
     [](const Value& v, Connection& c) { set(c.oauth.method, v.one_of(kOAuthMethods)); }},
    {"oAuthBearerClientId", [](const Value& v, Connection& c) { read_text(v, c.oauth.client_id); }},
    {"oAuthBearerClientSecret", [](const Value& v, Connection& c) { read_secret(v, c.oauth.client_secret); }},
    {"oAuthBearerScope", [](const Value& v, Connection& c) { read_text(v, c.oauth.scope); }},
    {"oAuthBearerTokenEndpointUrl",
     [](const Value& v, Connection& c) { read_text(v, c.oauth.token_endpoint_url); }},
    {"oAuthBearerExtensions", [](const Value& v, Connection& c) { read_text(v, c.oauth.extensions); }},
    {"httpsCaLocation", read_https_ca},
    {"httpsCaPem", [](const Value& v, Connection& c) { read_certificates(v, c.oauth.https_ca_pem); }},
    {"kerberosPrincipal",
     [](const Value& v, Connection& c) { read_kerberos(v, c.kerberos.principal, false); }},
    {"kerberosKeytab", [](const Value& v, Connection& c) { read_kerberos(v, c.kerberos.keytab, true); }},
    {"kerberosServiceName",
     [](const Value& v, Connection& c) { read_kerberos(v, c.kerberos.service_name, false); }},
    {"kafka", read_kafka},
};

constexpr Withheld kWithheld[] = {
    {"schemaRegistryUrl"},
    {"schemaRegistryUsername"},
    {"schemaRegistryPassword"},
};

// Of what Event Hubs decide themselves, a map with their connection string may say the same, nothing else.
void settle_event_hub(const Value& map, Connection& connection) {
  for (const auto& [key, value] : map.entries()) {
    const bool against =
        key == "username" || key == "password" ||
        (key == "protocol" && connection.protocol != Protocol::sasl_ssl) ||
        (key == "authenticationMode" && connection.authentication_mode != Authentication::plain);
    if (against) value.error("contradicts eventHubConnectionString, which decides it");
  }
  connection.protocol = Protocol::sasl_ssl;
  connection.authentication_mode = Authentication::plain;
  connection.username = "$ConnectionString";
  if (connection.broker_list.empty()) connection.broker_list = event_hub_host(connection.password.reveal());
  if (connection.broker_list.find(',') == std::string::npos)
    connection.broker_list = event_hub_broker(connection.broker_list);
}

// Of two ways to say one thing the one in the trigger counts, not that of its cluster.
void forget_alternatives(std::string_view key, Connection& c) {
  const bool both = key == "sslCertificateandKeyPEM";
  if (key == "sslCaPEM") c.ssl_ca_location.clear();
  if (key == "sslCaLocation") c.ssl_ca_pem.clear();
  if (both || key == "sslCertificatePEM") c.ssl_certificate_location.clear();
  if (key == "sslCertificateLocation") c.ssl_certificate_pem.clear();
  if (both || key == "sslKeyPEM") c.ssl_key_location.clear();
  if (key == "sslKeyLocation") c.ssl_key_pem = {};
  if (key == "httpsCaPem") c.oauth.https_ca_location.clear();
  if (key == "httpsCaLocation") c.oauth.https_ca_pem.clear();
}

}  // namespace

void begin_override(const Value& map, Connection& connection) {
  for (const auto& [key, value] : map.entries()) forget_alternatives(key, connection);
}

void end_connection(const Value& map, Connection& connection) {
  const auto entries = map.entries();
  const bool here = std::ranges::any_of(
      entries, [](const auto& entry) { return entry.first == "eventHubConnectionString"; });
  if (here && connection.event_hub) settle_event_hub(map, connection);
}

std::span<const Field<Connection>> connection_fields() { return kConnection; }
std::span<const Withheld> withheld_connection_keys() { return kWithheld; }

void read_cluster(const Value& map, Connection& connection) {
  read_fields(map, connection_fields(), connection, withheld_connection_keys());
  if (map.is_map()) end_connection(map, connection);
}

}  // namespace triggerd::config
