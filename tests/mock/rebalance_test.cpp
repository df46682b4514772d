// Partitions given and taken: the three protocols, held revokes, look-ups that fail or are overtaken.
#include <cctype>
#include <set>

#include "mock/mock_test.hpp"

namespace triggerd::testing {
namespace {

class RebalanceTest : public MockTest {
 protected:
  // Every partition read by one of them, none by both.
  bool settle(const Member& a, const Member& b) {
    return loop.until([&] { return a.owned.size() == 1 && b.owned.size() == 1; });
  }
};

struct Protocol {
  const char* name;
  std::map<std::string, std::string> properties;
};
void PrintTo(const Protocol& p, std::ostream* out) { *out << p.name; }

class HandoverTest : public RebalanceTest, public ::testing::WithParamInterface<Protocol> {};

TEST_P(HandoverTest, AHeldRevokeKeepsThePartitionFromTheOther) {
  const auto first = join(spec(GetParam().properties));
  ASSERT_TRUE(owns(*first, 2));
  first->finish_revokes = false;
  const auto second = join(spec(GetParam().properties));
  ASSERT_TRUE(loop.until([&] { return !first->revoked.empty(); }));
  EXPECT_FALSE(first->revoked[0].lost);
  const auto given = first->revoked[0].partitions;
  // As a member still: what was settled is committed before the partition goes (design §6b 3). The mock,
  // unlike a broker, takes no commits while an eager group rebalances.
  const std::int32_t partition = given[0].partition.value;
  const auto result = commit(*first, partition, 5);
  const bool committed = result.outcome == pipeline::CommitResult::Outcome::ok;
  EXPECT_TRUE(committed || result.error == rd_kafka_err2str(RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS))
      << result.error;
  loop.run_for(300ms);
  EXPECT_TRUE(second->owned.empty()) << "nothing may be read twice";
  first->finish_revokes = true;
  first->consumer->finish_revoke(given);
  ASSERT_TRUE(settle(*first, *second));
  const auto taken = second->owned.begin()->second;
  EXPECT_FALSE(first->owned.contains(taken.source));
  if (committed && taken.source.partition.value == partition) {
    EXPECT_EQ(taken.committed, Offset{5}) << "the new owner sees the last commit";
  }
  cluster.produce_numbers("orders", 0, 0, 10);
  cluster.produce_numbers("orders", 1, 0, 10);
  ASSERT_TRUE(loop.until([&] { return first->records.size() + second->records.size() >= 15; }));
  for (const Member* m : {first.get(), second.get()}) {
    for (const SeenRecord& r : m->records) EXPECT_TRUE(m->owned.contains(r.source));
  }
}

INSTANTIATE_TEST_SUITE_P(Classic, HandoverTest,
                         ::testing::Values(Protocol{"cooperative", {}},
                                           Protocol{"eager", {{"partition.assignment.strategy", "range"}}}),
                         [](const auto& p) { return std::string(p.param.name); });

// The mock gives the only member of a `consumer` group every partition; two members it leaves to the test.
TEST_F(RebalanceTest, TheConsumerProtocolAssignsAndReads) {
  auto with = spec({{"group.protocol", "consumer"}});
  with.connection.kafka.erase("session.timeout.ms");
  with.connection.kafka.erase("heartbeat.interval.ms");
  cluster.produce_numbers("orders", 0, 0, 10);
  const auto member = join(with);
  ASSERT_TRUE(reads(*member, 10));
  EXPECT_EQ(commit(*member, 0, 10).outcome, pipeline::CommitResult::Outcome::ok);
  member->close();
  EXPECT_TRUE(member->errors.empty());
}

TEST_F(RebalanceTest, RetainedPartitionsGoOnWithoutALossOrARepetition) {
  cluster.produce_numbers("orders", 0, 0, 2000);
  cluster.produce_numbers("orders", 1, 0, 2000);
  const auto first = join();
  // Records are held back in the middle of a take while partitions come and go.
  first->on_records = [&] { first->consumer->set_reading(false); };
  ASSERT_TRUE(loop.until([&] { return !first->records.empty(); }));
  first->consumer->set_reading(false);
  const auto second = join();
  ASSERT_TRUE(settle(*first, *second));
  first->on_records = [] {};
  first->consumer->set_reading(true);
  const TopicPartition kept = first->owned.begin()->first;
  const auto count = [&](const TopicPartition& p) {
    return std::ranges::count_if(first->records, [&p](const SeenRecord& r) { return r.source == p; });
  };
  ASSERT_TRUE(loop.until([&] { return count(kept) >= 2000; }));
  std::int64_t next = 0;
  for (const SeenRecord& r : first->records) {
    if (r.source != kept) continue;
    EXPECT_EQ(r.offset, next++);
  }
  EXPECT_EQ(next, 2000);
}

TEST_F(RebalanceTest, AMemberWithoutPartitionsIsToldSo) {
  cluster.create_topic("single", 1);
  auto with = spec();
  with.topics = {"single"};
  const auto first = join(with);
  ASSERT_TRUE(owns(*first, 1));
  const auto second = join(with);
  ASSERT_TRUE(loop.until([&] { return !second->assigned.empty(); }));
  EXPECT_TRUE(second->assigned[0].partitions.empty());
  EXPECT_EQ(first->owned.size(), 1U);
}

TEST_F(RebalanceTest, LeavingHandsOverAtOnce) {
  auto first = join();
  ASSERT_TRUE(owns(*first, 2));
  const auto second = join();
  ASSERT_TRUE(settle(*first, *second));
  first->close();
  EXPECT_TRUE(first->revoked.size() <= 1) << "a client that is closed reports no revoke";
  EXPECT_TRUE(owns(*second, 2));
}

TEST_F(RebalanceTest, CloseDuringAHeldRevokeEnds) {
  const auto first = join();
  ASSERT_TRUE(owns(*first, 2));
  first->finish_revokes = false;
  const auto second = join();
  ASSERT_TRUE(loop.until([&] { return !first->revoked.empty(); }));
  const auto begun = std::chrono::steady_clock::now();
  first->close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s) << "not at the time limit";
  EXPECT_TRUE(owns(*second, 2));
}

// Nothing else is revoked then: only the held revoke's own answer lets the client end.
TEST_F(RebalanceTest, CloseDuringAHeldLossEnds) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  member->finish_revokes = false;
  cluster.fail_next(Api::heartbeat, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID});
  ASSERT_TRUE(loop.until([&] { return !member->revoked.empty(); }));
  const auto begun = std::chrono::steady_clock::now();
  member->close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
}

