// What of a partition's records goes to which worker, in all orderings.
#include "dispatch/lane_queue.hpp"

#include "unit/dispatch/queue.hpp"

namespace triggerd::dispatch {
namespace {

using test::at;
using test::Lines;
using test::Ordering;
using test::Queue;

constexpr Ordering kAll[] = {Ordering::partition, Ordering::key, Ordering::none};

TEST(LaneQueue, AnEmptyOneHasNothing) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    EXPECT_FALSE(q.queue.deliverable());
    EXPECT_FALSE(q.queue.has_suspect());
    EXPECT_EQ(q.take(), "");
    EXPECT_EQ(q.take_suspect(), "");
    EXPECT_EQ(q.queue.undelivered(), 0u);
    EXPECT_EQ(q.queue.delivered(), 0u);
    EXPECT_EQ(q.queue.next_unpark(), std::nullopt);
    EXPECT_EQ(q.queue.next_trouble(), std::nullopt);
  }
}

// The common case costs no copy: a frame is a stretch of what was read.
TEST(LaneQueue, ContiguousPicksShareTheirChunk) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "abcdefghij");
    EXPECT_EQ(q.take(1, 4), "0-3");
    EXPECT_EQ(q.take(1), "4-9");
    EXPECT_EQ(q.pick_of(0).batch, q.pick_of(4).batch);
    EXPECT_EQ(q.pick_of(4).first, 4u);
    EXPECT_TRUE(q.pick_of(0).held.empty() && q.pick_of(4).held.empty());
    EXPECT_EQ(q.pick_of(0).batch, q.pick_of(0).begin.chunk->batch);
  }
}

TEST(LaneQueue, WhatDoesNotLieTogetherIsCopiedToOneFrame) {
  Queue q(Ordering::key);
  q.keyed(0, "abcd");
  EXPECT_EQ(q.take(1), "0-3");
  q.keyed(4, "xaybzc");
  EXPECT_EQ(q.take(2), "4 6 8") << "a, b and c are at the first worker";
  EXPECT_NE(q.pick_of(4).batch, q.pick_of(4).begin.chunk->batch);
  EXPECT_EQ(q.pick_of(4).batch->key(1), "y");
  EXPECT_EQ(q.pick_of(4).batch->value(2), "x");
}

TEST(LaneQueue, ChunksEndAtTheirCaps) {
  Queue count(Ordering::partition, {4, 1000});
  count.append(0, 9);
  EXPECT_EQ(count.take_all(), (Lines{"0-3", "4-7", "8-9"}));
  Queue bytes(Ordering::partition, {100, 10});
  bytes.append(0, 6, 4);
  bytes.append(7, 7, 50);
  bytes.append(8, 8, 4);
  EXPECT_EQ(bytes.take_all(), (Lines{"0-1", "2-3", "4-5", "6", "7", "8"}));
}

TEST(LaneQueue, PicksAreCutByCountAndBytes) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.append(0, 9, 10);
    EXPECT_EQ(q.take(1, 3), "0-2");
    EXPECT_EQ(q.take(1, 10, 25), "3-4");
    EXPECT_EQ(q.take(1, 0), "");
    EXPECT_EQ(q.take(1, 10, 9), "5") << "one record alone may be larger";
    EXPECT_EQ(q.take({.worker = WorkerId{1}, .records = 5, .bytes = 9, .first_bytes = 9, .attempt = {}}), "")
        << "but not than what the worker takes";
    EXPECT_EQ(q.take_all(), Lines{"6-9"});
    EXPECT_EQ(q.queue.undelivered(), 0u);
  }
}

TEST(LaneQueue, ADeliveredChunkGrowsNoMore) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.append(0, 2);
    EXPECT_EQ(q.take(1, 2), "0-1");
    q.append(3, 5);
    EXPECT_EQ(q.pick_of(0).batch->size(), 3u);
    q.append(6, 7);
    EXPECT_EQ(q.queue.undelivered(), 6u);
    Lines rest = q.take_all();
    EXPECT_EQ(rest.front().front(), '2');
    EXPECT_EQ(rest.back().back(), '7');
  }
}

