// What the tests of lib/kafka against the mock cluster share.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "mock/member.hpp"
#include "support/mock_cluster.hpp"

namespace triggerd::testing {

// One broker and a topic "orders" of two partitions.
class MockTest : public ::testing::Test {
 protected:
  MockTest() { cluster.create_topic("orders", 2); }

  // The mock waits for a group's other members for a session less a second.
  kafka::ConsumerSpec spec(const std::map<std::string, std::string>& properties = {}) {
    kafka::ConsumerSpec spec;
    spec.connection.broker_list = cluster.bootstrap();
    spec.connection.kafka = {{"heartbeat.interval.ms", "100"}, {"session.timeout.ms", "2000"}};
    for (const auto& [name, value] : properties) spec.connection.kafka[name] = value;
    spec.trigger = "test";
    spec.group = "group";
    spec.topics = {"orders"};
    spec.queued_bytes = 16 << 20;
    return spec;
  }
  std::unique_ptr<Member> join(kafka::ConsumerSpec with) {
    auto member = std::make_unique<Member>(loop, std::move(with));
    member->consumer->start();
    return member;
  }
  std::unique_ptr<Member> join() { return join(spec()); }
  bool owns(const Member& member, std::size_t partitions) {
    return loop.until([&] { return member.owned.size() == partitions; });
  }
  bool reads(const Member& member, std::size_t records) {
    return loop.until([&] { return member.records.size() >= records; });
  }
  pipeline::CommitResult commit(Member& member, std::int32_t partition, std::int64_t offset) {
    const std::size_t before = member.commits.size();
    member.consumer->commit({{source("orders", partition), Offset{offset}}});
    EXPECT_EQ(member.commits.size(), before) << "the answer never comes inside the call";
    EXPECT_TRUE(loop.until([&] { return member.commits.size() > before; }));
    if (member.commits.size() == before || member.commits.back().results.size() != 1) return {};
    return member.commits.back().results.front();
  }

  MockCluster cluster;
  Loop loop;
};

}  // namespace triggerd::testing
