// What goes to which worker, and when.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using config::BatchPolicy;
using std::chrono::milliseconds;
using test::Lines;
using test::release;
using test::retry;
using test::sends;
using test::Story;
using test::story_policy;

Policy ones() {
  Policy policy = story_policy();
  policy.batch.cardinality = BatchPolicy::Cardinality::one;
  return policy;
}

TEST(Delivery, WaitsForRecordsAndAWorker) {
  Story s;
  EXPECT_EQ(s.assigned({0}), Lines{"read"});
  EXPECT_EQ(s.records(0, 0, 3), Lines{});
  EXPECT_EQ(s.ready(1), (Lines{"send w1: t[0] 0-3", "wake at 11000ms"}));
  EXPECT_EQ(s.stats().records_delivered, 4u);
  EXPECT_EQ(s.stats().batches_delivered, 1u);
}

TEST(Delivery, FullBatchesQueuePartialOnesWaitToGrow) {
  Story s;
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 24)), (Lines{"send w1: t[0] 0-9", "send w1: t[0] 10-19"}));
  EXPECT_EQ(sends(s.records(0, 25, 28)), Lines{}) << "20 to 28 would not run yet: they may grow";
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{}) << "10 to 19 run now";
  EXPECT_EQ(sends(s.records(0, 29, 29)), Lines{"send w1: t[0] 20-29"}) << "full: it may queue";
  EXPECT_EQ(sends(s.records(0, 30, 31)), Lines{});
  EXPECT_EQ(sends(s.ok(1, 2)), Lines{});
  EXPECT_EQ(sends(s.ok(1, 3)), Lines{"send w1: t[0] 30-31"}) << "nothing else to do";
}

TEST(Delivery, ASynchronousWorkerQueuesNoMoreThanItsDepth) {
  Policy policy = story_policy();
  policy.limits.max_in_flight = 1000;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 199)).size(), 8u);
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{"send w1: t[0] 80-89"});
  policy.batch.max_batch_size = 64;
  Story large(policy);
  large.assigned({0});
  large.ready(1);
  EXPECT_EQ(sends(large.records(0, 0, 639)).size(), 4u) << "large batches hide the way in fewer";
}

TEST(Delivery, SingleRecordsTravelInRunsTheSecondOfWhichMayBePartial) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 2)), Lines{"send w1: t[0] 0-2"});
  EXPECT_EQ(sends(s.records(0, 3, 4)), Lines{"send w1: t[0] 3-4"});
  EXPECT_EQ(sends(s.records(0, 5, 6)), Lines{});
  EXPECT_EQ(sends(s.records(0, 7, 15)), Lines{"send w1: t[0] 5-14"}) << "a full run";
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{});
  EXPECT_EQ(sends(s.ok(1, 2)), Lines{"send w1: t[0] 15"});
}

TEST(Delivery, SingleRecordsAreNeverJoinedAcrossPartitions) {
  Story s(ones());
  s.assigned({0, 1});
  s.records(0, 0, 1);
  s.records(1, 0, 1);
  EXPECT_EQ(sends(s.ready(1)), (Lines{"send w1: t[0] 0-1", "send w1: t[1] 0-1"}));
}

TEST(Delivery, ManyFillsAnInvocationFromAllPartitions) {
  Story s;
  s.assigned({0, 1, 2});
  s.records(0, 0, 3);
  s.records(1, 0, 3);
  s.records(2, 0, 3);
  EXPECT_EQ(sends(s.ready(1)), Lines{"send w1: t[0] 0-3 + t[1] 0-3 + t[2] 0-1"});
  s.ok(1, 1);
  s.ok(1, 2);
  EXPECT_EQ(sends(s.ok(1, 3)), Lines{"send w1: t[2] 2-3"});
}

