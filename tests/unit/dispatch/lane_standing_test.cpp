// Lanes that make no progress: parked, standing, suspected, and what they cost the others.
#include "unit/dispatch/queue.hpp"

namespace triggerd::dispatch {
namespace {

using test::at;
using test::Lines;
using test::Ordering;
using test::Queue;

constexpr Ordering kAll[] = {Ordering::partition, Ordering::key, Ordering::none};
using Offsets = std::vector<std::int64_t>;

Trouble trouble(std::int64_t offset, int ms) { return {Offset{offset}, at(ms), 1, "no luck"}; }

// Records of "abab…" at worker 1.
Queue abab() {
  Queue q(Ordering::key);
  q.keyed(0, "ababab", 9);
  q.take(1, 4);
  return q;
}

TEST(ParkedLane, HoldsOnlyItself) {
  Queue q = abab();
  q.fail(0, 50);
  q.back(2);
  EXPECT_EQ(q.queue.lanes_parked(), 1u);
  EXPECT_EQ(q.take(1), "5") << "4 is behind 0";
  EXPECT_EQ(q.queue.standing_records(), 3u);
  EXPECT_EQ(q.queue.standing_bytes(), 30u);
  EXPECT_FALSE(q.queue.deliverable());
  EXPECT_EQ(q.queue.next_unpark(), at(50));
  q.queue.unpark(at(49));
  EXPECT_EQ(q.take(1), "");
  q.queue.unpark(at(50));
  EXPECT_EQ(q.queue.lanes_parked(), 0u);
  EXPECT_EQ(q.queue.standing_records(), 0u);
  EXPECT_EQ(q.take(2), "0 run 2 attempt 2");
  q.ok(0);
  EXPECT_EQ(q.take(2), "2 4 run 2");
}

TEST(ParkedLane, TheLongestWaitCounts) {
  for (const Ordering ordering : {Ordering::partition, Ordering::key}) {
    Queue q(ordering);
    q.keyed(0, "aaa");
    q.take();
    q.fail(1, 80);
    q.fail(0, 30);
    q.fail(2, 50);
    EXPECT_EQ(q.queue.next_unpark(), at(80));
    q.queue.unpark(at(79));
    EXPECT_EQ(q.take(), "");
    q.queue.unpark(at(80));
    EXPECT_EQ(q.take(), "0-2 run 2 attempt 2");
  }
}

// Its records are copied out, so that it pins nobody else's memory; a partition that stands needs all it has.
TEST(ParkedLane, KeepsItsOwnRecordsOnly) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "abcdefghij", 99);
    q.take();
    q.fail(4, 50);
    EXPECT_EQ(q.queue.held_bytes(), ordering == Ordering::partition ? 1000u : 1100u);
    q.ok(0, 3);
    q.ok(5, 9);
    EXPECT_EQ(q.queue.held_records(), 1u);
    EXPECT_EQ(q.queue.held_bytes(), ordering == Ordering::partition ? 1000u : 100u);
    q.queue.unpark(at(50));
    EXPECT_EQ(q.take(), "4 run 2 attempt 2");
    EXPECT_EQ(q.pick_of(4).batch->key(q.pick_of(4).first), "e");
    q.ok(4);
    EXPECT_EQ(q.queue.held_bytes(), 0u);
    EXPECT_EQ(q.queue.held_records(), 0u);
  }
}

TEST(ParkedLane, WhatComesForItLaterIsCopiedTogether) {
  Queue q(Ordering::key, {4, 1000});
  q.keyed(0, "axyz", 9);
  q.take();
  q.fail(0, 50);
  q.ok(1, 3);
  EXPECT_EQ(q.queue.held_bytes(), 10u);
  q.keyed(4, "axyaxyaaab", 9);
  EXPECT_EQ(q.take(2), "5-6 8-9 13");
  EXPECT_EQ(q.queue.held_records(), 11u);
  q.ok(5, 13);
  EXPECT_EQ(q.queue.held_records(), 6u);
  EXPECT_EQ(q.queue.held_bytes(), 60u) << "those of a, and nothing else";
  q.queue.unpark(at(50));
  EXPECT_EQ(q.take(), "0 run 2 attempt 2");
  q.ok(0);
  EXPECT_EQ(q.take(), "4 7 10-12 run 2");
  q.ok(4, 12);
  EXPECT_EQ(q.queue.held_bytes(), 0u);
}

