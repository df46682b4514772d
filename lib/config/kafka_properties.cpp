#include "config/kafka_properties.hpp"

#include <algorithm>
#include <array>

namespace triggerd::config {
namespace {

using Kind = KafkaProperty::Kind;

constexpr auto kAllowed = std::to_array<KafkaProperty>({
    {"allow.auto.create.topics", Kind::boolean},
    {"api.version.fallback.ms", Kind::integer, 0, 604800000},
    {"api.version.request", Kind::boolean},
    {"api.version.request.timeout.ms", Kind::integer, 1, 300000},
    {"broker.address.family", Kind::text, 0, 0, "any, v4, v6"},
    {"broker.address.ttl", Kind::integer, 0, 86400000},
    {"broker.version.fallback"},
    {"builtin.features"},
    {"check.crcs", Kind::boolean},
    {"client.dns.lookup", Kind::text, 0, 0, "use_all_dns_ips, resolve_canonical_bootstrap_servers_only"},
    {"client.id"},
    {"client.rack"},
    {"connections.max.idle.ms", Kind::integer, 0, 2147483647},
    {"coordinator.query.interval.ms", Kind::integer, 1, 3600000},
    {"debug"},
    {"enable.metrics.push", Kind::boolean},
    {"enable.random.seed", Kind::boolean},
    {"enable.sasl.oauthbearer.unsecure.jwt", Kind::boolean},
    {"enable.ssl.certificate.verification", Kind::boolean},
    {"fetch.error.backoff.ms", Kind::integer, 0, 300000},
    {"fetch.max.bytes", Kind::integer, 0, 2147483135},
    {"fetch.message.max.bytes", Kind::integer, 1, 1000000000},
    {"fetch.min.bytes", Kind::integer, 0, 2147483647},
    {"fetch.queue.backoff.ms", Kind::integer, 0, 300000},
    {"fetch.wait.max.ms", Kind::integer, 0, 300000},
    {"group.protocol", Kind::text, 0, 0, "classic, consumer"},
    {"group.remote.assignor"},
    {"heartbeat.interval.ms", Kind::integer, 1, 3600000},
    {"isolation.level", Kind::text, 0, 0, "read_uncommitted, read_committed"},
    {"log.connection.close", Kind::boolean},
    {"log.thread.name", Kind::boolean},
    {"log_level", Kind::integer, 0, 7},
    {"max.in.flight", Kind::integer, 1, 1000000},
    {"max.in.flight.requests.per.connection", Kind::integer, 1, 1000000},
    {"max.partition.fetch.bytes", Kind::integer, 1, 1000000000},
    {"max.poll.interval.ms", Kind::integer, 1, 86400000},
    {"message.copy.max.bytes", Kind::integer, 0, 1000000000},
    {"message.max.bytes", Kind::integer, 1000, 1000000000},
    {"metadata.max.age.ms", Kind::integer, 1, 86400000},
    {"metadata.recovery.rebootstrap.trigger.ms", Kind::integer, 0, 2147483647},
    {"metadata.recovery.strategy", Kind::text, 0, 0, "none, rebootstrap"},
    {"partition.assignment.strategy"},
    {"queued.max.messages.kbytes", Kind::integer, 1, 2097151},
    {"queued.min.messages", Kind::integer, 1, 10000000},
    {"receive.message.max.bytes", Kind::integer, 1000, 2147483647},
    {"reconnect.backoff.jitter.ms", Kind::integer, 0, 3600000},
    {"reconnect.backoff.max.ms", Kind::integer, 0, 3600000},
    {"reconnect.backoff.ms", Kind::integer, 0, 3600000},
    {"retry.backoff.max.ms", Kind::integer, 1, 300000},
    {"retry.backoff.ms", Kind::integer, 1, 300000},
    {"sasl.kerberos.kinit.cmd"},
    {"sasl.kerberos.min.time.before.relogin", Kind::integer, 0, 86400000},
    {"sasl.oauthbearer.assertion.algorithm", Kind::text, 0, 0, "RS256, ES256"},
    {"sasl.oauthbearer.assertion.claim.aud"},
    {"sasl.oauthbearer.assertion.claim.exp.seconds", Kind::integer, 1, 2147483647},
    {"sasl.oauthbearer.assertion.claim.iss"},
    {"sasl.oauthbearer.assertion.claim.jti.include", Kind::boolean},
    {"sasl.oauthbearer.assertion.claim.nbf.seconds", Kind::integer, 0, 2147483647},
    {"sasl.oauthbearer.assertion.claim.sub"},
    {"sasl.oauthbearer.assertion.file"},
    {"sasl.oauthbearer.assertion.jwt.template.file"},
    {"sasl.oauthbearer.assertion.private.key.file"},
    {"sasl.oauthbearer.assertion.private.key.passphrase", Kind::secret},
    {"sasl.oauthbearer.assertion.private.key.pem", Kind::secret},
    {"sasl.oauthbearer.config", Kind::secret},
    {"sasl.oauthbearer.grant.type", Kind::text, 0, 0,
     "client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer"},
    {"sasl.oauthbearer.metadata.authentication.type", Kind::text, 0, 0, "none, azure_imds, aws_iam"},
    {"sasl.oauthbearer.sub.claim.name"},
    {"session.timeout.ms", Kind::integer, 1, 3600000},
    {"socket.blocking.max.ms", Kind::integer, 1, 60000},
    {"socket.connection.setup.timeout.ms", Kind::integer, 1000, 2147483647},
    {"socket.keepalive.enable", Kind::boolean},
    {"socket.max.fails", Kind::integer, 0, 1000000},
    {"socket.nagle.disable", Kind::boolean},
    {"socket.receive.buffer.bytes", Kind::integer, 0, 100000000},
    {"socket.send.buffer.bytes", Kind::integer, 0, 100000000},
    {"socket.timeout.ms", Kind::integer, 10, 300000},
    {"ssl.ca.certificate.stores"},
    {"ssl.cipher.suites"},
    {"ssl.crl.location"},
    {"ssl.curves.list"},
    {"ssl.endpoint.identification.algorithm", Kind::text, 0, 0, "none, https"},
    {"ssl.keystore.location"},
    {"ssl.keystore.password", Kind::secret},
    {"ssl.sigalgs.list"},
    {"test.mock.broker.rtt", Kind::integer, 0, 3600000},
    {"test.mock.num.brokers", Kind::integer, 0, 10000},
    {"topic.blacklist"},
    {"topic.metadata.propagation.max.ms", Kind::integer, 0, 3600000},
    {"topic.metadata.refresh.fast.cnt", Kind::integer, 0, 1000},
    {"topic.metadata.refresh.fast.interval.ms", Kind::integer, 1, 60000},
    {"topic.metadata.refresh.interval.ms", Kind::integer, -1, 3600000},
    {"topic.metadata.refresh.sparse", Kind::boolean},
});

struct Owned {
  std::string_view name;
  std::string_view reason;
};
constexpr std::string_view kCommits =
    "triggerd commits offsets itself, when every record up to them is settled";
constexpr std::string_view kProducer = "is a producer's property";
constexpr std::string_view kProgram = "is for programs only";
constexpr std::string_view kOurs = "is set by triggerd";
constexpr std::string_view kCode = "loads code into the daemon";
constexpr std::string_view kShare = "is for share consumers only";
constexpr auto kOwned = std::to_array<Owned>({
    {"acks", kProducer},
    {"auto.commit.enable", kCommits},
    {"auto.commit.interval.ms", kCommits},
    {"auto.offset.reset", "is set with startFrom"},
    {"batch.num.messages", kProducer},
    {"batch.size", kProducer},
    {"bootstrap.servers", "is set with brokerList"},
    {"compression.codec", kProducer},
    {"compression.level", kProducer},
    {"compression.type", kProducer},
    {"consume.callback.max.messages", kProgram},
    {"default_topic_conf", kProgram},
    {"delivery.report.only.error", kProducer},
    {"delivery.timeout.ms", kProducer},
    {"enable.auto.commit", kCommits},
    {"enable.auto.offset.store", kCommits},
    {"enable.gapless.guarantee", kProducer},
    {"enable.idempotence", kProducer},
    {"enable.partition.eof", kOurs},
    {"enabled_events", kOurs},
    {"group.id", "is set with consumerGroup"},
    {"group.instance.id", "is set with groupInstanceId"},
    {"group.protocol.type", "has one value, which triggerd sets"},
    {"interceptors", kProgram},
    {"https.ca.location", "is set with httpsCaLocation"},
    {"https.ca.pem", "is set with httpsCaPem"},
    {"internal.termination.signal", kOurs},
    {"linger.ms", kProducer},
    {"log.queue", kOurs},
    {"max.poll.records", kShare},
    {"message.send.max.retries", kProducer},
    {"message.timeout.ms", kProducer},
    {"metadata.broker.list", "is set with brokerList"},
    {"msg_order_cmp", kProgram},
    {"offset.store.method", kCommits},
    {"offset.store.path", kCommits},
    {"offset.store.sync.interval.ms", kCommits},
    {"opaque", kProgram},
    {"partitioner", kProducer},
    {"plugin.library.paths", kCode},
    {"produce.offset.report", kProducer},
    {"queue.buffering.backpressure.threshold", kProducer},
    {"queue.buffering.max.kbytes", kProducer},
    {"queue.buffering.max.messages", kProducer},
    {"queue.buffering.max.ms", kProducer},
    {"queuing.strategy", kProducer},
    {"request.required.acks", kProducer},
    {"request.timeout.ms", kProducer},
    {"retries", kProducer},
    {"sasl.kerberos.keytab", "is set with kerberosKeytab"},
    {"sasl.kerberos.principal", "is set with kerberosPrincipal"},
    {"sasl.kerberos.service.name", "is set with kerberosServiceName"},
    {"sasl.mechanism", "is set with authenticationMode"},
    {"sasl.mechanisms", "is set with authenticationMode"},
    {"sasl.oauthbearer.client.credentials.client.id", "is set with oAuthBearerClientId"},
    {"sasl.oauthbearer.client.credentials.client.secret", "is set with oAuthBearerClientSecret"},
    {"sasl.oauthbearer.client.id", "is set with oAuthBearerClientId"},
    {"sasl.oauthbearer.client.secret", "is set with oAuthBearerClientSecret"},
    {"sasl.oauthbearer.extensions", "is set with oAuthBearerExtensions"},
    {"sasl.oauthbearer.method", "is set with oAuthBearerMethod"},
    {"sasl.oauthbearer.scope", "is set with oAuthBearerScope"},
    {"sasl.oauthbearer.token.endpoint.url", "is set with oAuthBearerTokenEndpointUrl"},
    {"sasl.password", "is set with password"},
    {"sasl.username", "is set with username"},
    {"security.protocol", "is set with protocol"},
    {"share.acknowledgement.mode", kShare},
    {"ssl.ca.location", "is set with sslCaLocation"},
    {"ssl.ca.pem", "is set with sslCaPEM"},
    {"ssl.certificate.location", "is set with sslCertificateLocation"},
    {"ssl.certificate.pem", "is set with sslCertificatePEM"},
    {"ssl.engine.id", kCode},
    {"ssl.engine.location", kCode},
    {"ssl.key.location", "is set with sslKeyLocation"},
    {"ssl.key.pem", "is set with sslKeyPEM"},
    {"ssl.key.password", "is set with sslKeyPassword"},
    {"ssl.providers", kCode},
    {"ssl_ca", kProgram},
    {"ssl_certificate", kProgram},
    {"ssl_engine_callback_data", kProgram},
    {"ssl_key", kProgram},
    {"statistics.interval.ms", "nothing would read the statistics; see /metrics"},
    {"sticky.partitioning.linger.ms", kProducer},
    {"transaction.timeout.ms", kProducer},
    {"transactional.id", kProducer},
});

}  // namespace

const KafkaProperty* find_kafka_property(std::string_view name) {
  const auto it = std::ranges::find(kAllowed, name, &KafkaProperty::name);
  return it == kAllowed.end() ? nullptr : &*it;
}

std::string_view owned_property(std::string_view name) {
  if (const auto it = std::ranges::find(kOwned, name, &Owned::name); it != kOwned.end()) return it->reason;
  if (name.ends_with("_cb")) return kProgram;
  if (name.starts_with("go.")) return "is a property of the Go client, not of librdkafka";
  return {};
}

std::vector<std::string_view> kafka_property_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kAllowed));
  for (const KafkaProperty& property : kAllowed) names.push_back(property.name);
  return names;
}

}  // namespace triggerd::config