TEST(Delivery, APartitionStaysWithItsWorkerWhileAnythingIsOut) {
  Story s;
  s.assigned({0, 1});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(sends(s.records(0, 0, 19)), (Lines{"send w1: t[0] 0-9", "send w1: t[0] 10-19"}));
  EXPECT_EQ(sends(s.records(1, 0, 2)), Lines{"send w2: t[1] 0-2"});
  EXPECT_EQ(sends(s.records(0, 20, 29)), Lines{"send w1: t[0] 20-29"})
      << "w2 has less to do, but order is order";
  s.ok(1, 1);
  s.ok(1, 2);
  s.ok(1, 4);
  EXPECT_EQ(sends(s.records(0, 30, 31)), Lines{"send w1: t[0] 30-31"});
}

TEST(Delivery, TheLeastLoadedWorkerIsNext) {
  Story s;
  s.assigned({0, 1, 2});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(sends(s.records(0, 0, 9)), Lines{"send w1: t[0] 0-9"});
  EXPECT_EQ(sends(s.records(1, 0, 9)), Lines{"send w2: t[1] 0-9"});
  s.ok(2, 2);
  EXPECT_EQ(sends(s.records(2, 0, 9)), Lines{"send w2: t[2] 0-9"});
}

TEST(Delivery, PartitionsTakeTurns) {
  Policy policy = story_policy();
  policy.limits.max_in_flight = 1000;
  Story s(policy);
  s.assigned({0, 1});
  s.records(0, 0, 39);
  s.records(1, 0, 39);
  const Lines lines = sends(s.ready(1));
  EXPECT_EQ(lines, (Lines{"send w1: t[0] 0-9", "send w1: t[1] 0-9", "send w1: t[0] 10-19",
                          "send w1: t[1] 10-19", "send w1: t[0] 20-29", "send w1: t[1] 20-29",
                          "send w1: t[0] 30-39", "send w1: t[1] 30-39"}));
}

TEST(Delivery, APartialBatchLingersForMaxBatchWait) {
  Policy policy = story_policy();
  policy.batch.max_batch_wait = milliseconds(200);
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  EXPECT_EQ(s.at(100).records(0, 0, 3), Lines{"wake at 300ms"});
  EXPECT_EQ(s.at(200).records(1, 0, 2), Lines{});
  EXPECT_EQ(s.at(299).tick(), Lines{"wake at 300ms"});
  EXPECT_EQ(s.at(300).tick(), (Lines{"send w1: t[0] 0-3 + t[1] 0-2", "wake at 11300ms"}));
}

TEST(Delivery, AFullBatchDoesNotLinger) {
  Policy policy = story_policy();
  policy.batch.max_batch_wait = milliseconds(200);
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 3);
  EXPECT_EQ(sends(s.records(1, 0, 5)), Lines{"send w1: t[0] 0-3 + t[1] 0-5"}) << "full together";
  s.ok(1, 1);
  s.ok(1, 2);
  EXPECT_EQ(sends(s.records(0, 4, 9)), Lines{});
  EXPECT_EQ(sends(s.records(0, 10, 13)), Lines{"send w1: t[0] 4-13"});
}

// What is out has its bytes too; only what is still here makes a batch full.
TEST(Delivery, BytesOutDoNotMakeABatchFull) {
  Policy policy = story_policy();
  policy.batch.max_batch_wait = milliseconds(200);
  policy.batch.max_batch_bytes = 100;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 3, 25)), Lines{"send w1: t[0] 0-3"}) << "full by bytes";
  EXPECT_EQ(sends(s.records(0, 4, 4, 25)), Lines{});
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{});
  EXPECT_EQ(sends(s.at(200).tick()), Lines{"send w1: t[0] 4"});
}

TEST(Delivery, BatchesEndAtMaxBatchBytesAndALargeRecordTravelsAlone) {
  Policy policy = story_policy();
  policy.batch.max_batch_bytes = 100;
  Story s(policy);
  s.assigned({0});
  s.records(0, 0, 4, 30);
  s.records(0, 5, 5, 500);
  s.records(0, 6, 6, 30);
  EXPECT_EQ(sends(s.ready(1)), (Lines{"send w1: t[0] 0-2", "send w1: t[0] 3-4", "send w1: t[0] 5"}));
}