TEST(StandingLane, AnExhaustedFirstRecordStands) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "aaa");
    q.take();
    q.back(1);
    q.back(2);
    EXPECT_EQ(q.standing(), Offsets{});
    Lane& lane = q.exhaust(0);
    EXPECT_EQ(q.standing(), Offsets{0});
    EXPECT_EQ(q.standing(), Offsets{}) << "said once";
    EXPECT_EQ(q.queue.lanes_standing(), 1u);
    EXPECT_EQ(LaneQueue::exhausted(lane).size(), 1u);
    EXPECT_EQ(q.queue.standing_records(), ordering == Ordering::none ? 1u : 3u);
    EXPECT_EQ(q.take(), ordering == Ordering::none ? "1-2 run 2" : "");
    q.queue.settle_waiting(lane, Offset{0});
    q.queue.resume(lane, {});
    EXPECT_EQ(q.queue.lanes_standing(), 0u);
    EXPECT_EQ(q.queue.standing_records(), 0u);
    if (ordering != Ordering::none) {
      EXPECT_EQ(q.take(), "1-2 run 2");
    }
    q.ok(1, 2);
    EXPECT_EQ(q.queue.held_records(), 0u);
    EXPECT_EQ(q.queue.delivered(), 3u);
  }
}

TEST(StandingLane, AnExhaustedRecordStandsWhenItsTurnComes) {
  for (const Ordering ordering : {Ordering::partition, Ordering::key}) {
    Queue q(ordering);
    q.keyed(0, "aaaa");
    q.take();
    q.exhaust(2);
    q.ok(0);
    EXPECT_EQ(q.standing(), Offsets{}) << "1 and 3 are out";
    q.back(1);
    q.exhaust(3);
    EXPECT_EQ(q.standing(), Offsets{});
    EXPECT_EQ(q.take(), "1 run 2");
    EXPECT_EQ(q.standing(), Offsets{});
    q.ok(1);
    Lane* lane = q.queue.take_standing().at(0);
    EXPECT_EQ(LaneQueue::exhausted(*lane).size(), 2u);
    q.queue.settle_waiting(*lane, Offset{3});
    EXPECT_EQ(LaneQueue::exhausted(*lane).size(), 1u);
  }
}

TEST(StandingLane, ResumedForAnotherAttemptKeepsItsCount) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "a");
    q.take();
    Lane& lane = q.exhaust(0);
    q.queue.resume(lane, {.again = true});
    EXPECT_EQ(q.take(), "0 run 2 attempt 2");
  }
}

TEST(StandingLane, ResumedForLaterStandsAgainThen) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "a");
    q.take();
    Lane& lane = q.exhaust(0);
    EXPECT_EQ(q.standing(), Offsets{0});
    q.queue.resume(lane, {.not_before = at(40)});
    EXPECT_EQ(q.queue.lanes_standing(), 0u);
    EXPECT_EQ(q.queue.lanes_parked(), 1u);
    EXPECT_EQ(q.queue.standing_records(), 1u);
    q.queue.unpark(at(40));
    EXPECT_EQ(q.take(), "");
    EXPECT_EQ(q.standing(), Offsets{0});
    EXPECT_EQ(q.queue.lanes_parked(), 0u);
  }
}

TEST(StandingLane, WhatItsOwnerKeepsOfDeadLettersIsLeftAlone) {
  Queue q = abab();
  q.back(2);
  Lane& lane = q.exhaust(0);
  lane.dead_letters = 2;
  lane.dead_letter_tries = 3;
  q.queue.resume(lane, {.not_before = at(40)});
  q.queue.unpark(at(40));
  q.standing();
  q.queue.settle_waiting(lane, Offset{0});
  q.queue.resume(lane, {});
  EXPECT_EQ(lane.dead_letters, 2u);
  EXPECT_EQ(lane.dead_letter_tries, 3u);
}

