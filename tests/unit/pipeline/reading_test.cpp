// What is read, and when reading stops.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using test::Lines;
using test::ok;
using test::retry;
using test::sends;
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
  EXPECT_EQ(s.stats().undelivered, 1000u);
  EXPECT_EQ(s.stats().undelivered_standing, 1000u);
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
  EXPECT_EQ(s.stats().undelivered_standing, 1000u);
  EXPECT_EQ(s.records(1, 0, 9).front(), "send w1: t[1] 0-9");
  EXPECT_EQ(s.records(0, 1000, 1004, 50), Lines{"pause t[0]"}) << "half of what there is, for two";
  EXPECT_EQ(s.records(0, 1005, 1099, 50), Lines{}) << "what was on its way";
  EXPECT_EQ(s.stats().standing_bytes, 6000u);
  EXPECT_TRUE(s.stats().reading) << "it takes half at most, however much it is";
  EXPECT_EQ(s.records(1, 10, 64, 50).back(), "stop reading") << "as the others need the rest";
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

TEST(Reading, TheOldestRecordIsTheFirstThatIsNotSettled) {
  Story s;
  s.assigned({0});
  EXPECT_EQ(s.partition(0).oldest, std::nullopt) << "nothing is read";
  for (const std::int64_t offset : {0, 1, 2}) {
    wire::RecordView record;
    record.offset = Offset{offset};
    record.timestamp = 1'000'000 + offset * 1000;
    s.on(Records{s.partition(0).source, std::span(&record, 1)});
  }
  EXPECT_EQ(s.partition(0).oldest, 1'000'000);
  s.ready(1);
  s.answer(1, 1, {retry(0, 0), ok(1, 2)});
  EXPECT_EQ(s.partition(0).oldest, 1'000'000) << "what is settled beyond it does not count";
  s.at(50).tick();
  s.ok(1, 2);
  EXPECT_EQ(s.partition(0).oldest, std::nullopt) << "all is settled";
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
  s.records(0, 8, 9);
  EXPECT_EQ(s.ready(1).front(), "send w1: t[0] 0-5");
  EXPECT_EQ(s.stats().lanes_blocked, 0u) << "its turn has not come";
  EXPECT_EQ(s.ok(1, 1).front(), "notice lane_blocked t[0]@6");
  EXPECT_EQ(s.stuck(0), std::vector<std::int64_t>{6});
  EXPECT_EQ(s.stats().lanes_blocked, 1u);
  EXPECT_EQ(s.at(100).tick().front(), "commit t[0]=6");
  EXPECT_EQ(s.partition(0).position, Offset{10});
  EXPECT_EQ(s.skip(0, 6).at(1), "send w1: t[0] 7-9");
}

// Keys of one partition: one that stands is all that is left of it.
Policy keys(std::uint64_t span) {
  Policy policy = story_policy();
  policy.ordering = config::Ordering::key;
  policy.retry.max_retry_count = 0;
  policy.limits.max_span = span;
  return policy;
}

// So many records from a commit on are settled and lie beyond a gap: the span is used up, and the others go
// on.
TEST(Pausing, APartitionWhoseSpanIsUsedUpByAGapIsReadNoFurther) {
  Policy policy = keys(40);
  policy.limits.max_in_flight = 1000;
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.keyed(0, 0, "abcdefghij");
  EXPECT_EQ(s.answer(1, 1, {retry(0, 0), ok(1, 9)}).front(), "notice lane_blocked t[0]@0 attempt 1");
  std::uint64_t batch = 2;
  for (int i = 10; i < 30; i += 10) {
    EXPECT_EQ(sends(s.keyed(0, i, "bcdefghijk")).size(), 1u);
    EXPECT_EQ(s.ok(1, batch++), Lines{});
  }
  EXPECT_FALSE(s.partition(0).paused);
  EXPECT_EQ(s.keyed(0, 30, "bcdefghijk"), (Lines{"pause t[0]", "send w1: t[0] 30-39"}));
  EXPECT_EQ(s.ok(1, batch++), Lines{});
  EXPECT_TRUE(s.partition(0).paused);
  EXPECT_EQ(s.stats().partitions_paused, 1u);
  EXPECT_EQ(s.records(1, 0, 9).front(), "send w1: t[1] 0-9");
  s.ok(1, batch++);
  s.at(100).tick();
  s.committed(0, 0);
  EXPECT_TRUE(s.partition(0).paused) << "the gap is still there";
  EXPECT_EQ(s.at(110).skip(0, 0).front(), "notice record_skipped t[0]@0");
  EXPECT_TRUE(s.partition(0).paused) << "nobody knows of it but we";
  s.at(210).tick();
  EXPECT_EQ(s.committed(0, 40).front(), "resume t[0]");
  EXPECT_EQ(s.stats().partitions_paused, 0u);
}