TEST(Delivery, NothingGoesBeyondTheWindow) {
  struct Row {
    const char* what;
    wire::Window window;
    Lines first, second;
  };
  const Row rows[] = {
      {"records", {15, 1 << 20}, {"send w1: t[0] 0-9"}, {"send w1: t[0] 10-19"}},
      {"records fewer than a batch", {4, 1 << 20}, {"send w1: t[0] 0-3"}, {"send w1: t[0] 4-7"}},
      {"bytes", {1000, 55}, {"send w1: t[0] 0-4"}, {"send w1: t[0] 5-9"}},
      {"bytes fewer than a record", {1000, 3}, {"send w1: t[0] 0"}, {"send w1: t[0] 1"}},
      {"nothing at all", {0, 0}, {"send w1: t[0] 0"}, {"send w1: t[0] 1"}},
      {"wide", {20, 200}, {"send w1: t[0] 0-9", "send w1: t[0] 10-19"}, {"send w1: t[0] 20-29"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Story s;
    s.assigned({0});
    s.records(0, 0, 39, 10);
    EXPECT_EQ(sends(s.ready(1, 1, row.window)), row.first);
    EXPECT_EQ(sends(s.ok(1, 1)), row.second);
  }
}

// Full batches queue while the window has bytes; the one record that would overdraw it waits.
TEST(Delivery, ARecordLargerThanTheRoomWaitsForAnIdleWorker) {
  Story s(ones());
  s.assigned({0});
  s.ready(1, 1, {100, 50});
  EXPECT_EQ(sends(s.records(0, 0, 0, 30)), Lines{"send w1: t[0] 0"});
  EXPECT_EQ(sends(s.records(0, 1, 1, 30)), Lines{});
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{"send w1: t[0] 1"});
}

TEST(Delivery, CreditOpensTheWindow) {
  Story s;
  s.assigned({0});
  s.ready(1, 1, {10, 1 << 20});
  EXPECT_EQ(sends(s.records(0, 0, 29)), Lines{"send w1: t[0] 0-9"});
  EXPECT_EQ(sends(s.on(WorkerCredit{WorkerId{1}, {20, 1 << 20}})), Lines{"send w1: t[0] 10-19"});
  EXPECT_EQ(sends(s.on(WorkerCredit{WorkerId{9}, {20, 1 << 20}})), Lines{}) << "nobody we know";
}

TEST(Delivery, AnAsynchronousWorkerTakesABatchPerLane) {
  Story s;
  s.assigned({0, 1, 2});
  s.ready(1, 3);
  EXPECT_EQ(sends(s.records(0, 0, 1)), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(sends(s.records(1, 0, 1)), Lines{"send w1: t[1] 0-1"});
  EXPECT_EQ(sends(s.records(2, 0, 1)), Lines{"send w1: t[2] 0-1"});
  EXPECT_EQ(sends(s.records(0, 2, 3)), Lines{}) << "behind a running one, it may grow";
}

TEST(Delivery, TheInFlightLimitHoldsAndHurriesTheCommit) {
  Policy policy = story_policy();
  policy.limits.max_in_flight = 25;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 49)), (Lines{"send w1: t[0] 0-9", "send w1: t[0] 10-19"}));
  EXPECT_EQ(s.stats().in_flight, 20u);
  EXPECT_EQ(s.at(1).ok(1, 1), Lines{"commit t[0]=10"}) << "at once: 20 to 29 wait for it";
  EXPECT_EQ(s.stats().in_flight, 20u) << "settled is not committed";
  EXPECT_EQ(sends(s.at(5).committed(0, 10)), Lines{"send w1: t[0] 20-29"});
  EXPECT_EQ(s.stats().in_flight, 20u);
}