// A lane of the flow's exhausted record waits in order like any other.
TEST(RefusedRecord, IsKeptAsAStubWithoutItsValue) {
  // The memory is reserved, never touched.
  const auto bytes = std::make_unique_for_overwrite<char[]>(kMaxRecordBytes + 1);
  const std::vector<wire::HeaderView> headers(2'200'000);  // of no bytes, but of columns
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "ab");
    wire::RecordView large, many;
    large.offset = Offset{2};
    large.key = "a";
    large.value = std::string_view(bytes.get(), kMaxRecordBytes + 1);
    many.offset = Offset{3};
    many.value = std::string_view(bytes.get(), kMaxRecordBytes);
    many.headers = headers;
    EXPECT_FALSE(q.queue.append(large, 0, at(0)));
    EXPECT_FALSE(q.queue.append(many, 2, at(0)));
    q.keyed(4, "ac");
    EXPECT_EQ(q.queue.held_records(), 6u);
    EXPECT_LT(q.queue.held_bytes(), 20u);
    EXPECT_EQ(q.take(1, 2), "0-1");
    EXPECT_EQ(q.take(2), ordering == Ordering::partition ? "" : ordering == Ordering::key ? "5" : "4-5");
    q.ok(0, 1);
    if (ordering == Ordering::partition) q.take(2);  // looks at what comes next
    const auto lanes = q.queue.take_standing();
    ASSERT_EQ(lanes.size(), ordering == Ordering::partition ? 1u : 2u);
    for (Lane* lane : lanes) {
      const Held held = LaneQueue::exhausted(*lane).at(0);
      EXPECT_EQ(held.chunk->batch->value(held.index), std::nullopt);
      q.queue.settle_waiting(*lane, held.offset());
      q.queue.resume(*lane, {});
    }
  }
}

// Somebody gives up the record before it: those behind it get another attempt, but a stub has nothing to
// give.
TEST(RefusedRecord, IsNeverDelivered) {
  const auto bytes = std::make_unique_for_overwrite<char[]>(kMaxRecordBytes + 1);
  for (const Ordering ordering : {Ordering::partition, Ordering::key}) {
    Queue q(ordering);
    q.keyed(0, "a");
    wire::RecordView large;
    large.offset = Offset{1};
    large.key = "a";
    large.value = std::string_view(bytes.get(), kMaxRecordBytes + 1);
    EXPECT_FALSE(q.queue.append(large, 0, at(0)));
    EXPECT_EQ(q.take(), "0");
    EXPECT_EQ(q.take(), "");
    Lane& lane = q.exhaust(0);
    q.queue.settle_waiting(lane, Offset{0});
    q.standing();
    q.queue.resume(lane, {.again = true});
    EXPECT_EQ(q.take(), "");
    EXPECT_EQ(q.standing(), Offsets{1});
  }
}

TEST(Suspect, GoesAlone) {
  for (const Ordering ordering : kAll) {
    Queue q(ordering);
    q.keyed(0, "abc");
    q.take(1, 3);
    for (const std::int64_t offset : {0, 1, 2}) q.suspect(offset);
    q.keyed(3, "d");
    EXPECT_TRUE(q.queue.has_suspect());
    EXPECT_EQ(q.take(2), ordering == Ordering::partition ? "" : "3") << "others go on";
    for (const char* line : {"0 run 2", "1 run 2", "2 run 2"}) {
      EXPECT_EQ(q.take(2), "");
      EXPECT_EQ(q.take_suspect(2), line);
      q.ok(line[0] - '0');
    }
    EXPECT_FALSE(q.queue.has_suspect());
    EXPECT_EQ(q.take_suspect(2), "");
    EXPECT_EQ(q.take(2), ordering == Ordering::partition ? "3 run 2" : "");
  }
}

TEST(Suspect, IsSuspectNoLongerWhenItFailsAndStillWhenItIsReleased) {
  Queue q(Ordering::key);
  q.keyed(0, "a");
  q.take();
  q.suspect(0);
  q.take_suspect();
  q.suspect(0);
  EXPECT_EQ(q.take_suspect(), "0 run 3");
  q.fail(0, 10);
  q.queue.unpark(at(10));
  EXPECT_FALSE(q.queue.has_suspect());
  EXPECT_EQ(q.take(), "0 run 4 attempt 2");
}