TEST(LaneQueue, CountsAreOfRecordsHoweverManyHoles) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering, {4, 1000});
    for (const std::int64_t offset : {3, 7, 100, 101, 250, 9000}) q.append(offset, offset, 5);
    EXPECT_EQ(q.queue.undelivered(), 6u);
    EXPECT_EQ(q.queue.undelivered_bytes(), 30u);
    EXPECT_EQ(q.queue.held_records(), 6u);
    EXPECT_EQ(q.queue.held_bytes(), 30u);
    EXPECT_EQ(q.take(1, 4), "3 7 100-101");
    EXPECT_EQ(q.queue.delivered(), 4u);
    EXPECT_EQ(q.queue.undelivered_bytes(), 10u);
    EXPECT_EQ(q.take(1), "250 9000");
    q.ok(7, 100);
    q.ok(250, 9000);
    EXPECT_EQ(q.queue.held_records(), 2u);
    EXPECT_EQ(q.queue.held_bytes(), 20u) << "a chunk's bytes are freed together";
    q.ok(101);
    q.ok(3);
    EXPECT_EQ(q.queue.held_records(), 0u);
    EXPECT_EQ(q.queue.held_bytes(), 0u);
    EXPECT_EQ(q.queue.delivered(), 6u);
  }
}

TEST(LaneQueue, APartitionIsAtOneWorkerAndExtendedThere) {
  Queue q(Ordering::partition);
  q.append(0, 9);
  EXPECT_EQ(q.queue.pinned(), std::nullopt);
  EXPECT_EQ(q.take(1, 4), "0-3");
  EXPECT_EQ(q.queue.pinned(), WorkerId{1});
  EXPECT_EQ(q.take(2), "");
  EXPECT_EQ(q.take(1, 2), "4-5") << "in the same run";
  q.ok(0, 3);
  EXPECT_EQ(q.take(2), "");
  q.ok(4, 5);
  EXPECT_EQ(q.queue.pinned(), std::nullopt);
  EXPECT_EQ(q.take(2), "6-9");
}

TEST(LaneQueue, AKeyIsAtOneWorkerAndItsRecordsWaitForIt) {
  Queue q(Ordering::key);
  q.keyed(0, "abacba-");
  EXPECT_EQ(q.queue.pinned(), std::nullopt);
  EXPECT_EQ(q.take(1, 2), "0-1");
  EXPECT_EQ(q.take(2), "3 6") << "c, and the one without a key; a and b wait";
  EXPECT_EQ(q.queue.undelivered(), 3u);
  EXPECT_FALSE(q.queue.deliverable());
  EXPECT_EQ(q.take(1), "") << "what waits goes when the lane is free";
  q.ok(0);
  EXPECT_TRUE(q.queue.deliverable());
  EXPECT_EQ(q.take(2), "2 5") << "in order, at any worker";
  q.keyed(7, "b");
  EXPECT_EQ(q.take(1), "") << "behind 4, which waits for 1";
  q.ok(1);
  EXPECT_EQ(q.take(3), "4 7");
  EXPECT_EQ(q.queue.undelivered(), 0u);
}

TEST(LaneQueue, AKeyIsExtendedAtItsWorker) {
  Queue q(Ordering::key);
  q.keyed(0, "ab");
  EXPECT_EQ(q.take(1), "0-1");
  q.keyed(2, "bca");
  EXPECT_EQ(q.take(1), "2-4");
  q.ok(0, 1);
  q.keyed(5, "a");
  EXPECT_EQ(q.take(2), "") << "4 is still out";
  q.ok(2, 4);
  EXPECT_EQ(q.take(2), "5");
}

TEST(LaneQueue, RecordsWithoutAKeyAreEachTheirOwn) {
  Queue q(Ordering::key);
  q.keyed(0, "----");
  EXPECT_EQ(q.take(1, 2), "0-1");
  EXPECT_EQ(q.take(2, 1), "2");
  q.fail(0, 50);
  EXPECT_EQ(q.take(1), "3");
}

