// A worker ends with several records: each may have ended it, so they go out one at a time until one shows.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using config::BatchPolicy;
using config::Ordering;
using Cause = WorkerLost::Cause;
using test::Lines;
using test::ok;
using test::only;
using test::release;
using test::sends;
using test::Story;
using test::story_policy;

Policy ones(Ordering ordering = Ordering::key) {
  Policy policy = story_policy();
  policy.batch.cardinality = BatchPolicy::Cardinality::one;
  policy.ordering = ordering;
  return policy;
}

TEST(Suspects, GoOneAtATimeToOneWorkerWhileOthersGoOn) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  EXPECT_EQ(sends(s.keyed(0, 0, "abcd")), Lines{"send w1: t[0] 0-3"});
  s.ready(2);
  s.ready(3);
  EXPECT_EQ(s.lost(1), Lines{"send w2: t[0] 0 run 2"});
  EXPECT_EQ(s.stats().attempts_failed, 0u);
  EXPECT_EQ(sends(s.keyed(0, 4, "efa")), Lines{"send w3: t[0] 4-5 run 2"}) << "6 is behind 0";
  EXPECT_EQ(sends(s.ok(3, 3)), Lines{});
  EXPECT_EQ(sends(s.ok(2, 2)), (Lines{"send w2: t[0] 1 run 2", "send w3: t[0] 6 run 2"}))
      << "2 is kept for suspects, and has one at a time";
  EXPECT_EQ(s.at(10).lost(2).front(), "notice record_failed t[0]@1 attempt 1 again in 50ms")
      << "the one that ended a worker again has failed";
  EXPECT_EQ(s.stats().attempts_failed, 1u);
  EXPECT_EQ(sends(s.ok(3, 5)), Lines{"send w3: t[0] 2 run 2"}) << "the rest goes on elsewhere";
  EXPECT_EQ(sends(s.ok(3, 6)), Lines{"send w3: t[0] 3 run 2"});
  EXPECT_EQ(sends(s.keyed(0, 7, "g")), Lines{});
  EXPECT_EQ(sends(s.ok(3, 7)), Lines{"send w3: t[0] 7 run 2"}) << "none is left: it works like any other";
  EXPECT_EQ(s.stats().suspects_delivered, 4u);
  EXPECT_EQ(sends(s.at(60).tick()), Lines{}) << "what ended a worker alone is tried alone again";
  EXPECT_EQ(sends(s.ok(3, 8)), Lines{"send w3: t[0] 1 run 3 attempt 2"});
  EXPECT_EQ(s.stats().suspects_delivered, 5u);
}

TEST(Suspects, ARecordThatWasAloneIsChargedAtOnce) {
  for (const Ordering ordering : {Ordering::partition, Ordering::key, Ordering::none}) {
    Story s(ones(ordering));
    s.assigned({0});
    s.ready(1);
    s.keyed(0, 0, "abc");
    s.answer(1, 1, {ok(0, 0), ok(2, 2)});
    EXPECT_EQ(s.lost(1).front(), "notice record_failed t[0]@1 attempt 1 again in 50ms");
    s.ready(2);
    EXPECT_EQ(sends(s.at(50).tick()), Lines{"send w2: t[0] 1 run 2 attempt 2"});
    EXPECT_EQ(s.stats().suspects_delivered, 1u);
    EXPECT_EQ(sends(s.keyed(0, 3, "de")), Lines{})
        << "it is alone for good: it takes no other record with it";
  }
}

TEST(Suspects, AWorkerThatWeEndedBlamesNobody) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "abc");
  EXPECT_EQ(s.lost(1, Cause::stopped), Lines{});
  EXPECT_EQ(sends(s.ready(2)), Lines{"send w2: t[0] 0-2 run 2"});
  s.answer(2, 2, {ok(0, 1)});
  EXPECT_EQ(s.lost(2, Cause::stopped), Lines{}) << "nor the last one";
  EXPECT_EQ(s.stats().suspects_delivered, 0u);
  EXPECT_EQ(s.stats().attempts_failed, 0u);
}

TEST(Suspects, OfAPartitionGoInOrderAndTheRestWaits) {
  for (const auto cardinality : {BatchPolicy::Cardinality::one, BatchPolicy::Cardinality::many}) {
    Policy policy = ones(Ordering::partition);
    policy.batch.cardinality = cardinality;
    Story s(policy);
    s.assigned({0, 1});
    s.ready(1);
    s.records(0, 0, 2);
    s.ready(2);
    s.ready(3);
    EXPECT_EQ(sends(s.lost(1)), Lines{"send w2: t[0] 0 run 2"});
    EXPECT_EQ(sends(s.records(0, 3, 4)), Lines{});
    EXPECT_EQ(sends(s.records(1, 0, 1)), Lines{"send w3: t[1] 0-1"});
    EXPECT_EQ(sends(s.ok(2, 2)), Lines{"send w2: t[0] 1 run 2"});
    EXPECT_EQ(sends(s.ok(2, 4)), Lines{"send w2: t[0] 2 run 2"});
    EXPECT_EQ(sends(s.ok(2, 5)), Lines{"send w2: t[0] 3-4 run 2"});
  }
}