TEST(Suspect, BehindAFailedRecordWaitsForItsTurn) {
  for (const bool given_up : {false, true}) {
    Queue q(Ordering::key);
    q.keyed(0, "aab");
    q.take();
    q.queue.note_trouble(q.fail(0, 10), trouble(0, 0));
    q.suspect(1);
    EXPECT_FALSE(q.queue.has_suspect());
    q.queue.unpark(at(10));
    EXPECT_FALSE(q.queue.has_suspect());
    if (given_up) {
      Lane* lane = q.queue.stuck_at(Offset{0});
      q.queue.settle_waiting(*lane, Offset{0});
      q.queue.resume(*lane, {.again = true});
    } else {
      EXPECT_EQ(q.take(), "0 run 2 attempt 2");
      q.ok(0);
    }
    EXPECT_TRUE(q.queue.has_suspect()) << given_up;
    EXPECT_EQ(q.take_suspect(), "1 run 2");
  }
}

TEST(StuckAt, IsTheFirstRecordOfALaneInTroubleThatNobodyHas) {
  for (const Ordering ordering : {Ordering::partition, Ordering::key}) {
    Queue q(ordering);
    q.keyed(0, "aaaa");
    q.take();
    q.queue.note_trouble(q.fail(1, 50), trouble(1, 0));
    EXPECT_EQ(q.queue.stuck_at(Offset{1}), nullptr) << "others are out";
    q.ok(0);
    q.back(2);
    q.back(3);
    Lane* lane = q.queue.stuck_at(Offset{1});
    ASSERT_NE(lane, nullptr);
    EXPECT_EQ(q.queue.stuck_at(Offset{2}), nullptr) << "it holds up nobody";
    EXPECT_EQ(q.queue.stuck_at(Offset{7}), nullptr);
    q.queue.settle_waiting(*lane, Offset{1});
    EXPECT_EQ(q.queue.held_records(), 2u);
    EXPECT_TRUE(q.queue.attempts().empty());
    q.queue.resume(*lane, {.again = true});
    EXPECT_EQ(q.take(), "") << "parked as it was";
    q.queue.unpark(at(50));
    EXPECT_EQ(q.take(), "2-3 run 2");
    EXPECT_EQ(q.queue.stuck_at(Offset{1}), nullptr);
  }
}

TEST(Trouble, IsToldOfOnceAndEndsWithItsRecord) {
  Queue q = abab();
  q.queue.note_trouble(q.fail(1, 100), trouble(1, 20));
  q.queue.note_trouble(q.fail(0, 100), trouble(0, 30));
  EXPECT_EQ(q.queue.next_trouble(), at(20));
  EXPECT_TRUE(q.queue.alarms(at(19)).empty());
  const auto first = q.queue.alarms(at(20));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0]->trouble->offset, Offset{1});
  EXPECT_EQ(q.queue.lanes_told(), 1u);
  EXPECT_TRUE(q.queue.alarms(at(20)).empty());
  EXPECT_EQ(q.queue.next_trouble(), at(30));
  EXPECT_EQ(q.queue.alarms(at(90)).size(), 1u);
  EXPECT_EQ(q.queue.troubled(8).size(), 2u);
  EXPECT_EQ(q.queue.troubled(1).at(0)->trouble->offset, Offset{1}) << "longest first";
  q.back(2);
  q.back(3);
  q.queue.unpark(at(100));
  EXPECT_EQ(q.take(), "0-1 run 2 attempt 2");
  q.ok(1);
  EXPECT_EQ(q.queue.lanes_told(), 1u);
  q.ok(0);
  EXPECT_TRUE(q.queue.troubled(8).empty());
  EXPECT_EQ(q.queue.next_trouble(), std::nullopt);
}

TEST(Trouble, BeginsWithTheFirstFailureAndNamesTheFirstRecord) {
  for (const Ordering ordering : {Ordering::partition, Ordering::key}) {
    Queue q(ordering);
    q.keyed(0, "aaa");
    q.take();
    q.queue.note_trouble(q.fail(2, 10), trouble(2, 5));
    q.queue.note_trouble(q.fail(1, 10), trouble(1, 7));
    const Trouble& seen = *q.queue.troubled(8).at(0)->trouble;
    EXPECT_EQ(seen.offset, Offset{1});
    EXPECT_EQ(seen.since, at(5));
    q.ok(0);
    q.queue.unpark(at(10));
    EXPECT_EQ(q.take(), "1-2 run 2 attempt 2");
    q.ok(1, 2);
    EXPECT_TRUE(q.queue.troubled(8).empty());
  }
}

}  // namespace
}  // namespace triggerd::dispatch
