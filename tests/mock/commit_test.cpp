// Commits: explicit offsets, one answer each, whatever happens.
#include "mock/mock_test.hpp"

namespace triggerd::testing {
namespace {

using Outcome = pipeline::CommitResult::Outcome;

class CommitTest : public MockTest {};

TEST_F(CommitTest, IsThereForTheNextMember) {
  cluster.produce_numbers("orders", 0, 0, 10);
  {
    const auto member = join();
    ASSERT_TRUE(reads(*member, 10));
    const auto result = commit(*member, 0, 7);
    EXPECT_EQ(result.outcome, Outcome::ok) << result.error;
    EXPECT_EQ(to_string(result.source), "orders[0]");
    EXPECT_EQ(result.offset.value, 7);
    EXPECT_EQ(cluster.committed("group", "orders", 0), 7);
    EXPECT_EQ(cluster.committed("group", "orders", 1), -1) << "nothing but what was asked";
  }
  EXPECT_EQ(cluster.committed("group", "orders", 0), 7) << "closing commits nothing";
  const auto next = join();
  ASSERT_TRUE(reads(*next, 3));
  EXPECT_EQ(next->owned.at(source("orders", 0)).committed, Offset{7});
  EXPECT_EQ(next->records.front().offset, 7);
}

// Work done beyond the first gap travels in it (checkpoint/progress.hpp).
TEST_F(CommitTest, MetadataIsThereForTheNextMember) {
  cluster.produce_numbers("orders", 0, 0, 10);
  const std::string longest(4096, 'm');
  {
    const auto member = join();
    ASSERT_TRUE(owns(*member, 2));
    EXPECT_EQ(member->owned.at(source("orders", 0)).metadata, "") << "there is no commit";
    member->consumer->commit(
        {{source("orders", 0), Offset{7}, longest}, {source("orders", 1), Offset{0}, "triggerd/1:0:"}});
    ASSERT_TRUE(loop.until([&] { return !member->commits.empty(); }));
    for (const auto& r : member->commits[0].results) EXPECT_EQ(r.outcome, Outcome::ok) << r.error;
  }
  {
    const auto next = join();
    ASSERT_TRUE(owns(*next, 2));
    EXPECT_EQ(next->owned.at(source("orders", 0)).committed, Offset{7});
    EXPECT_EQ(next->owned.at(source("orders", 0)).metadata, longest);
    EXPECT_EQ(next->owned.at(source("orders", 1)).metadata, "triggerd/1:0:");
    EXPECT_EQ(commit(*next, 0, 7).outcome, Outcome::ok) << "the same offset again, without";
  }
  const auto last = join();
  ASSERT_TRUE(owns(*last, 2));
  EXPECT_EQ(last->owned.at(source("orders", 0)).metadata, "") << "it goes with each commit";
  EXPECT_EQ(last->owned.at(source("orders", 1)).metadata, "triggerd/1:0:");
}

TEST_F(CommitTest, OfSeveralPartitionsIsAnsweredOnce) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.produce_numbers("orders", 0, 0, 5);
  cluster.produce_numbers("orders", 1, 0, 5);
  ASSERT_TRUE(reads(*member, 10));
  member->consumer->commit({{source("orders", 0), Offset{3}}, {source("orders", 1), Offset{5}}});
  ASSERT_TRUE(loop.until([&] { return !member->commits.empty(); }));
  ASSERT_EQ(member->commits.size(), 1U);
  ASSERT_EQ(member->commits[0].results.size(), 2U);
  for (const auto& r : member->commits[0].results) EXPECT_EQ(r.outcome, Outcome::ok) << r.error;
  EXPECT_EQ(cluster.committed("group", "orders", 0), 3);
  EXPECT_EQ(cluster.committed("group", "orders", 1), 5);
  member->consumer->commit({});
  ASSERT_TRUE(loop.until([&] { return member->commits.size() == 2; }))
      << "nothing to commit is an answer too";
  EXPECT_TRUE(member->commits[1].results.empty());
}

struct RefusedCase {
  rd_kafka_resp_err_t error;
  Outcome outcome;
};
void PrintTo(const RefusedCase& c, std::ostream* out) { *out << rd_kafka_err2name(c.error); }

class RefusedTest : public MockTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedTest, IsToldAndTheNextOneMaySucceed) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.fail_next(Api::offset_commit, {GetParam().error});
  const auto result = commit(*member, 0, 1);
  EXPECT_EQ(result.outcome, GetParam().outcome);
  EXPECT_EQ(result.error, rd_kafka_err2str(GetParam().error));
  EXPECT_EQ(cluster.committed("group", "orders", 0), -1);
  if (GetParam().outcome == Outcome::rejected) return;
  // After ILLEGAL_GENERATION the mock makes the member join again first.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (commit(*member, 0, 1).outcome != Outcome::ok && std::chrono::steady_clock::now() < deadline) {
    loop.run_for(20ms);
  }
  EXPECT_EQ(cluster.committed("group", "orders", 0), 1);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTest,
    ::testing::Values(RefusedCase{RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Outcome::retriable},
                      RefusedCase{RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH, Outcome::retriable},
                      RefusedCase{RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Outcome::retriable},
                      RefusedCase{RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, Outcome::retriable},
                      RefusedCase{RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Outcome::rejected}));