TEST_F(RebalanceTest, AnExpelledMemberLosesItsPartitionsAndComesBack) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.fail_next(Api::heartbeat, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID});
  ASSERT_TRUE(loop.until([&] { return !member->revoked.empty(); }));
  EXPECT_TRUE(member->revoked[0].lost);
  EXPECT_TRUE(owns(*member, 2));
}

// Design §6b 2 and 1: an idle member whose records nobody reads is polled by the timer all the same.
TEST_F(RebalanceTest, AnIdleMemberStaysForThreePollIntervals) {
  const auto member = join(spec({{"max.poll.interval.ms", "1000"}, {"session.timeout.ms", "1000"}}));
  ASSERT_TRUE(owns(*member, 2));
  cluster.produce_numbers("orders", 0, 0, 10);
  member->consumer->set_reading(false);
  member->records.clear();
  loop.run_for(3500ms);
  EXPECT_TRUE(member->errors.empty()) << member->errors.front().code;
  EXPECT_TRUE(member->revoked.empty());
}

TEST_F(RebalanceTest, ALookUpThatFailsIsTriedAgain) {
  cluster.commit("group", "orders", 0, 3);
  cluster.fail_next(Api::offset_fetch, {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED});
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  EXPECT_EQ(member->owned.at(source("orders", 0)).position.value, 3);
  EXPECT_EQ(member->errors.size(), 1U) << "the same failure is told once";
  EXPECT_TRUE(member->has_error("GROUP_AUTHORIZATION_FAILED"));
  EXPECT_FALSE(member->errors.at(0).fatal);
}

TEST_F(RebalanceTest, ALookUpOfTheEndThatFailsIsTriedAgain) {
  cluster.fail_next(Api::list_offsets, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  EXPECT_TRUE(member->has_error("TOPIC_AUTHORIZATION_FAILED"));
}

// With an eager protocol the late partitions come by replacing the whole assignment.
TEST_F(RebalanceTest, PartitionsFoundLateJoinTheOthers) {
  cluster.commit("group", "orders", 1, 0);
  cluster.produce_numbers("orders", 1, 0, 500);
  cluster.produce_numbers("orders", 0, 0, 500);
  // orders[1] has a commit, orders[0] is asked for its beginning, which fails at first.
  cluster.fail_next(Api::list_offsets, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const auto member = join(spec({{"partition.assignment.strategy", "range"}}));
  member->on_records = [&] {  // so that something is held when the assignment is replaced
    if (member->owned.size() < 2) member->consumer->set_reading(false);
  };
  ASSERT_TRUE(loop.until([&] { return !member->records.empty(); }));
  ASSERT_EQ(member->owned.size(), 1U);
  ASSERT_TRUE(owns(*member, 2));
  EXPECT_EQ(member->assigned.size(), 2U);
  member->consumer->set_reading(true);
  ASSERT_TRUE(reads(*member, 1000));
  std::map<TopicPartition, std::int64_t> next;
  for (const SeenRecord& r : member->records) EXPECT_EQ(r.offset, next[r.source]++);
  EXPECT_EQ(member->records.size(), 1000U);
}

TEST_F(RebalanceTest, ARevokeOvertakesALookUp) {
  for (int i = 0; i < 40; ++i) {
    cluster.fail_next(Api::offset_fetch, {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED});
  }
  const auto first = join();
  ASSERT_TRUE(loop.until([&] { return first->has_error("GROUP_AUTHORIZATION_FAILED"); }));
  EXPECT_TRUE(first->owned.empty());
  const auto second = join();
  // The group goes on: the first member, though it reads nothing yet, gives one partition up.
  ASSERT_TRUE(loop.until([&] { return second->has_error("GROUP_AUTHORIZATION_FAILED"); }));
  cluster.stop_failing(Api::offset_fetch);
  ASSERT_TRUE(settle(*first, *second));
  EXPECT_TRUE(first->revoked.empty()) << "what was never assigned is not revoked";
}

TEST_F(RebalanceTest, CloseWhileALookUpIsTriedAgainEnds) {
  for (int i = 0; i < 40; ++i) {
    cluster.fail_next(Api::offset_fetch, {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED});
  }
  const auto member = join();
  ASSERT_TRUE(loop.until([&] { return member->has_error("GROUP_AUTHORIZATION_FAILED"); }));
  const auto begun = std::chrono::steady_clock::now();
  member->close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  EXPECT_TRUE(member->assigned.empty());
}

}  // namespace
}  // namespace triggerd::testing
