#include "config/kafka_properties.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace triggerd::config {
namespace {

TEST(KafkaProperties, AllowedOnesHaveAKind) {
  using Kind = KafkaProperty::Kind;
  const KafkaProperty* session = find_kafka_property("session.timeout.ms");
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->kind, Kind::integer);
  EXPECT_EQ(session->least, 1);
  EXPECT_EQ(session->most, 3'600'000);
  EXPECT_EQ(find_kafka_property("socket.keepalive.enable")->kind, Kind::boolean);
  EXPECT_EQ(find_kafka_property("group.protocol")->words, "classic, consumer");
  EXPECT_EQ(find_kafka_property("client.rack")->kind, Kind::text);
}

TEST(KafkaProperties, OursAreRefusedWithAReason) {
  struct Row {
    const char *name, *reason;
  };
  for (const Row& row :
       std::vector<Row>{{"group.id", "is set with consumerGroup"},
                        {"bootstrap.servers", "is set with brokerList"},
                        {"auto.offset.reset", "is set with startFrom"},
                        {"security.protocol", "is set with protocol"},
                        {"sasl.mechanisms", "is set with authenticationMode"},
                        {"sasl.password", "is set with password"},
                        {"ssl.key.password", "is set with sslKeyPassword"},
                        {"group.instance.id", "is set with groupInstanceId"},
                        {"sasl.kerberos.keytab", "is set with kerberosKeytab"},
                        {"sasl.oauthbearer.client.secret", "is set with oAuthBearerClientSecret"},
                        {"go.logs.channel", "is a property of the Go client, not of librdkafka"},
                        {"dr_msg_cb", "is for programs only"}}) {
    EXPECT_EQ(owned_property(row.name), row.reason) << row.name;
    EXPECT_EQ(find_kafka_property(row.name), nullptr) << row.name;
  }
  EXPECT_EQ(owned_property("session.timeout.ms"), "");
  EXPECT_EQ(owned_property("nonsense"), "");
}

// What commits offsets is ours alone: a promise of the program hangs on each of these.
TEST(KafkaProperties, NobodyElseCommits) {
  for (const char* name :
       {"enable.auto.commit", "auto.commit.enable", "auto.commit.interval.ms", "enable.auto.offset.store",
        "offset.store.method", "offset.store.path", "offset.store.sync.interval.ms"})
    EXPECT_NE(owned_property(name).find("commits offsets itself"), std::string_view::npos) << name;
}

TEST(KafkaProperties, AreEitherTheUsersOrOurs) {
  const std::vector<std::string_view> names = kafka_property_names();
  EXPECT_GT(names.size(), 60u);
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
  for (const std::string_view name : names) {
    EXPECT_EQ(owned_property(name), "") << name;
    const KafkaProperty* property = find_kafka_property(name);
    ASSERT_NE(property, nullptr) << name;
    EXPECT_EQ(property->kind == KafkaProperty::Kind::integer, property->least < property->most) << name;
  }
}

}  // namespace
}  // namespace triggerd::config
