// What is read, and when reading stops.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using test::Lines;
using test::ok;
using test::retry;
using test::Story;
using test::story_policy;

TEST(Reading, BeginsWithTheFirstPartitionAndEndsWithTheLast) {
  Story s;
  EXPECT_EQ(s.on(Assigned{}), Lines{});
  EXPECT_EQ(s.assigned({0, 1}), Lines{"read"});
  EXPECT_EQ(s.revoked({0}), Lines{"finish revoke t[0]"});
  EXPECT_TRUE(s.stats().reading);
  EXPECT_EQ(s.revoked({1}), (Lines{"finish revoke t[1]", "stop reading"}));
  EXPECT_EQ(s.assigned({1}), Lines{"read"});
}

TEST(Reading, StopsAtTheBudgetAndGoesOnBelowThreeQuarters) {
  Story s;
  s.assigned({0});
  EXPECT_EQ(s.records(0, 0, 98), Lines{});
  EXPECT_EQ(s.records(0, 99, 99), Lines{"stop reading"});
  EXPECT_EQ(s.records(0, 100, 109), Lines{}) << "what was on its way is taken";
  const Lines first = s.ready(1);
  EXPECT_EQ(first.size(), 10u) << "eight batches, read, wake";
  EXPECT_EQ(first[8], "read");
}

TEST(Reading, DoesNotFlapBetweenTheTwo) {
  Story s;
  s.assigned({0});
  s.records(0, 0, 99);
  EXPECT_EQ(s.ready(1, 1, {10, 1000}), (Lines{"send w1: t[0] 0-9", "wake at 11000ms"})) << "90 wait";
  s.ok(1, 1);
  EXPECT_EQ(s.stats().undelivered, 80u);
  EXPECT_FALSE(s.stats().reading);
  const Lines third = s.ok(1, 2);
  EXPECT_EQ(third, (Lines{"send w1: t[0] 20-29", "read"})) << "70 are below 75";
}

TEST(Reading, StopsAtTheBytesHeldDeliveredOrNot) {
  Policy policy = story_policy();
  policy.limits.max_in_flight_bytes = 1000;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(s.records(0, 0, 9, 100).back(), "wake at 11000ms");
  EXPECT_FALSE(s.stats().reading);
  EXPECT_EQ(s.stats().held_bytes, 1000u);
  s.answer(1, 1, {ok(0, 5)});
  EXPECT_FALSE(s.stats().reading) << "the chunk is held until all of it is settled";
  EXPECT_EQ(s.ok(1, 1).front(), "read");
}

TEST(Reading, ABlockedLaneDoesNotStopTheOthers) {
  Policy policy = story_policy();
  policy.retry.max_retry_count = 0;
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 9);
  s.answer(1, 1, {retry(0, 9)});
  for (int i = 1; i < 100; ++i) s.records(0, i * 10, i * 10 + 9);
  EXPECT_TRUE(s.stats().reading);
  EXPECT_EQ(s.stats().undelivered, 0u);
  EXPECT_EQ(s.records(1, 0, 9).front(), "send w1: t[1] 0-9");
}

// Records behind one that waits for its retry count by their bytes alone.
TEST(Reading, AParkedLaneStopsTheOthersByItsBytesOnly) {
  Policy policy = story_policy();
  policy.limits.max_in_flight_bytes = 5000;
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 9);
  s.answer(1, 1, {retry(0, 9)});
  EXPECT_EQ(s.records(0, 10, 999), Lines{});
  EXPECT_TRUE(s.stats().reading);
  EXPECT_EQ(s.stats().undelivered, 1000u);
  EXPECT_EQ(s.stats().undelivered_parked, 1000u);
  EXPECT_EQ(s.records(1, 0, 9).front(), "send w1: t[1] 0-9");
  EXPECT_EQ(s.records(0, 1000, 1099, 50), Lines{"stop reading"});
}

TEST(Reading, RecordsReadAgainAreDropped) {
  Story s;
  s.assigned({0}, 5);
  s.records(0, 5, 9);
  s.records(0, 3, 11);
  s.records(0, {11, 12, 12, 14, 13});
  EXPECT_EQ(s.stats().records_read, 9u);
  EXPECT_EQ(s.stats().records_read_again, 10u);
  EXPECT_EQ(s.partition(0).position, Offset{15});
  EXPECT_EQ(s.partition(0).undelivered, 9u);
}

TEST(Reading, RecordsOfAPartitionThatIsNotOursAreDropped) {
  Story s;
  EXPECT_EQ(s.records(0, 0, 4), Lines{});
  s.assigned({1});
  EXPECT_EQ(s.records(0, 0, 4), Lines{});
  EXPECT_EQ(s.stats().records_unassigned, 10u);
  EXPECT_EQ(s.stats().records_read, 0u);
}

TEST(Reading, ARecordNoFrameCanCarryBlocksItsLaneAfterWhatCameBefore) {
  const auto bytes = std::make_unique_for_overwrite<char[]>(dispatch::kMaxRecordBytes + 1);
  Story s;
  s.assigned({0});
  s.records(0, 0, 4);
  wire::RecordView small, large, after;
  small.offset = Offset{5};
  large.offset = Offset{6};
  after.offset = Offset{7};
  large.value = std::string_view(bytes.get(), dispatch::kMaxRecordBytes + 1);
  const wire::RecordView views[] = {small, large, after};
  EXPECT_EQ(s.on(Records{{Topic("t"), Partition{0}}, views}), Lines{"notice record_refused t[0]@6"});
  EXPECT_EQ(s.partition(0).blocked_at, Offset{6});
  EXPECT_EQ(s.stats().lanes_blocked, 1u);
  s.records(0, 8, 9);
  EXPECT_EQ(s.ready(1).front(), "send w1: t[0] 0-5");
  s.ok(1, 1);
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=6"});
  EXPECT_EQ(s.partition(0).position, Offset{6});
}

}  // namespace
}  // namespace triggerd::pipeline
