#include "kafka/error.hpp"

#include <gtest/gtest.h>

#include "kafka/handle.hpp"

namespace triggerd::kafka {
namespace {

TopicPartition source(std::int32_t partition) { return {Topic("orders"), Partition{partition}}; }

TEST(CommitOutcome, OfEachError) {
  const std::vector<std::pair<rd_kafka_resp_err_t, Outcome>> table{
      {RD_KAFKA_RESP_ERR_NO_ERROR, Outcome::ok},
      {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH, Outcome::retriable},
      {RD_KAFKA_RESP_ERR__WAIT_COORD, Outcome::retriable},
      {RD_KAFKA_RESP_ERR__TIMED_OUT, Outcome::retriable},
      {RD_KAFKA_RESP_ERR__TRANSPORT, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Outcome::rejected},
      {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Outcome::retriable},
      {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Outcome::rejected},
      {RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH, Outcome::rejected},
      {RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, Outcome::rejected},
      {RD_KAFKA_RESP_ERR__FATAL, Outcome::rejected},
      {RD_KAFKA_RESP_ERR__DESTROY, Outcome::rejected},
  };
  for (const auto& [error, outcome] : table)
    EXPECT_EQ(commit_outcome(error), outcome) << rd_kafka_err2name(error);
}

class CommitDoneTest : public ::testing::Test {
 protected:
  CommitDoneTest() {
    for (const std::int32_t p : {1, 0}) add(list, source(p)).offset = 10 + p;  // in another order
  }
  void fail(std::int32_t partition, rd_kafka_resp_err_t error) {
    rd_kafka_topic_partition_list_find(list.get(), "orders", partition)->err = error;
  }
  const std::vector<pipeline::OffsetCommit> asked{{source(0), Offset{10}}, {source(1), Offset{11}}};
  PartitionList list = partition_list(2);
};

TEST_F(CommitDoneTest, AllWell) {
  const auto done = commit_done(asked, RD_KAFKA_RESP_ERR_NO_ERROR, list.get());
  ASSERT_EQ(done.results.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(done.results[i].source, asked[i].source);
    EXPECT_EQ(done.results[i].offset, asked[i].offset);
    EXPECT_EQ(done.results[i].outcome, Outcome::ok);
    EXPECT_EQ(done.results[i].error, "");
  }
}

TEST_F(CommitDoneTest, OneBadPartitionIsNotTheOthersFault) {
  fail(1, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
  // librdkafka repeats it as the error of the request.
  const auto done = commit_done(asked, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, list.get());
  EXPECT_EQ(done.results[0].outcome, Outcome::ok);
  EXPECT_EQ(done.results[1].outcome, Outcome::retriable);
  EXPECT_EQ(done.results[1].error, rd_kafka_err2str(RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE));
}

TEST_F(CommitDoneTest, AnErrorOfTheRequestIsEveryPartitions) {
  for (const auto* offsets : {static_cast<const rd_kafka_topic_partition_list_t*>(list.get()),
                              static_cast<const rd_kafka_topic_partition_list_t*>(nullptr)}) {
    const auto done = commit_done(asked, RD_KAFKA_RESP_ERR__TRANSPORT, offsets);
    ASSERT_EQ(done.results.size(), 2U);
    for (const auto& r : done.results) EXPECT_EQ(r.outcome, Outcome::retriable);
  }
}

TEST_F(CommitDoneTest, Rejected) {
  const auto done = commit_rejected(asked, "why");
  ASSERT_EQ(done.results.size(), 2U);
  for (const auto& r : done.results) {
    EXPECT_EQ(r.outcome, Outcome::rejected);
    EXPECT_EQ(r.error, "why");
  }
}

TEST(ErrorRepeats, ACauseIsToldOnceInAMinuteWhateverTheBrokerAndTheAttempt) {
  using namespace std::chrono_literals;
  ErrorRepeats repeats;
  const ErrorRepeats::Clock::time_point t0{};
  const std::string text =
      "sasl_ssl://a:1/bootstrap: SASL authentication error: wrong (after 3ms in state AUTH_REQ)";
  const std::string again =
      "sasl_ssl://b:1/2: SASL authentication error: wrong (after 40ms in state AUTH_REQ, 1 time)";
  EXPECT_TRUE(repeats.admit("_AUTHENTICATION", text, t0));
  EXPECT_FALSE(repeats.admit("_AUTHENTICATION", again, t0 + 1s));
  EXPECT_TRUE(repeats.admit("_ALL_BROKERS_DOWN", "1/1 brokers are down", t0 + 1s));
  EXPECT_FALSE(repeats.admit("_AUTHENTICATION", text, t0 + 59s));
  EXPECT_TRUE(repeats.admit("_SSL", "ssl://a:1/bootstrap: verify failed", t0 + 59s));
  EXPECT_TRUE(repeats.admit("_AUTHENTICATION", again, t0 + 60s));
}

TEST(ConsumerErrors, CarryLibrdkafkasName) {
  const ConsumerError error = consumer_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "2/2 brokers are down");
  EXPECT_EQ(error.code, "_ALL_BROKERS_DOWN");
  EXPECT_EQ(error.message, "2/2 brokers are down");
  EXPECT_FALSE(error.fatal);
}

}  // namespace
}  // namespace triggerd::kafka
