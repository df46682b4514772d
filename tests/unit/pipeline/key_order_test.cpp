// Keys side by side: one key at one worker and in order, whatever becomes of the others.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using config::BatchPolicy;
using config::Ordering;
using test::Lines;
using test::ok;
using test::only;
using test::release;
using test::retry;
using test::sends;
using test::Story;
using test::story_policy;

Policy keys(BatchPolicy::Cardinality cardinality = BatchPolicy::Cardinality::one) {
  Policy policy = story_policy();
  policy.batch.cardinality = cardinality;
  policy.ordering = Ordering::key;
  return policy;
}

TEST(KeyOrder, KeysOfOnePartitionRunSideBySide) {
  Story s(keys());
  s.assigned({0});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(sends(s.keyed(0, 0, "ab")), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(sends(s.keyed(0, 2, "abcd")), Lines{"send w2: t[0] 4-5"}) << "a and b are at 1";
  EXPECT_EQ(s.stats().undelivered, 2u);
  EXPECT_EQ(sends(s.ok(2, 2)), Lines{});
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{"send w1: t[0] 2-3"});
  s.ok(1, 3);
  EXPECT_EQ(s.partition(0).committable, Offset{6});
}

TEST(KeyOrder, AKeyIsExtendedAtItsWorker) {
  Story s(keys());
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.keyed(0, 0, "ab")), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(sends(s.keyed(0, 2, "ab")), Lines{"send w1: t[0] 2-3"});
}

TEST(KeyOrder, AFailedKeyParksOnlyItself) {
  for (const auto cardinality : {BatchPolicy::Cardinality::one, BatchPolicy::Cardinality::many}) {
    Story s(keys(cardinality));
    s.assigned({0});
    s.ready(1);
    s.keyed(0, 0, "aabb");
    s.at(10).answer(1, 1, {retry(0, 0), release(1, 1), ok(2, 3)});
    EXPECT_EQ(s.stats().lanes_parked, 1u);
    EXPECT_EQ(s.stats().undelivered_standing, 2u);
    EXPECT_EQ(sends(s.keyed(0, 4, "abca")), Lines{"send w1: t[0] 5-6"});
    s.ok(1, 2);
    EXPECT_EQ(s.partition(0).committable, Offset{0});
    const Lines again = sends(s.at(60).tick());
    EXPECT_EQ(again.front(), "send w1: t[0] 0 run 2 attempt 2");
    if (again.size() == 1) {
      EXPECT_EQ(sends(s.ok(1, 3)), Lines{"send w1: t[0] 1-7 run 2"}) << "1, 4 and 7";
      s.ok(1, 4);
    } else {
      EXPECT_EQ(again.at(1), "send w1: t[0] 1-7 run 2") << "1, 4 and 7, behind it at the same worker";
      s.ok(1, 3);
      s.ok(1, 4);
    }
    EXPECT_EQ(s.partition(0).committable, Offset{8});
    EXPECT_EQ(s.stats().held_bytes, 0u);
  }
}

TEST(KeyOrder, ABlockedKeyBlocksOnlyItselfAndIsCommittedAsAGap) {
  Policy policy = keys();
  policy.retry.max_retry_count = 0;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "abcb");
  EXPECT_EQ(s.answer(1, 1, {ok(0, 0), retry(1, 1), ok(2, 2), release(3, 3)}).front(),
            "notice lane_blocked t[0]@1 attempt 1");
  EXPECT_EQ(sends(s.keyed(0, 4, "dbe")), Lines{"send w1: t[0] 4-6"});
  s.ok(1, 2);
  s.at(100).tick();
  EXPECT_EQ(s.said(0), "1 settled 2-3 4-5 6-7 attempts 1x1");
  s.committed(0, 1);
  EXPECT_EQ(s.stats().in_flight, 0u);
  EXPECT_EQ(sends(s.skip(0, 1)), Lines{"send w1: t[0] 3-5 run 2"});
  s.ok(1, 3);
  EXPECT_EQ(s.partition(0).committable, Offset{7});
}

