#include "kafka/properties.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string_view>

namespace triggerd::kafka {
namespace {

using Connection = config::Connection;
using Kind = config::StartFrom::Kind;

// A fetch returns at least this much, or a large record would need more than one.
constexpr std::uint64_t kLeastFetch = 1 << 20;
constexpr std::uint64_t kMostFetch = 50 << 20;  // librdkafka's default
constexpr std::uint64_t kFraming = 512;         // of a response, as librdkafka reckons
constexpr std::uint64_t kMostQueuedKib = 2097151;
constexpr std::uint64_t kMostQueuedRecords = 100'000;  // librdkafka's default
constexpr std::uint64_t kBytesPerQueuedRecord = 1024;

// A topic that is not there is told after so long: until then it may only be new.
constexpr std::chrono::milliseconds kTopicPropagation(5000);

// What the user may say of consuming, and what means another thing to a producer: a limit or a number of
// requests chosen for fetching, and topics left out of a ^regex.
constexpr auto kAboutReading = std::to_array<std::string_view>({
    "check.crcs",
    "coordinator.query.interval.ms",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.max.bytes",
    "partition.assignment.strategy",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "session.timeout.ms",
    "topic.blacklist",
});

const char* text(Connection::Protocol protocol) {
  switch (protocol) {
    case Connection::Protocol::plaintext: return "plaintext";
    case Connection::Protocol::ssl: return "ssl";
    case Connection::Protocol::sasl_plaintext: return "sasl_plaintext";
    case Connection::Protocol::sasl_ssl: break;
  }
  return "sasl_ssl";
}

const char* text(Connection::Authentication authentication) {
  switch (authentication) {
    case Connection::Authentication::none: return "";
    case Connection::Authentication::gssapi: return "GSSAPI";
    case Connection::Authentication::plain: return "PLAIN";
    case Connection::Authentication::scram_sha256: return "SCRAM-SHA-256";
    case Connection::Authentication::scram_sha512: return "SCRAM-SHA-512";
    case Connection::Authentication::oauth_bearer: break;
  }
  return "OAUTHBEARER";
}

// Only for an offset that is no longer there, or not yet: where a partition without a commit begins is asked
// before it is assigned (start_offsets.hpp). What retention has left of an unread log is read, whatever
// startFrom says: it speaks of groups without a commit.
const char* reset_policy(Kind kind) { return kind == Kind::error ? "error" : "earliest"; }

std::uint64_t number_in(const std::map<std::string, std::string>& properties, const char* name) {
  const auto found = properties.find(name);
  if (found == properties.end()) return 0;
  return std::strtoull(found->second.c_str(), nullptr, 10);
}

void add_memory(const ConsumerSpec& spec, std::vector<Property>& out) {
  const std::uint64_t budget = spec.queued_bytes;
  const std::uint64_t kib = std::clamp<std::uint64_t>(budget / 1024, 1, kMostQueuedKib);
  const std::uint64_t records =
      std::clamp<std::uint64_t>(budget / kBytesPerQueuedRecord, 1, kMostQueuedRecords);
  std::uint64_t fetch = std::clamp(budget / 4, kLeastFetch, kMostFetch);
  // What librdkafka refuses: a fetch larger than may be received, or smaller than the largest record.
  const std::uint64_t receive = number_in(spec.connection.kafka, "receive.message.max.bytes");
  if (receive > kFraming) fetch = std::min(fetch, receive - kFraming);
  fetch = std::max(fetch, number_in(spec.connection.kafka, "message.max.bytes"));
  out.push_back({"queued.max.messages.kbytes", std::to_string(kib)});
  out.push_back({"queued.min.messages", std::to_string(records)});
  out.push_back({"fetch.max.bytes", std::to_string(fetch)});
}

void add_defaults(const ConsumerSpec& spec, std::vector<Property>& out) {
  out.push_back({"client.id", "triggerd-" + spec.trigger});
  out.push_back({"socket.keepalive.enable", "true"});
  // The default of a second starves a consumer of small records: 0.4 against 1.6 M records a second.
  out.push_back({"fetch.queue.backoff.ms", "2"});
  const auto protocol = spec.connection.kafka.find("group.protocol");
  // With `consumer` the broker assigns, and librdkafka refuses this property.
  if (protocol == spec.connection.kafka.end() || protocol->second != "consumer") {
    out.push_back({"partition.assignment.strategy", "cooperative-sticky"});
  }
  add_memory(spec, out);
}

using Given = std::function<void(const char* name, const std::string& value)>;  // unless empty

void add_tls(const Connection& c, const Given& add) {
  add("ssl.ca.location", c.ssl_ca_location);
  add("ssl.certificate.location", c.ssl_certificate_location);
  add("ssl.key.location", c.ssl_key_location);
  add("ssl.ca.pem", c.ssl_ca_pem);
  add("ssl.certificate.pem", c.ssl_certificate_pem);
  add("ssl.key.pem", c.ssl_key_pem.reveal());
  add("ssl.key.password", c.ssl_key_password.reveal());
}

void add_oauth(const config::OAuthBearer& oauth, const Given& add) {
  if (oauth.method != config::OAuthBearer::Method::oidc) return;
  add("sasl.oauthbearer.method", "oidc");
  add("sasl.oauthbearer.client.id", oauth.client_id);
  add("sasl.oauthbearer.client.secret", oauth.client_secret.reveal());
  add("sasl.oauthbearer.scope", oauth.scope);
  add("sasl.oauthbearer.token.endpoint.url", oauth.token_endpoint_url);
  add("sasl.oauthbearer.extensions", oauth.extensions);
  add("https.ca.location", oauth.https_ca_location);
  add("https.ca.pem", oauth.https_ca_pem);
}

void add_kerberos(const config::Kerberos& kerberos, const Given& add) {
  add("sasl.kerberos.principal", kerberos.principal);
  add("sasl.kerberos.keytab", kerberos.keytab);
  add("sasl.kerberos.service.name", kerberos.service_name);
  // Without a keytab kinit could only fail: somebody else keeps the ticket cache.
  if (kerberos.keytab.empty()) add("sasl.kerberos.min.time.before.relogin", "0");
}

// Only what the protocol and the mechanism in use have a use for (connection.hpp).
void add_connection(const Connection& connection, std::vector<Property>& out) {
  const Given add = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out.push_back({name, value});
  };
  out.push_back({"bootstrap.servers", connection.broker_list});
  out.push_back({"security.protocol", text(connection.protocol)});
  if (connection.uses_tls()) add_tls(connection, add);
  if (!connection.uses_sasl()) return;
  add("sasl.mechanisms", text(connection.authentication_mode));
  if (connection.uses_password()) {
    add("sasl.username", connection.username);
    add("sasl.password", connection.password.reveal());
  }
  if (connection.authentication_mode == Connection::Authentication::oauth_bearer)
    add_oauth(connection.oauth, add);
  if (connection.authentication_mode == Connection::Authentication::gssapi)
    add_kerberos(connection.kerberos, add);
}

void add_users(const Connection& connection, std::vector<Property>& out) {
  for (const auto& [name, value] : connection.kafka) out.push_back({name, value});
  for (const auto& [name, value] : connection.kafka_secrets) out.push_back({name, value.reveal()});
}

// What the user says, but for what is about reading.
void add_not_about_reading(const Connection& connection, std::vector<Property>& out) {
  for (const auto& [name, value] : connection.kafka) {
    if (std::ranges::find(kAboutReading, name) == kAboutReading.end()) out.push_back({name, value});
  }
  for (const auto& [name, value] : connection.kafka_secrets) out.push_back({name, value.reveal()});
}

void add_owned(const ConsumerSpec& spec, std::vector<Property>& out) {
  out.push_back({"group.id", spec.group});
  if (!spec.group_instance_id.empty()) out.push_back({"group.instance.id", spec.group_instance_id});
  out.push_back({"enable.auto.commit", "false"});
  out.push_back({"enable.auto.offset.store", "false"});
  out.push_back(
      {"enable.partition.eof", "true"});  // tells where the control records behind the last record end
  out.push_back({"auto.offset.reset", reset_policy(spec.start_from.kind)});
}

void add_defaults(const ProducerSpec& spec, std::vector<Property>& out) {
  using std::chrono::milliseconds;
  const auto timeout = std::chrono::duration_cast<milliseconds>(spec.delivery_timeout);
  out.push_back({"client.id", "triggerd-" + spec.trigger + "-dead-letters"});
  out.push_back({"socket.keepalive.enable", "true"});
  // A misspelt topic is an error, not a new topic.
  out.push_back({"allow.auto.create.topics", "false"});
  out.push_back({"topic.metadata.propagation.max.ms",
                 std::to_string(std::min(kTopicPropagation, timeout / 2).count())});
}

void add_owned(const ProducerSpec& spec, std::vector<Property>& out) {
  using std::chrono::milliseconds;
  const auto timeout = std::chrono::duration_cast<milliseconds>(spec.delivery_timeout);
  out.push_back({"enable.idempotence", "true"});
  out.push_back({"acks", "all"});
  out.push_back({"delivery.timeout.ms", std::to_string(timeout.count())});
  out.push_back({"message.max.bytes", "1000000000"});
  out.push_back({"compression.type", "zstd"});
  out.push_back({"batch.size", "131072"});
  out.push_back({"linger.ms", "0"});
  // As Java's producers: where they write too, a key keeps its partition.
  out.push_back({"partitioner", "murmur2_random"});
  // producer.cpp counts what waits; a limit here would refuse a record larger than it for ever.
  out.push_back({"queue.buffering.max.messages", "0"});
  out.push_back({"queue.buffering.max.kbytes", "2147483647"});
}

}  // namespace