TEST(Suspects, OfAnAsynchronousWorkerThatTookTooLong) {
  Story s(ones());
  s.assigned({0});
  s.ready(1, 4);
  s.keyed(0, 0, "abc");
  EXPECT_EQ(only(s.at(11'000).tick(), "kill"), Lines{"kill w1: no answer within worker.timeout"});
  s.ready(2, 4);
  EXPECT_EQ(sends(s.at(11'100).lost(1)), Lines{"send w2: t[0] 0 run 2"});
  EXPECT_EQ(s.stats().attempts_failed, 0u) << "which of them it was cannot be told";
  EXPECT_EQ(sends(s.at(22'100).tick()), Lines{});
  EXPECT_EQ(only(s.at(22'200).lost(2), "notice"),
            Lines{"notice record_failed t[0]@0 attempt 1 again in 50ms"});
}

TEST(Suspects, OfASynchronousWorkerThatTookTooLongAreNone) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "abc");
  s.at(11'000).tick();
  EXPECT_EQ(only(s.lost(1), "notice"), Lines{"notice record_failed t[0]@0 attempt 1 again in 50ms"});
  EXPECT_EQ(sends(s.ready(2)), Lines{"send w2: t[0] 1-2 run 2"}) << "these had not begun";
}

TEST(Suspects, OneThatIsGivenBackStaysOne) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "ab");
  s.ready(2);
  EXPECT_EQ(sends(s.lost(1)), Lines{"send w2: t[0] 0 run 2"});
  EXPECT_EQ(sends(s.answer(2, 2, {release(0, 0)})), Lines{"send w2: t[0] 1 run 2"});
  EXPECT_EQ(sends(s.ok(2, 3)), Lines{"send w2: t[0] 0 run 3"});
  EXPECT_EQ(s.stats().suspects_delivered, 3u);
}

// Its worker may answer while it is being killed: what it would be given next would be charged for its end.
TEST(Suspects, AreNotGivenToAWorkerThatIsGoing) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "abc");
  s.ready(2);
  s.lost(1);
  s.at(11'000).tick();
  EXPECT_EQ(sends(s.at(11'001).ok(2, 2)), Lines{});
  EXPECT_EQ(sends(s.lost(2)), Lines{});
  EXPECT_EQ(s.stats().attempts_failed, 0u);
  EXPECT_EQ(sends(s.ready(3)), Lines{"send w3: t[0] 1 run 2"});

  Story draining(ones());
  draining.assigned({0});
  draining.ready(1);
  draining.keyed(0, 0, "abc");
  draining.ready(2);
  draining.lost(1);
  draining.on(WorkerDraining{WorkerId{2}});
  EXPECT_EQ(sends(draining.ok(2, 2)), Lines{});
  EXPECT_EQ(sends(draining.ready(3)), Lines{"send w3: t[0] 1 run 2"});
}

TEST(Suspects, WaitUntilAWorkerIsFree) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "ab");
  s.ready(2);
  s.keyed(0, 2, "cd");
  EXPECT_EQ(s.stats().records_delivered, 4u);
  EXPECT_EQ(sends(s.lost(1)), Lines{}) << "2 has something: it is kept free from now on";
  EXPECT_EQ(sends(s.keyed(0, 4, "e")), Lines{});
  EXPECT_EQ(sends(s.ok(2, 2)), Lines{"send w2: t[0] 0 run 2"});
  EXPECT_EQ(sends(s.ready(3)), Lines{"send w3: t[0] 4 run 2"});
}

TEST(Suspects, TakeRoomOfTheInFlightLimitLikeAnyOther) {
  Policy policy = ones();
  policy.limits.max_in_flight = 3;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "ab");
  s.ready(2);
  s.ready(3);
  EXPECT_EQ(sends(s.keyed(0, 2, "cdef")), Lines{"send w2: t[0] 2"});
  EXPECT_EQ(s.ok(2, 2), Lines{"commit t[0]=0+26B"});
  EXPECT_EQ(sends(s.lost(1)), (Lines{"send w2: t[0] 0 run 2", "send w3: t[0] 3 run 2"}));
  EXPECT_EQ(s.stats().in_flight, 3u);
  EXPECT_EQ(sends(s.ok(2, 3)), Lines{}) << "settled is not committed";
  EXPECT_EQ(sends(s.committed(0, 0)), Lines{"send w2: t[0] 1 run 2"});
  EXPECT_EQ(s.stats().in_flight, 3u);
}

TEST(Suspects, OfAPartitionThatIsGivenUpAreLeftToTheNextOwner) {
  Story s(ones());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "ab");
  s.lost(1);
  s.revoked({0});
  EXPECT_EQ(sends(s.ready(2)), Lines{});
  s.assigned({0});
  EXPECT_EQ(sends(s.keyed(0, 0, "ab")), Lines{"send w2: t[0] 0-1"}) << "who knows nothing of them";
}

}  // namespace
}  // namespace triggerd::pipeline