TEST(KeyOrder, RecordsWithoutAKeyNeedNoOrder) {
  Story s(keys());
  s.assigned({0});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(sends(s.keyed(0, 0, "--")), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(sends(s.keyed(0, 2, "--")), Lines{"send w2: t[0] 2-3"});
  s.at(10).answer(1, 1, {retry(0, 0)});
  EXPECT_EQ(s.stats().lanes_parked, 1u);
  EXPECT_EQ(sends(s.keyed(0, 4, "--")).size(), 1u) << "nobody waits for 0";
}

TEST(NoOrder, NothingWaitsForAnything) {
  Policy policy = keys();
  policy.ordering = Ordering::none;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.ready(2);
  EXPECT_EQ(sends(s.keyed(0, 0, "aa")), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(sends(s.keyed(0, 2, "aa")), Lines{"send w2: t[0] 2-3"});
  s.at(10).answer(1, 1, {retry(0, 0), ok(1, 1)});
  EXPECT_EQ(sends(s.keyed(0, 4, "aa")), Lines{"send w1: t[0] 4-5"});
  EXPECT_EQ(sends(s.at(60).tick()), Lines{"send w1: t[0] 0 run 2 attempt 2"});
}

// A worker is bound to no more keys than it is soon done with, so that others need not wait for it.
TEST(KeyOrder, AWorkerThatNobodyKnowsYetGetsOneKey) {
  Policy policy = keys();
  policy.batch.max_batch_size = 64;
  policy.work_ahead = std::chrono::milliseconds(20);
  Story s(policy);
  s.assigned({0});
  s.keyed(0, 0, "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(sends(s.ready(1)), Lines{"send w1: t[0] 0"});
  EXPECT_EQ(sends(s.ready(2)), Lines{"send w2: t[0] 1"});
  EXPECT_EQ(sends(s.at(1).ok(1, 1)), (Lines{"send w1: t[0] 2-21", "send w1: t[0] 22-25"}))
      << "1 ms each: 20 in 20 ms";
}

// A turn stays short: what there is to look at after a thousand records is looked at in the next.
TEST(KeyOrder, ManyRecordsOfABusyKeyAreLookedAtInTurns) {
  Policy policy = keys();
  policy.limits.max_in_flight = 10'000;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "a");
  s.ready(2);
  const Lines first = s.at(5).keyed(0, 1, std::string(1500, 'a') + "b");
  EXPECT_EQ(sends(first), Lines{});
  EXPECT_EQ(first.back(), "wake at 5ms");
  EXPECT_EQ(sends(s.tick()), Lines{"send w2: t[0] 1501"});
}

// What stands fills no batch: a few records of other keys wait for company as long as they may.
TEST(KeyOrder, WhatStandsMakesNoBatchFull) {
  for (const std::uint32_t bytes : {1, 99}) {
    SCOPED_TRACE(bytes);
    Policy policy = keys(BatchPolicy::Cardinality::many);
    policy.batch.max_batch_wait = std::chrono::milliseconds(200);
    policy.batch.max_batch_bytes = 100;
    policy.retry.max_retry_count = 0;
    Story s(policy);
    s.assigned({0});
    s.ready(1);
    s.keyed(0, 0, "a", 99);
    s.answer(1, 1, {retry(0, 0)});
    EXPECT_EQ(sends(s.keyed(0, 1, "aaaaaaaaaa", bytes)), Lines{}) << "enough for a batch";
    EXPECT_EQ(s.stats().undelivered_standing, 11u);
    EXPECT_EQ(sends(s.at(10).keyed(0, 11, "b", 9)), Lines{});
    EXPECT_EQ(sends(s.at(209).tick()), Lines{});
    EXPECT_EQ(sends(s.at(210).tick()), Lines{"send w1: t[0] 11"});
  }
}

}  // namespace
}  // namespace triggerd::pipeline