std::vector<Property> properties(const ConsumerSpec& spec) {
  std::vector<Property> out;
  add_defaults(spec, out);
  add_users(spec.connection, out);
  add_connection(spec.connection, out);
  add_owned(spec, out);
  return out;
}

std::vector<Property> properties(const ProducerSpec& spec) {
  std::vector<Property> out;
  add_defaults(spec, out);
  add_not_about_reading(spec.connection, out);
  add_connection(spec.connection, out);
  add_owned(spec, out);
  return out;
}

std::vector<Property> properties(const LagSourceSpec& spec, const std::string& group) {
  std::vector<Property> out{{"client.id", "triggerd-" + spec.name}, {"socket.keepalive.enable", "true"}};
  add_not_about_reading(spec.connection, out);
  const auto left_out = spec.connection.kafka.find("topic.blacklist");
  if (left_out != spec.connection.kafka.end()) out.push_back({left_out->first, left_out->second});
  add_connection(spec.connection, out);
  out.push_back({"group.id", group.empty() ? "triggerd" : group});
  out.push_back({"metadata.max.age.ms", "10000"});
  return out;
}

Result<Conf> make_conf(const std::vector<Property>& properties) {
  Conf conf(rd_kafka_conf_new());
  std::array<char, 512> why{};
  for (const Property& property : properties) {
    const auto result =
        rd_kafka_conf_set(conf.get(), property.name.c_str(), property.value.c_str(), why.data(), why.size());
    if (result == RD_KAFKA_CONF_OK) continue;
    const bool unknown = result == RD_KAFKA_CONF_UNKNOWN;
    return Error{"configuration_refused", "librdkafka " +
                                              std::string(unknown ? "has no" : "refuses the value of") +
                                              " property " + property.name};
  }
  return conf;
}

void set_login(rd_kafka_t* client, const config::Connection& connection) {
  const ErrorHandle refused(rd_kafka_sasl_set_credentials(client, connection.username.c_str(),
                                                          connection.password.reveal().c_str()));
}

std::string value_of(const Conf& conf, const char* name) {
  std::array<char, 512> value{};
  std::size_t size = value.size();
  if (rd_kafka_conf_get(conf.get(), name, value.data(), &size) != RD_KAFKA_CONF_OK) return {};
  return value.data();
}

}  // namespace triggerd::kafka
