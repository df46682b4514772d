#include "kafka/properties.hpp"

#include <map>

#include <gtest/gtest.h>

#include "config/kafka_properties.hpp"

namespace triggerd::kafka {
namespace {

using config::Connection;
using config::StartFrom;

ConsumerSpec spec() {
  ConsumerSpec spec;
  spec.connection.broker_list = "one:9092,two:9092";
  spec.trigger = "orders";
  spec.group = "billing";
  spec.topics = {"orders"};
  spec.queued_bytes = 64 << 20;
  return spec;
}

// The one that counts, as librdkafka does it; "" where there is none.
std::string value(const ConsumerSpec& spec, const std::string& name) {
  std::string last;
  for (const Property& p : properties(spec)) {
    if (p.name == name) last = p.value;
  }
  return last;
}

TEST(Properties, OfAPlainTrigger) {
  const std::vector<std::pair<std::string, std::string>> expected{
      {"bootstrap.servers", "one:9092,two:9092"},
      {"group.id", "billing"},
      {"client.id", "triggerd-orders"},
      {"security.protocol", "plaintext"},
      {"sasl.mechanisms", ""},
      {"sasl.password", ""},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"fetch.queue.backoff.ms", "2"},
      {"socket.keepalive.enable", "true"},
      {"queued.max.messages.kbytes", "65536"},
      {"queued.min.messages", "65536"},
      {"fetch.max.bytes", "16777216"},
  };
  for (const auto& [name, text] : expected) EXPECT_EQ(value(spec(), name), text) << name;
}

TEST(Properties, OfTheLagSource) {
  LagSourceSpec lag;
  lag.connection.broker_list = "one:9092";
  lag.connection.kafka = {{"group.protocol", "consumer"},
                          {"isolation.level", "read_uncommitted"},
                          {"metadata.max.age.ms", "900000"},
                          {"socket.timeout.ms", "7000"},
                          {"topic.blacklist", "^secret"}};
  lag.name = "lag";
  std::map<std::string, std::string> have;
  for (const Property& p : properties(lag, "billing")) have[p.name] = p.value;
  EXPECT_EQ(have.at("client.id"), "triggerd-lag");
  EXPECT_EQ(have.at("group.id"), "billing") << "without one librdkafka crashes";
  EXPECT_EQ(have.at("metadata.max.age.ms"), "10000") << "whatever the user says";
  EXPECT_EQ(have.at("socket.timeout.ms"), "7000");
  EXPECT_EQ(have.at("topic.blacklist"), "^secret") << "what a ^regex does not mean";
  EXPECT_FALSE(have.contains("group.protocol")) << "it joins nothing";
  EXPECT_FALSE(have.contains("isolation.level"));
  EXPECT_TRUE(make_conf(properties(lag, "")));
}

TEST(Properties, OfEachSecurity) {
  struct Case {
    Connection::Protocol protocol;
    Connection::Authentication authentication;
    const char* protocol_text;
    const char* mechanism;
  };
  using P = Connection::Protocol;
  using A = Connection::Authentication;
  for (const Case& c : {Case{P::plaintext, A::none, "plaintext", ""}, Case{P::ssl, A::none, "ssl", ""},
                        Case{P::sasl_plaintext, A::plain, "sasl_plaintext", "PLAIN"},
                        Case{P::sasl_ssl, A::scram_sha256, "sasl_ssl", "SCRAM-SHA-256"},
                        Case{P::sasl_ssl, A::scram_sha512, "sasl_ssl", "SCRAM-SHA-512"},
                        Case{P::sasl_ssl, A::gssapi, "sasl_ssl", "GSSAPI"},
                        Case{P::sasl_ssl, A::oauth_bearer, "sasl_ssl", "OAUTHBEARER"}}) {
    auto with = spec();
    with.connection.protocol = c.protocol;
    with.connection.authentication_mode = c.authentication;
    with.connection.username = "user";
    with.connection.password = config::Secret("hidden");
    with.connection.ssl_ca_location = "ca.pem";
    with.connection.ssl_certificate_location = "cert.pem";
    with.connection.ssl_key_location = "key.pem";
    with.connection.ssl_key_password = config::Secret("also hidden");
    EXPECT_EQ(value(with, "security.protocol"), c.protocol_text);
    EXPECT_EQ(value(with, "sasl.mechanisms"), c.mechanism);
    with.connection.kerberos = {"me@TEST", "me.keytab", "broker"};
    with.connection.oauth.method = config::OAuthBearer::Method::oidc;
    with.connection.oauth.client_id = "client";
    with.connection.oauth.client_secret = config::Secret("hidden too");
    with.connection.oauth.token_endpoint_url = "https://idp/token";
    with.connection.oauth.scope = "kafka";
    with.connection.oauth.extensions = "a=b";
    with.connection.oauth.https_ca_location = "probe";
    // Credentials go only where they are asked for.
    const auto only = [](bool used, const char* text) { return used ? std::string(text) : std::string(); };
    const bool password = with.connection.uses_password();
    EXPECT_EQ(value(with, "sasl.username"), only(password, "user"));
    EXPECT_EQ(value(with, "sasl.password"), only(password, "hidden"));
    const bool tls = with.connection.uses_tls();
    EXPECT_EQ(value(with, "ssl.ca.location"), only(tls, "ca.pem"));
    EXPECT_EQ(value(with, "ssl.certificate.location"), only(tls, "cert.pem"));
    EXPECT_EQ(value(with, "ssl.key.location"), only(tls, "key.pem"));
    EXPECT_EQ(value(with, "ssl.key.password"), only(tls, "also hidden"));
    const bool kerberos = c.authentication == A::gssapi;
    EXPECT_EQ(value(with, "sasl.kerberos.principal"), only(kerberos, "me@TEST"));
    EXPECT_EQ(value(with, "sasl.kerberos.keytab"), only(kerberos, "me.keytab"));
    EXPECT_EQ(value(with, "sasl.kerberos.service.name"), only(kerberos, "broker"));
    const bool oauth = c.authentication == A::oauth_bearer;
    EXPECT_EQ(value(with, "sasl.oauthbearer.method"), only(oauth, "oidc"));
    EXPECT_EQ(value(with, "sasl.oauthbearer.client.id"), only(oauth, "client"));
    EXPECT_EQ(value(with, "sasl.oauthbearer.client.secret"), only(oauth, "hidden too"));
    EXPECT_EQ(value(with, "sasl.oauthbearer.token.endpoint.url"), only(oauth, "https://idp/token"));
    EXPECT_EQ(value(with, "sasl.oauthbearer.scope"), only(oauth, "kafka"));
    EXPECT_EQ(value(with, "sasl.oauthbearer.extensions"), only(oauth, "a=b"));
    EXPECT_EQ(value(with, "https.ca.location"), only(oauth, "probe"));
  }
}

// Of a commit that retention has passed: what is left is read, whatever is said of groups without a commit.
TEST(Properties, OfEachStart) {
  for (const auto& [kind, text] : {std::pair{StartFrom::Kind::earliest, "earliest"},
                                   {StartFrom::Kind::latest, "earliest"},
                                   {StartFrom::Kind::error, "error"},
                                   {StartFrom::Kind::time, "earliest"}}) {
    auto with = spec();
    with.start_from.kind = kind;
    EXPECT_EQ(value(with, "auto.offset.reset"), text);
  }
}

TEST(Properties, OfTheUserCountMoreThanOurDefaultsAndLessThanWhatIsNotTheirs) {
  auto with = spec();
  with.connection.kafka = {{"client.id", "mine"},          {"fetch.queue.backoff.ms", "100"},
                           {"queued.min.messages", "7"},   {"enable.auto.commit", "true"},
                           {"group.id", "stolen"},         {"bootstrap.servers", "elsewhere:1"},
                           {"auto.offset.reset", "latest"}};
  EXPECT_EQ(value(with, "client.id"), "mine");
  EXPECT_EQ(value(with, "fetch.queue.backoff.ms"), "100");
  EXPECT_EQ(value(with, "queued.min.messages"), "7");
  EXPECT_EQ(value(with, "enable.auto.commit"), "false");
  EXPECT_EQ(value(with, "group.id"), "billing");
  EXPECT_EQ(value(with, "bootstrap.servers"), "one:9092,two:9092");
  EXPECT_EQ(value(with, "auto.offset.reset"), "earliest");
}

TEST(Properties, OfTheConsumerProtocolNameNoAssignor) {
  auto with = spec();
  with.connection.kafka["group.protocol"] = "consumer";
  EXPECT_EQ(value(with, "partition.assignment.strategy"), "");
  with.connection.kafka["group.protocol"] = "classic";
  EXPECT_EQ(value(with, "partition.assignment.strategy"), "cooperative-sticky");
}

TEST(Properties, OfMemoryFollowTheBudgetAndWhatLibrdkafkaAllows) {
  struct Case {
    std::uint64_t budget;
    std::map<std::string, std::string> user;
    const char *kbytes, *records, *fetch;
  };
  const std::vector<Case> cases{
      {0, {}, "1", "1", "1048576"},
      {1 << 20, {}, "1024", "1024", "1048576"},
      {16 << 20, {}, "16384", "16384", "4194304"},
      {1ull << 30, {}, "1048576", "100000", "52428800"},
      {1ull << 42, {}, "2097151", "100000", "52428800"},
      {1 << 20, {{"message.max.bytes", "9000000"}}, "1024", "1024", "9000000"},
      {64 << 20, {{"receive.message.max.bytes", "2000000"}}, "65536", "65536", "1999488"},
  };
  for (const Case& c : cases) {
    auto with = spec();
    with.queued_bytes = c.budget;
    with.connection.kafka = c.user;
    EXPECT_EQ(value(with, "queued.max.messages.kbytes"), c.kbytes) << c.budget;
    EXPECT_EQ(value(with, "queued.min.messages"), c.records) << c.budget;
    EXPECT_EQ(value(with, "fetch.max.bytes"), c.fetch) << c.budget;
    EXPECT_TRUE(make_conf(properties(with)).has_value());
  }
}

ProducerSpec producer_spec() {
  ProducerSpec spec;
  spec.connection = ::triggerd::kafka::spec().connection;
  spec.trigger = "orders";
  spec.group = "billing";
  spec.topic = "orders.dlq";
  return spec;
}
std::string value(const ProducerSpec& spec, const std::string& name) {
  const auto conf = make_conf(properties(spec));
  EXPECT_TRUE(conf.has_value());
  return conf ? value_of(*conf, name.c_str()) : "";
}

TEST(ProducerProperties, LetNothingBeLostAndEveryRecordThrough) {
  const std::vector<std::pair<std::string, std::string>> expected{
      {"bootstrap.servers", "one:9092,two:9092"},
      {"client.id", "triggerd-orders-dead-letters"},
      {"enable.idempotence", "true"},
      {"acks", "-1"},
      {"delivery.timeout.ms", "30000"},
      {"message.max.bytes", "1000000000"},
      {"allow.auto.create.topics", "false"},
      {"topic.metadata.propagation.max.ms", "5000"},
      {"batch.size", "131072"},
      {"linger.ms", "0"},
      {"compression.codec", "zstd"},
      {"partitioner", "murmur2_random"},
  };
  for (const auto& [name, text] : expected) EXPECT_EQ(value(producer_spec(), name), text) << name;
}

TEST(ProducerProperties, LogInAsTheConsumerDoes) {
  auto with = producer_spec();
  with.connection.protocol = Connection::Protocol::sasl_ssl;
  with.connection.authentication_mode = Connection::Authentication::scram_sha512;
  with.connection.username = "user";
  with.connection.password = config::Secret("hidden");
  for (const auto& [name, text] : {std::pair{"security.protocol", "sasl_ssl"},
                                   {"sasl.mechanisms", "SCRAM-SHA-512"},
                                   {"sasl.username", "user"},
                                   {"sasl.password", "hidden"}}) {
    EXPECT_EQ(value(with, name), text);
  }
}

TEST(ProducerProperties, OfTheUserCountMoreThanOurDefaultsAndLessThanWhatIsNotTheirs) {
  auto with = producer_spec();
  with.delivery_timeout = std::chrono::seconds(2);
  EXPECT_EQ(value(with, "topic.metadata.propagation.max.ms"), "1000") << "before the record times out";
  with.connection.kafka = {{"client.id", "mine"},
                           {"allow.auto.create.topics", "true"},
                           {"socket.timeout.ms", "1234"},
                           {"topic.metadata.propagation.max.ms", "70"},
                           {"acks", "0"},
                           {"enable.idempotence", "false"}};
  EXPECT_EQ(value(with, "client.id"), "mine");
  EXPECT_EQ(value(with, "allow.auto.create.topics"), "true");
  EXPECT_EQ(value(with, "socket.timeout.ms"), "1234");
  EXPECT_EQ(value(with, "topic.metadata.propagation.max.ms"), "70");
  EXPECT_EQ(value(with, "acks"), "-1");
  EXPECT_EQ(value(with, "enable.idempotence"), "true");
}

TEST(ProducerProperties, LeaveOutWhatIsChosenForConsuming) {
  auto with = producer_spec();
  with.connection.kafka = {{"message.max.bytes", "2000"},
                           {"max.in.flight", "1000"},  // an idempotent producer refuses more than 5
                           {"topic.blacklist", ".*dlq"}};
  EXPECT_EQ(value(with, "message.max.bytes"), "1000000000");
  EXPECT_EQ(value(with, "max.in.flight"), "1000000");
  EXPECT_EQ(value(with, "topic.blacklist"), "");
}

std::vector<std::string> warnings;
void take_line(const rd_kafka_t*, int, const char* facility, const char* text) {
  const std::string line = text;
  if (std::string(facility) == "CONFWARN" && line.find("is a consumer property") != std::string::npos) {
    warnings.push_back(line);
  }
}

// librdkafka warns of each property that is not for producers.
TEST(ProducerProperties, AreAllForProducersWhateverTheUserSets) {
  auto with = producer_spec();
  const Conf defaults(rd_kafka_conf_new());
  for (const std::string_view name : config::kafka_property_names()) {
    const std::string text = value_of(defaults, std::string(name).c_str());
    // ssl.ca.certificate.stores has a default and is refused, but on Windows.
    if (!text.empty() && make_conf({{std::string(name), text}}))
      with.connection.kafka[std::string(name)] = text;
  }
  EXPECT_GT(with.connection.kafka.size(), 40U);
  auto conf = make_conf(properties(with));
  ASSERT_TRUE(conf.has_value()) << conf.error().message;
  rd_kafka_conf_set_log_cb(conf->get(), take_line);
  char why[512] = "";
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), why, sizeof why);
  ASSERT_NE(client, nullptr) << why;
  (void)conf->release();
  destroy_client(client);
  EXPECT_EQ(warnings, std::vector<std::string>());
}

TEST(MakeConf, TakesAllOfOursAndKnowsTheDefaults) {
  const auto conf = make_conf(properties(spec()));
  ASSERT_TRUE(conf.has_value()) << conf.error().message;
  EXPECT_EQ(value_of(*conf, "group.id"), "billing");
  EXPECT_EQ(value_of(*conf, "max.poll.interval.ms"), "300000");
  EXPECT_EQ(value_of(*conf, "isolation.level"), "read_committed");
  EXPECT_EQ(value_of(*conf, "no.such.property"), "");
}

TEST(MakeConf, NamesWhatIsRefusedAndNeverItsValue) {
  for (const char* name : {"fetch.min.bytes", "no.such.property", "security.protocol"}) {
    const auto conf = make_conf({{"group.id", "g"}, {name, "hidden"}});
    ASSERT_FALSE(conf.has_value()) << name;
    EXPECT_NE(conf.error().message.find(name), std::string::npos);
    EXPECT_EQ(conf.error().message.find("hidden"), std::string::npos);
  }
}

}  // namespace
}  // namespace triggerd::kafka
