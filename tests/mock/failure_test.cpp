// Clients that cannot be made, brokers that go away, fatal errors, and ends at odd moments.
#include "mock/mock_test.hpp"

namespace triggerd::testing {
namespace {

class FailureTest : public MockTest {};

struct BadCase {
  const char* name;
  std::function<void(kafka::ConsumerSpec&)> break_it;
  const char* code;
};
void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class BadConfigurationTest : public MockTest, public ::testing::WithParamInterface<BadCase> {};

TEST_P(BadConfigurationTest, IsOneFatalErrorAndClosesWell) {
  auto with = spec();
  GetParam().break_it(with);
  const auto member = join(with);
  ASSERT_TRUE(loop.until([&] { return !member->errors.empty(); }));
  EXPECT_TRUE(member->errors[0].fatal);
  EXPECT_EQ(member->errors[0].code, GetParam().code);
  EXPECT_EQ(member->errors[0].message.find("hidden"), std::string::npos) << "values may be secrets";
  EXPECT_EQ(commit(*member, 0, 1).outcome, pipeline::CommitResult::Outcome::rejected);
  member->close();
  EXPECT_EQ(member->errors.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigurationTest,
    ::testing::Values(BadCase{"value", [](auto& s) { s.connection.kafka["fetch.min.bytes"] = "hidden"; },
                              "configuration_refused"},
                      BadCase{"property", [](auto& s) { s.connection.kafka["no.such.property"] = "hidden"; },
                              "configuration_refused"},
                      BadCase{"combination",
                              [](auto& s) { s.connection.kafka["session.timeout.ms"] = "900000"; },
                              "client_refused"},
                      BadCase{"regex", [](auto& s) { s.topics = {"^hidden("}; }, "subscription_refused"},
                      BadCase{"no topics", [](auto& s) { s.topics = {}; }, "subscription_refused"}));

TEST_F(FailureTest, BrokersDownAreToldOnceAndSurvived) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.set_broker_up(false);
  ASSERT_TRUE(loop.until([&] { return member->has_error("_ALL_BROKERS_DOWN"); }));
  for (const auto& e : member->errors) EXPECT_FALSE(e.fatal) << e.code;
  cluster.set_broker_up(true);
  cluster.produce_numbers("orders", 0, 0, 3);
  EXPECT_TRUE(reads(*member, 3));
}

TEST_F(FailureTest, CloseWhileBrokersAreDownEndsAtItsTimeLimit) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.set_broker_up(false);
  ASSERT_TRUE(loop.until([&] { return member->has_error("_ALL_BROKERS_DOWN"); }));
  member->consumer->close();
  EXPECT_TRUE(loop.until([&] { return member->closed; }, 8s));
}

// A static member fenced by another of its name: librdkafka's client is over (design §6b 7).
TEST_F(FailureTest, AFatalErrorIsToldOnceAndTheNextClientWorks) {
  const auto with = spec({{"group.instance.id", "one"}});
  const auto member = join(with);
  ASSERT_TRUE(owns(*member, 2));
  cluster.fail_next(Api::heartbeat, {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID});
  ASSERT_TRUE(loop.until([&] { return member->has_error("FENCED_INSTANCE_ID"); }));
  const auto fatal = [&] { return std::ranges::count_if(member->errors, &kafka::ConsumerError::fatal); };
  EXPECT_EQ(fatal(), 1);
  EXPECT_EQ(commit(*member, 0, 1).outcome, pipeline::CommitResult::Outcome::rejected);
  cluster.produce_numbers("orders", 0, 0, 3);
  loop.run_for(200ms);
  EXPECT_EQ(fatal(), 1);
  EXPECT_TRUE(member->records.empty()) << "nothing is read for a member that is not one";
  const auto begun = std::chrono::steady_clock::now();
  member->close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s) << "a fenced client is not waited for";
  auto again = spec();
  again.group = "other";
  const auto next = join(again);
  EXPECT_TRUE(reads(*next, 3));
}

TEST_F(FailureTest, AnUnknownTopicIsToldAndTheOthersAreRead) {
  cluster.produce_numbers("orders", 0, 0, 3);
  auto with = spec();
  with.topics = {"orders", "missing"};
  // The mock creates what is asked for, unless the client says not to.
  const auto member = join(with);
  EXPECT_TRUE(reads(*member, 3));
}

TEST_F(FailureTest, CloseWhileTheClientIsMadeEnds) {
  const auto member = join();
  member->consumer->close();
  EXPECT_TRUE(loop.until([&] { return member->closed; }));
  EXPECT_TRUE(member->assigned.empty());
}

TEST_F(FailureTest, CloseWithoutAStartEnds) {
  Member member(loop, spec());
  member.close();
  EXPECT_TRUE(member.closed);
}

TEST_F(FailureTest, CloseInsideAnEventEnds) {
  cluster.produce_numbers("orders", 0, 0, 1000);
  const auto member = join();
  member->on_records = [&] { member->consumer->close(); };
  ASSERT_TRUE(loop.until([&] { return member->closed; }));
  EXPECT_EQ(member->runs, 1U) << "nothing follows a close";
}

// In librdkafka 2.15.1 a destroy hangs for ever where a rebalance is not answered; ours answers it first.
TEST_F(FailureTest, AClientEndsWhileItsAssignIsLookedUp) {
  for (const char* strategy : {"cooperative-sticky", "range"}) {
    cluster.delay_next(Api::offset_fetch, 1000);
    auto with = spec({{"partition.assignment.strategy", strategy}});
    with.group = strategy;
    Member member(loop, with);
    member.consumer->start();
    loop.run_for(300ms);
    EXPECT_TRUE(member.assigned.empty());
    member.consumer.reset();
  }
  const auto begun = std::chrono::steady_clock::now();
  loop.end_janitor();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

TEST_F(FailureTest, AFatalErrorDuringAHeldRevokeEndsTheClient) {
  const auto with = spec({{"group.instance.id", "one"}});
  const auto first = join(with);
  ASSERT_TRUE(owns(*first, 2));
  first->finish_revokes = false;
  const auto second = join(spec({{"group.instance.id", "two"}}));
  ASSERT_TRUE(loop.until([&] { return !first->revoked.empty(); }));
  cluster.fail_next(Api::heartbeat,
                    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID});
  ASSERT_TRUE(loop.until([&] { return first->has_error("FENCED_INSTANCE_ID"); }));
  const auto begun = std::chrono::steady_clock::now();
  first->close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
}

TEST_F(FailureTest, AnAbandonedConsumerSaysNothingAndEnds) {
  for (const auto pause : {0ms, 5ms, 200ms}) {
    Member member(loop, spec());
    member.consumer->start();
    loop.run_for(pause);
    member.consumer.reset();
    const auto records = member.records.size();
    loop.run_for(50ms);
    EXPECT_EQ(member.records.size(), records);
    EXPECT_FALSE(member.closed);
  }
  loop.end_janitor();  // waits for the clients to be destroyed
}

}  // namespace
}  // namespace triggerd::testing
