#include "kafka/lag_fleet.hpp"

#include <gtest/gtest.h>

namespace triggerd::kafka {
namespace {

LagFleet watching(const std::string& topic) {
  LagFleet fleet;
  fleet.add({.trigger = "t", .group = "g", .topics = {topic}, .start_from = {}});
  return fleet;
}

// No topics would be no partitions, and no lag.
TEST(LagFleet, ARoundThatEndedBeforeTheTopicsWereListedKnowsNothing) {
  for (const char* topic : {"^orders.*", "orders"}) {
    LagFleet fleet = watching(topic);
    for (int round = 0; round < 5; ++round) {
      fleet.begin();
      const auto snapshot = fleet.finish("the refresh took too long", TimePoint{}, 0);
      ASSERT_TRUE(snapshot) << topic;
      EXPECT_FALSE(snapshot->complete) << topic;
      EXPECT_FALSE(snapshot->taken) << topic;
      EXPECT_FALSE(snapshot->errors.empty()) << topic;
      EXPECT_FALSE(fleet.finish("", TimePoint{}, 0)) << "there is one trigger";
    }
  }
}

TEST(LagFleet, AListThatFailedKnowsNothingEither) {
  LagFleet fleet = watching("^orders.*");
  fleet.begin();
  EXPECT_TRUE(fleet.ask_topics({{}, RD_KAFKA_RESP_ERR__TRANSPORT}).size() <= 1)
      << "but the listing of groups";
  const auto snapshot = fleet.finish("", TimePoint{}, 0);
  ASSERT_TRUE(snapshot);
  EXPECT_FALSE(snapshot->complete);
}

TEST(LagFleet, AnExpressionThatMeansNoTopicIsNoError) {
  LagFleet fleet = watching("^orders.*");
  fleet.begin();
  fleet.ask_topics({{"invoices"}, RD_KAFKA_RESP_ERR_NO_ERROR});
  fleet.ask_commits(1);
  const auto snapshot = fleet.finish("", TimePoint{}, 0);
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(snapshot->complete);
  EXPECT_TRUE(snapshot->partitions.empty());
}

}  // namespace
}  // namespace triggerd::kafka