TEST(LaneQueue, WithoutAnOrderAnythingGoesAnywhere) {
  Queue q(Ordering::none);
  q.keyed(0, "aaaa");
  EXPECT_EQ(q.take(1, 2), "0-1");
  EXPECT_EQ(q.take(2), "2-3");
  q.fail(0, 50);
  q.back(3);
  EXPECT_EQ(q.take(1), "3 run 2");
  q.queue.unpark(at(50));
  EXPECT_EQ(q.take(2), "0 run 2 attempt 2");
}

// What came back goes out in a higher run, and nothing of its lane goes while more may come back.
TEST(LaneQueue, APartitionWaitsUntilNothingIsOutThenBeginsAHigherRun) {
  Queue q(Ordering::partition);
  q.append(0, 9);
  EXPECT_EQ(q.take(1, 4), "0-3");
  EXPECT_EQ(q.take(1, 4), "4-7");
  q.back(2);
  EXPECT_EQ(q.queue.delivered(), 7u);
  EXPECT_FALSE(q.queue.deliverable());
  q.ok(0, 1);
  q.ok(4, 6);
  q.back(7);
  EXPECT_EQ(q.take(1), "") << "3 is still out";
  q.back(3);
  EXPECT_EQ(q.take(1), "2-3 run 2");
  EXPECT_EQ(q.take(1), "7 run 2") << "what came back lies apart";
  EXPECT_EQ(q.take(1), "8-9 run 2");
  q.ok(2, 3);
  q.ok(7);
  q.back(8);
  q.back(9);
  EXPECT_EQ(q.take(1), "8-9 run 3");
}

TEST(LaneQueue, OnlyTheKeyThatCameBackNeedsAHigherRun) {
  Queue q(Ordering::key);
  q.keyed(0, "abab");
  EXPECT_EQ(q.take(1), "0-3");
  q.back(0);
  EXPECT_EQ(q.take(1), "") << "2 is out";
  q.back(2);
  EXPECT_EQ(q.take(2), "0 2 run 2");
  q.keyed(4, "b");
  EXPECT_EQ(q.take(1), "") << "a run of its own while b is out in an older one";
  q.ok(1);
  q.ok(3);
  EXPECT_EQ(q.take(1), "4 run 2");
}

// A worker may hold the lane for what it gave back in run 1, though that was settled without it.
TEST(LaneQueue, ALaneThatEndsHeldRaisesTheRun) {
  Queue q(Ordering::key);
  q.keyed(0, "ab");
  EXPECT_EQ(q.take(1), "0-1");
  Lane& lane = q.fail(0, 50);
  q.queue.settle_waiting(lane, Offset{0});
  q.queue.resume(lane, {});
  q.queue.unpark(at(50));
  EXPECT_EQ(q.queue.held_records(), 1u);
  q.keyed(2, "ac");
  EXPECT_EQ(q.take(1), "2-3 run 2");
}

TEST(LaneQueue, AttemptsAreNotMixedAndOneWithAnotherIsPassedOver) {
  Queue q(Ordering::none);
  q.append(0, 5);
  q.take();
  q.fail(0, 10);
  q.fail(1, 10);
  q.back(2);
  q.fail(3, 10);
  q.queue.unpark(at(10));
  q.append(6, 7);
  EXPECT_EQ(q.take({.worker = WorkerId{1}, .records = 9, .bytes = 99, .first_bytes = 99, .attempt = 3}), "");
  EXPECT_EQ(q.take({.worker = WorkerId{1}, .records = 9, .bytes = 99, .first_bytes = 99, .attempt = 2}),
            "0-1 3 run 2 attempt 2");
  EXPECT_EQ(q.take(), "2 6-7 run 2");
}

