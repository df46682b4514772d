#include "kafka/properties.hpp"

#include <gtest/gtest.h>

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
    EXPECT_EQ(value(with, "sasl.username"), "user");
    EXPECT_EQ(value(with, "sasl.password"), "hidden");
    EXPECT_EQ(value(with, "ssl.ca.location"), "ca.pem");
    EXPECT_EQ(value(with, "ssl.certificate.location"), "cert.pem");
    EXPECT_EQ(value(with, "ssl.key.location"), "key.pem");
    EXPECT_EQ(value(with, "ssl.key.password"), "also hidden");
  }
}

TEST(Properties, OfEachStart) {
  for (const auto& [kind, text] : {std::pair{StartFrom::Kind::earliest, "earliest"},
                                   {StartFrom::Kind::latest, "latest"},
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