// Design §6b 5: what these errors say is a lost assignment, and it is told as one.
TEST_F(CommitTest, OfAnExpelledMemberIsFollowedByALostRevoke) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.fail_next(Api::offset_commit, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID});
  EXPECT_EQ(commit(*member, 0, 1).outcome, Outcome::rejected);
  ASSERT_TRUE(loop.until([&] { return !member->revoked.empty(); }));
  EXPECT_TRUE(member->revoked[0].lost);
  EXPECT_EQ(member->revoked[0].partitions.size(), 2U);
  EXPECT_TRUE(owns(*member, 2)) << "it joins again";
}

// In the middle of a rebalance it only means that the group moves on; whether the assignment is lost is
// librdkafka's to say, which calls it so where no rebalance is under way.
TEST_F(CommitTest, OfAnOldGenerationIsRetriableAndOnlyLibrdkafkaCallsTheAssignmentLost) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.fail_next(Api::offset_commit, {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION});
  EXPECT_EQ(commit(*member, 0, 1).outcome, Outcome::retriable);
  ASSERT_TRUE(loop.until([&] { return !member->revoked.empty(); }));
  EXPECT_TRUE(member->revoked[0].lost);
  EXPECT_TRUE(owns(*member, 2)) << "it joins again";
}

TEST_F(CommitTest, BeforeThereIsAClientIsRejected) {
  Member member(loop, spec());
  member.consumer->start();
  EXPECT_EQ(commit(member, 0, 1).outcome, Outcome::rejected);
}

TEST_F(CommitTest, AfterCloseIsRejected) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  member->consumer->close();
  EXPECT_EQ(commit(*member, 0, 1).outcome, Outcome::rejected);
  EXPECT_TRUE(loop.until([&] { return member->closed; }));
}

using CommitDeathTest = CommitTest;

TEST_F(CommitDeathTest, WithMoreMetadataThanABrokerTakesIsOurBug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Member member(loop, spec());
  member.consumer->start();
  const std::vector<pipeline::OffsetCommit> commits = {
      {source("orders", 0), Offset{1}}, {source("orders", 1), Offset{1}, std::string(4097, 'm')}};
  EXPECT_DEATH(member.consumer->commit(commits), "metadata that is too long");
}

// A coordinator that is away: the answer may come late, but it comes before closed().
TEST_F(CommitTest, UnderWayIsAnsweredBeforeClosed) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  cluster.set_broker_up(false);
  member->consumer->commit({{source("orders", 0), Offset{1}}});
  loop.run_for(100ms);
  EXPECT_TRUE(member->commits.empty());
  member->consumer->close();
  ASSERT_TRUE(loop.until([&] { return member->closed; }));
  EXPECT_EQ(member->commits_when_closed, 1U);
  ASSERT_EQ(member->commits.size(), 1U);
  EXPECT_NE(member->commits[0].results.at(0).outcome, Outcome::ok);
}

}  // namespace
}  // namespace triggerd::testing