TEST(LaneQueue, AttemptsOfAnEarlierAssignmentCount) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.append(0, 1);
    q.failed_before(2, 3);
    q.append(3, 4);
    EXPECT_EQ(q.queue.attempts(), (std::map<Offset, std::uint32_t>{{Offset{2}, 3}}));
    EXPECT_EQ(q.queue.attempts_changed(), 0u) << "the commit that said so still does";
    EXPECT_EQ(q.take_all(), (Lines{"0-1", "2 attempt 4", "3-4"}));
    q.fail(2, 10);
    EXPECT_EQ(q.queue.attempts(), (std::map<Offset, std::uint32_t>{{Offset{2}, 4}}));
    EXPECT_EQ(q.queue.attempts_changed(), 1u);
    q.ok(0, 1);
    q.ok(3, 4);
    q.queue.unpark(at(10));
    EXPECT_EQ(q.take(), "2 run 2 attempt 5");
    q.ok(2);
    EXPECT_TRUE(q.queue.attempts().empty());
    EXPECT_EQ(q.queue.attempts_changed(), 2u);
  }
}

TEST(LaneQueue, WaitingSinceIsTheArrivalOfWhatComesNext) {
  Queue q(Ordering::key, {2, 1000});
  q.append(0, 0, 1, 5);
  q.append(1, 1, 1, 7);
  q.append(2, 3, 1, 9);
  EXPECT_EQ(q.queue.waiting_since(), at(5));
  q.take(1, 2);
  EXPECT_EQ(q.queue.waiting_since(), at(9));
  q.back(0);
  EXPECT_EQ(q.queue.waiting_since(), TimePoint::min()) << "what came back waits no longer";
}

TEST(LaneQueue, AHeldFlowLeavesOnlyWhatCameBack) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.append(0, 5);
    q.take(1, 2);
    q.queue.hold_flow(true);
    EXPECT_FALSE(q.queue.deliverable());
    EXPECT_EQ(q.queue.standing_records(), 4u);
    EXPECT_EQ(q.queue.standing_bytes(), q.queue.held_bytes());
    EXPECT_EQ(q.take(), "");
    q.ok(0);
    q.back(1);
    EXPECT_TRUE(q.queue.deliverable());
    EXPECT_EQ(q.take(), "1 run 2");
    EXPECT_EQ(q.take(), "");
    q.queue.hold_flow(false);
    EXPECT_EQ(q.take(), "2-5 run 2");
  }
}

// One pick looks at a thousand records at most, however many find their lane busy.
TEST(LaneQueue, APickGivesUpAfterAThousandBusyRecords) {
  Queue q(Ordering::key, {100, 100'000});
  q.keyed(0, "a");
  EXPECT_EQ(q.take(1), "0");
  for (std::int64_t i = 1; i <= 1500; i += 100) q.keyed(i, std::string(100, 'a'));
  q.keyed(1501, "b");
  EXPECT_EQ(q.take(2), "");
  EXPECT_TRUE(q.queue.more_to_look_at());
  EXPECT_EQ(q.take(2), "1501");
  EXPECT_FALSE(q.queue.more_to_look_at());
  EXPECT_EQ(q.queue.undelivered(), 1500u);
  q.ok(0);
  EXPECT_EQ(q.take(2, 2000, 1'000'000), "1-1500") << "and none was forgotten";
}

TEST(LaneQueue, RecordsSettledByAnEarlierOwnerCountAsDelivered) {
  Queue q(Ordering::none);
  q.queue.count_done(7);
  q.append(10, 11);
  q.take();
  EXPECT_EQ(q.queue.delivered(), 9u);
}

// The order of lanes is that of their age, so that a run can be repeated: freed memory comes again in
// another.
TEST(LaneQueue, LanesWhoseTimeHasComeGoByAge) {
  Queue q(Ordering::none, {100, 1000});
  q.append(0, 99);
  q.take();
  for (std::int64_t i = 0; i < 50; ++i) q.fail(i, 1);
  q.queue.unpark(at(1));
  EXPECT_EQ(q.take(), "0-49 run 2 attempt 2");
  for (std::int64_t i = 0; i < 50; ++i) q.ok((i * 7) % 50);
  for (std::int64_t i = 50; i < 100; ++i) q.fail(i, 2);
  q.queue.unpark(at(2));
  EXPECT_EQ(q.take(), "50-99 run 2 attempt 2");
}

}  // namespace
}  // namespace triggerd::dispatch