TEST(Pausing, ReadAheadAloneUsesUpNoSpan) {
  Policy policy = keys(1000);
  policy.read_ahead = 1'000'000;
  Story s(policy);
  s.assigned({0});
  EXPECT_EQ(s.records(0, 0, 748), Lines{});
  EXPECT_EQ(s.records(0, 749, 749), Lines{"stop reading"}) << "three quarters of it";
  EXPECT_EQ(s.records(0, 750, 1999), Lines{}) << "what was on its way";
  EXPECT_FALSE(s.partition(0).paused);
}

// Each partition may have its share of half the bytes standing.
TEST(Pausing, APartitionThatStandsWithMoreThanItsShareIsReadNoFurther) {
  Policy policy = keys(100'000);
  policy.limits.max_in_flight_bytes = 8000;
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.keyed(0, 0, "a", 99);
  s.answer(1, 1, {retry(0, 0)});
  EXPECT_EQ(s.keyed(0, 1, std::string(18, 'a'), 99), Lines{});
  EXPECT_EQ(s.keyed(0, 19, "a", 99), Lines{"pause t[0]"}) << "2,000 of them";
  EXPECT_EQ(s.stats().standing_bytes, 2000u);
  EXPECT_EQ(s.keyed(0, 20, "b", 99).front(), "send w1: t[0] 20") << "what is there goes on";
  EXPECT_EQ(s.ok(1, 2), (Lines{"wake at 100ms"}));
  EXPECT_EQ(s.skip(0, 0).at(1), "resume t[0]");
}

TEST(Pausing, SharesGrowWhenOthersLeaveAndShrinkWhenTheyCome) {
  Policy policy = keys(100'000);
  policy.limits.max_in_flight_bytes = 12'000;
  Story s(policy);
  s.assigned({0, 1, 2, 3});
  s.ready(1);
  s.keyed(0, 0, "a", 99);
  s.answer(1, 1, {retry(0, 0)});
  EXPECT_EQ(s.keyed(0, 1, std::string(14, 'a'), 99), Lines{"pause t[0]"}) << "1,500 of 12,000 ÷ 2 ÷ 4";
  EXPECT_EQ(s.revoked({1, 2}).front(), "finish revoke t[1] t[2]");
  EXPECT_TRUE(s.partition(0).paused) << "it goes on well below where it stopped";
  EXPECT_EQ(s.revoked({3}), (Lines{"finish revoke t[3]", "resume t[0]"}));
  EXPECT_EQ(s.assigned({1, 2, 3}), Lines{"pause t[0]"});
}

TEST(Pausing, APausedPartitionThatIsGivenUpIsResumed) {
  Policy policy = keys(100'000);
  policy.limits.max_in_flight_bytes = 1000;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "aaaaaa", 99);
  EXPECT_EQ(s.answer(1, 1, {retry(0, 5)}).at(1), "pause t[0]");
  s.revoked({0});
  EXPECT_EQ(s.committed(0, 0).front(), "resume t[0]");
  EXPECT_EQ(s.stats().partitions_paused, 0u);
}

}  // namespace
}  // namespace triggerd::pipeline