TEST(Delivery, AnIdleWorkerIsSentLessThanABatchWhereTheLimitSaysSo) {
  Policy policy = story_policy();
  policy.limits.max_in_flight = 13;
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(sends(s.records(0, 0, 9)), Lines{"send w1: t[0] 0-9"});
  EXPECT_EQ(sends(s.records(1, 0, 9)), Lines{"send w2: t[1] 0-2"});
  EXPECT_EQ(s.stats().in_flight, 13u);
}

TEST(Delivery, ALimitBelowTheBatchSizeIsTheBatchSize) {
  Policy policy = story_policy();
  policy.limits.max_in_flight = 3;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 9)), Lines{"send w1: t[0] 0-2"});
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{});
  EXPECT_EQ(sends(s.committed(0, 3)), Lines{"send w1: t[0] 3-5"});
}

// What came back takes room again when it goes out, and leaves none for what lies behind it.
TEST(Delivery, ARedeliveryTakesNothingNewBeyondTheLimit) {
  Policy policy = story_policy();
  policy.limits.max_in_flight = 10;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.records(0, 0, 29);
  s.answer(1, 1, {test::ok(1, 9)});
  s.lost(1, WorkerLost::Cause::stopped);
  EXPECT_EQ(s.stats().in_flight, 9u);
  EXPECT_EQ(sends(s.ready(2)), Lines{"send w2: t[0] 0 run 2"});
  EXPECT_EQ(s.stats().in_flight, 10u);
}

TEST(Delivery, AttemptsAreNotMixedInOneInvocation) {
  Story s;
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 2);
  s.at(10).answer(1, 1, {retry(0, 2)});
  s.records(1, 0, 1);
  s.ok(1, 2);
  s.records(0, 3, 9);
  EXPECT_EQ(sends(s.at(60).tick()), Lines{"send w1: t[0] 0-2 run 2 attempt 2"});
  EXPECT_EQ(sends(s.ok(1, 3)), Lines{"send w1: t[0] 3-9 run 2"});
}

TEST(Delivery, AWorkerThatIsToLeaveGetsNothingMoreAndIsHeard) {
  Story s;
  s.assigned({0});
  s.ready(1);
  s.records(0, 0, 9);
  EXPECT_EQ(s.on(WorkerDraining{WorkerId{1}}), Lines{});
  EXPECT_EQ(s.on(WorkerDraining{WorkerId{7}}), Lines{}) << "nobody we know";
  EXPECT_EQ(sends(s.records(0, 10, 19)), Lines{});
  EXPECT_EQ(sends(s.answer(1, 1, {test::ok(0, 4), release(5, 9)})), Lines{});
  EXPECT_EQ(s.partition(0).committable, Offset{5});
  EXPECT_EQ(sends(s.ready(2)), Lines{"send w2: t[0] 5-9 run 2 + t[0] 10-14 run 2"});
}

TEST(Delivery, NoMoreRecordsASecondThanTheRateAllows) {
  Policy policy = story_policy();
  policy.limits.max_records_per_second = 100;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(s.records(0, 0, 29), (Lines{"send w1: t[0] 0-9", "wake at 100ms"}));
  EXPECT_EQ(sends(s.at(50).ok(1, 1)), Lines{}) << "though a worker is idle: no crumbs";
  EXPECT_EQ(sends(s.at(99).tick()), Lines{});
  EXPECT_EQ(sends(s.at(101).tick()), Lines{"send w1: t[0] 10-19"});
  EXPECT_EQ(sends(s.at(190).ok(1, 2)), Lines{});
  EXPECT_EQ(sends(s.at(202).tick()), Lines{"send w1: t[0] 20-29"});
}

TEST(Delivery, HolesInTheOffsetsChangeNothing) {
  Story s;
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, {3, 7, 8, 100, 2000})), Lines{"send w1: t[0] 3-2000"});
  EXPECT_EQ(s.at(50).ok(1, 1), Lines{"wake at 150ms"});
  EXPECT_EQ(s.at(150).tick(), Lines{"commit t[0]=2001"});
}

}  // namespace
}  // namespace triggerd::pipeline
