// Records without an attempt left: dropped, in the way until somebody acts, or written to a dead-letter
// topic.
#include <algorithm>

#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using config::FailurePolicy;
using test::dead_letter;
using test::drop;
using test::Lines;
using test::ok;
using test::only;
using test::release;
using test::retry;
using test::sends;
using test::Story;
using test::story_policy;

using Kind = FailurePolicy::Kind;
using Offsets = std::vector<std::int64_t>;

Policy failing(Kind kind, std::int64_t retries = 0) {
  Policy policy = story_policy();
  policy.retry.max_retry_count = retries;
  policy.failure.kind = kind;
  return policy;
}

// Ten records at worker 1.
Story running(const Policy& policy) {
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.records(0, 0, 9);
  return s;
}

TEST(Drop, SettlesTheRecordAndGoesOn) {
  Story s = running(failing(Kind::drop));
  EXPECT_EQ(s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)}),
            (Lines{"notice record_dropped t[0]@3 attempt 1", "wake at 100ms"}));
  EXPECT_EQ(s.partition(0).committable, Offset{10});
  EXPECT_EQ(s.stats().settled_drop, 1u);
  EXPECT_EQ(s.stats().settled_ok, 9u);
  EXPECT_EQ(s.stats().held_records, 0u);
  EXPECT_EQ(s.stats().attempts_failed, 1u);
}

TEST(Drop, WaitsForItsTurn) {
  Story s = running(failing(Kind::drop));
  EXPECT_EQ(only(s.answer(1, 1, {retry(3, 4)}), "notice"), Lines{});
  EXPECT_EQ(only(s.answer(1, 1, {release(0, 2), ok(5, 9)}), "notice"), Lines{});
  EXPECT_EQ(only(s.ok(1, 2), "notice"),
            (Lines{"notice record_dropped t[0]@3 attempt 1", "notice record_dropped t[0]@4 attempt 1"}));
  EXPECT_EQ(s.partition(0).committable, Offset{10});
}

TEST(Block, StandsUntilSomebodySkipsTheRecord) {
  Story s = running(failing(Kind::block, 1));
  s.at(10).answer(1, 1, {retry(0, 1), release(2, 9)});
  s.at(60).tick();
  EXPECT_EQ(s.at(61).answer(1, 2, {retry(0, 1)}).front(), "notice lane_blocked t[0]@0 attempt 2");
  EXPECT_EQ(s.at(100'000).tick().back(), "notice lane_stuck t[0]@0 attempt 2 again in 99990ms");
  ASSERT_EQ(s.partition(0).stuck.size(), 1u);
  const StuckLane lane = s.partition(0).stuck[0];
  EXPECT_EQ(lane.offset, Offset{0});
  EXPECT_EQ(lane.attempts, 2u);
  EXPECT_TRUE(lane.blocked);
  EXPECT_TRUE(lane.alarmed);
  EXPECT_EQ(lane.reason, "no luck");
  EXPECT_EQ(s.skip(0, 0),
            (Lines{"notice record_skipped t[0]@0", "send w1: t[0] 1 run 3 attempt 3", "wake at 100100ms"}))
      << "the next gets another attempt";
  EXPECT_EQ(s.stats().settled_skip, 1u);
  EXPECT_EQ(s.stats().lanes_blocked, 0u);
  EXPECT_TRUE(s.partition(0).stuck.empty());
  EXPECT_EQ(s.ok(1, 3), Lines{"send w1: t[0] 2-9 run 3"});
  s.ok(1, 4);
  EXPECT_EQ(s.partition(0).committable, Offset{10});
}

// The one that failed first was settled; the one behind it is stuck all the same, and can be skipped.
TEST(Block, IsKnownToStandThoughTheTroubleBeganWithAnotherRecord) {
  Policy policy = failing(Kind::block, -1);
  Story s = running(policy);
  s.at(10).answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 4), dead_letter(5, 5), ok(6, 9)});
  EXPECT_EQ(s.stuck(0), Offsets{3});
  EXPECT_EQ(sends(s.at(60).tick()), Lines{"send w1: t[0] 3 run 2 attempt 2"});
  EXPECT_EQ(s.at(70).ok(1, 2).front(), "notice lane_blocked t[0]@5 attempt 1");
  EXPECT_EQ(s.stuck(0), Offsets{5});
  EXPECT_EQ(only(s.at(60'070).tick(), "notice"),
            Lines{"notice lane_stuck t[0]@5 attempt 1 again in 60000ms"});
  EXPECT_EQ(s.skip(0, 5).front(), "notice record_skipped t[0]@5");
  EXPECT_EQ(s.partition(0).committable, Offset{10});
}

TEST(Skip, OfARecordThatWaitsForItsNextAttempt) {
  Story s = running(failing(Kind::block, -1));
  s.at(10).answer(1, 1, {ok(0, 2), retry(3, 3), release(4, 9)});
  EXPECT_EQ(s.at(20).skip(0, 3), Lines{"notice record_skipped t[0]@3"});
  EXPECT_EQ(s.partition(0).committable, Offset{4});
  EXPECT_EQ(sends(s.at(60).tick()), Lines{"send w1: t[0] 4-9 run 2"}) << "the lane is parked as it was";
  EXPECT_EQ(s.stats().settled_skip, 1u);
}

TEST(Skip, IsRefusedWhereNothingIsHeldUp) {
  Story s = running(failing(Kind::block));
  const Lines refused{"notice skip_refused t[0]@3"};
  EXPECT_EQ(s.skip(0, 3), refused) << "it runs";
  s.answer(1, 1, {ok(0, 2), retry(3, 4)});
  EXPECT_EQ(s.skip(0, 3), refused) << "others of its lane run";
  s.answer(1, 1, {release(5, 9)});
  EXPECT_EQ(s.skip(0, 4), Lines{"notice skip_refused t[0]@4"}) << "it holds up nobody";
  EXPECT_EQ(s.skip(7, 3), Lines{"notice skip_refused t[7]@3"}) << "we have no such partition";
  EXPECT_EQ(s.stats().settled_skip, 0u);
  EXPECT_EQ(s.stats().skips_refused, 4u);
  s.revoked({0});
  EXPECT_EQ(s.skip(0, 3), refused) << "it is the next owner's now";

  Story drained = running(failing(Kind::block));
  drained.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
  drained.drain(1000);
  EXPECT_EQ(only(drained.skip(0, 3), "notice"), refused);
}

TEST(DeadLetters, SettleTheirRecordByTheDeliveryReport) {
  Story s = running(failing(Kind::dead_letter));
  EXPECT_EQ(s.answer(1, 1, {ok(0, 2), retry(3, 3), release(4, 9)}),
            (Lines{"dead letter 1 t[0]@3", "wake at 100ms"}));
  EXPECT_EQ(s.partition(0).committable, Offset{3});
  EXPECT_EQ(s.stats().dead_letters, 1u);
  EXPECT_EQ(s.dead_lettered(1), Lines{"send w1: t[0] 4-9 run 2"});
  EXPECT_EQ(s.dead_lettered(1), Lines{}) << "once";
  EXPECT_EQ(s.stats().settled_dead_letter, 1u);
  EXPECT_EQ(s.stats().dead_letters, 0u);
  EXPECT_EQ(s.partition(0).committable, Offset{4});
  EXPECT_TRUE(s.partition(0).stuck.empty());
}

TEST(DeadLetters, CarryTheRecordItsAttemptsAndWhy) {
  Pipeline pipeline(failing(Kind::dead_letter), 1);
  Actions actions;
  const auto on = [&](const Event& event) { pipeline.on(event, TimePoint{}, actions); };
  const TopicPartition source{Topic("t"), Partition{0}};
  wire::RecordView record;
  record.offset = Offset{7};
  record.key = "k";
  record.value = "v";
  on(Assigned{{{source, Offset{7}, Offset{7}}}});
  on(Records{source, {&record, 1}});
  on(WorkerReady{WorkerId{1}, 1, {10, 1000}});
  on(Answered{WorkerId{1}, {BatchId{1}, {retry(0, 0)}}});
  const auto found =
      std::ranges::find_if(actions, [](const Action& a) { return std::holds_alternative<DeadLetter>(a); });
  ASSERT_NE(found, actions.end());
  const auto& letter = std::get<DeadLetter>(*found);
  EXPECT_EQ(letter.batch->key(letter.index), "k");
  EXPECT_EQ(letter.batch->value(letter.index), "v");
  EXPECT_EQ(letter.attempts, 1u);
  EXPECT_EQ(letter.cause, DeadLetter::Cause::retries_used_up);
  EXPECT_EQ(letter.reason, "no luck");
}

TEST(DeadLetters, ThatAreNotWrittenAreTriedAgainLaterAndLater) {
  Story s = running(failing(Kind::dead_letter));
  s.answer(1, 1, {ok(0, 2), retry(3, 3), release(4, 9)});
  EXPECT_EQ(s.dead_lettered(1, false), Lines{"notice dead_letter_failed t[0]@3 attempt 1 again in 500ms"});
  EXPECT_EQ(s.stats().dead_letters_failed, 1u);
  EXPECT_EQ(s.partition(0).stuck.at(0).reason, "the dead letter was not written: said the broker");
  EXPECT_EQ(s.at(499).tick().size(), 2u) << "commit, wake";
  EXPECT_EQ(s.at(500).tick().front(), "dead letter 2 t[0]@3");
  int now = 500;
  std::uint64_t id = 2;
  for (const int wait : {1000, 2000, 4000, 8000, 16'000, 30'000, 30'000}) {
    EXPECT_EQ(only(s.at(now).dead_lettered(id, false), "notice").front(),
              "notice dead_letter_failed t[0]@3 attempt " + std::to_string(id) + " again in " +
                  std::to_string(wait) + "ms");
    now += wait;
    EXPECT_EQ(only(s.at(now).tick(), "dead").front(), "dead letter " + std::to_string(++id) + " t[0]@3");
  }
  EXPECT_EQ(sends(s.dead_lettered(id)), Lines{"send w1: t[0] 4-9 run 2"});
  s.answer(1, 2, {retry(0, 0), ok(1, 5)});
  EXPECT_EQ(s.dead_lettered(++id, false).front(), "notice dead_letter_failed t[0]@4 attempt 1 again in 500ms")
      << "a success ends the back-off";
}

TEST(DeadLetters, OfAWholeBatchGoTogetherAndThoseNotWrittenGoAgain) {
  Story s = running(failing(Kind::dead_letter));
  const Lines asked = s.answer(1, 1, {retry(0, 9)});
  ASSERT_EQ(only(asked, "dead").size(), 10u);
  EXPECT_EQ(asked[0], "dead letter 1 t[0]@0");
  EXPECT_EQ(asked[9], "dead letter 10 t[0]@9");
  EXPECT_EQ(s.stats().dead_letters, 10u);
  for (const std::uint64_t id : {5, 1, 2, 10, 9, 8, 7, 6})
    EXPECT_EQ(only(s.dead_lettered(id), "notice"), Lines{});
  s.dead_lettered(3, false);
  EXPECT_EQ(only(s.dead_lettered(4), "notice"),
            Lines{"notice dead_letter_failed t[0]@2 attempt 1 again in 500ms"});
  EXPECT_EQ(s.stats().settled_dead_letter, 9u);
  EXPECT_EQ(s.stuck(0), Offsets{2});
  EXPECT_EQ(s.partition(0).stuck.at(0).reason, "the dead letter was not written: said the broker");
  EXPECT_EQ(only(s.at(500).tick(), "dead"), Lines{"dead letter 11 t[0]@2"});
  s.dead_lettered(11);
  EXPECT_EQ(s.partition(0).committable, Offset{10});
  EXPECT_EQ(s.stats().held_records, 0u);
}

TEST(DeadLetters, OnTheirWayAreWaitedForByARevokeAndADrain) {
  for (const bool drain : {false, true}) {
    SCOPED_TRACE(drain);
    Story s = running(failing(Kind::dead_letter));
    s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
    EXPECT_EQ(only(drain ? s.drain(1000) : s.revoked({0}), drain ? "drained" : "finish"), Lines{});
    EXPECT_EQ(s.at(10).dead_lettered(1), Lines{"commit t[0]=10"});
    EXPECT_EQ(s.committed(0, 10).front(), drain ? "drained" : "finish revoke t[0]");
  }
}

TEST(DeadLetters, NotWrittenDuringARevokeAreLeftToTheNextOwner) {
  Story s = running(failing(Kind::dead_letter));
  s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
  s.revoked({0});
  EXPECT_EQ(only(s.at(10).dead_lettered(1, false), "commit"), Lines{"commit t[0]=3+28B"});
  EXPECT_EQ(s.said(0), "3 settled 4-10 attempts 3x1");
  EXPECT_EQ(s.committed(0, 3).front(), "finish revoke t[0]");
  EXPECT_EQ(s.stats().dead_letters, 0u);
}

TEST(DeadLetters, AreNotAskedForDuringARevoke) {
  Story s = running(failing(Kind::dead_letter));
  s.revoked({0});
  EXPECT_EQ(s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)}), Lines{"commit t[0]=3+28B"});
  EXPECT_EQ(s.said(0), "3 settled 4-10 attempts 3x1");
  EXPECT_EQ(s.committed(0, 3).front(), "finish revoke t[0]");
}

TEST(DeadLetters, WithoutAnAnswerHoldNoRevokeForEver) {
  Story s = running(failing(Kind::dead_letter));
  s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
  s.at(10).revoked({0});
  s.at(1010).tick();
  EXPECT_EQ(s.at(6009).tick(), Lines{"wake at 6010ms"});
  EXPECT_EQ(s.at(6010).tick().front(), "finish revoke t[0]");
  EXPECT_EQ(s.dead_lettered(1), Lines{}) << "of an assignment that is over";
  EXPECT_EQ(s.stats().settled_dead_letter, 0u);
}

TEST(DeadLetters, OfAnAssignmentBeforeSettleNothing) {
  Story s = running(failing(Kind::dead_letter));
  s.answer(1, 1, {retry(0, 0), ok(1, 9)});
  s.revoked({0}, true);
  s.assigned({0});
  s.records(0, 0, 9);
  EXPECT_EQ(s.dead_lettered(1), Lines{});
  EXPECT_EQ(s.partition(0).committable, Offset{0});
}

TEST(DeadLetters, AreNotSkippedWhileTheyAreWritten) {
  Story s = running(failing(Kind::dead_letter));
  s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
  EXPECT_EQ(s.skip(0, 3), Lines{"notice skip_refused t[0]@3"});
  s.dead_lettered(1, false);
  EXPECT_EQ(s.skip(0, 3), Lines{"notice record_skipped t[0]@3"}) << "it could not be written";
  EXPECT_EQ(s.partition(0).committable, Offset{10});
  EXPECT_EQ(only(s.at(500).tick(), "dead"), Lines{});
}

// A handler may say itself that no further attempt helps, whatever the retry policy.
TEST(HandlerSays, DeadLetterAndDropUnderEachPolicy) {
  struct Row {
    Kind kind;
    std::string dead_letter, drop;
  };
  const Row rows[] = {
      {Kind::block, "notice lane_blocked t[0]@3 attempt 1", "notice record_dropped t[0]@3"},
      {Kind::drop, "notice record_dropped t[0]@3 attempt 1", "notice record_dropped t[0]@3"},
      {Kind::dead_letter, "dead letter 1 t[0]@3", "notice record_dropped t[0]@3"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.dead_letter);
    Story rejected = running(failing(row.kind, -1));
    EXPECT_EQ(rejected.answer(1, 1, {ok(0, 2), dead_letter(3, 3), ok(4, 9)}).front(), row.dead_letter);
    EXPECT_EQ(rejected.stats().attempts_failed, 1u);
    Story dropped = running(failing(row.kind, -1));
    EXPECT_EQ(dropped.answer(1, 1, {ok(0, 2), drop(3, 3), ok(4, 9)}).front(), row.drop);
    EXPECT_EQ(dropped.partition(0).committable, Offset{10});
    EXPECT_EQ(dropped.stats().settled_drop, 1u);
    EXPECT_EQ(dropped.stats().settled_ok, 9u);
    EXPECT_EQ(dropped.stats().attempts_failed, 0u);
  }
}

// It was never whole here, so it cannot be written anywhere: only drop gives it up by itself.
TEST(RefusedRecord, UnderEachPolicy) {
  const auto bytes = std::make_unique_for_overwrite<char[]>(dispatch::kMaxRecordBytes + 1);
  for (const Kind kind : {Kind::block, Kind::drop, Kind::dead_letter}) {
    Story s(failing(kind));
    s.assigned({0});
    s.ready(1);
    wire::RecordView large;
    large.value = std::string_view(bytes.get(), dispatch::kMaxRecordBytes + 1);
    const Lines lines = only(s.on(Records{{Topic("t"), Partition{0}}, {&large, 1}}), "notice");
    EXPECT_EQ(lines,
              (Lines{"notice record_refused t[0]@0",
                     kind == Kind::drop ? "notice record_dropped t[0]@0" : "notice lane_blocked t[0]@0"}));
    EXPECT_EQ(s.partition(0).committable, Offset{kind == Kind::drop ? 1 : 0});
    if (kind == Kind::drop) continue;
    EXPECT_EQ(s.stuck(0), Offsets{0});
    EXPECT_EQ(s.skip(0, 0).front(), "notice record_skipped t[0]@0");
    EXPECT_EQ(s.partition(0).committable, Offset{1});
  }
}

TEST(Alarm, IsRaisedOnceAndClearedBySuccess) {
  Policy policy = failing(Kind::block, -1);
  policy.retry.delay_interval = std::chrono::milliseconds(400);
  policy.failure.alarm_after = std::chrono::milliseconds(1000);
  Story s = running(policy);
  s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
  for (const int ms : {400, 800}) {
    s.at(ms).tick();
    s.answer(1, ms / 400 + 1, {retry(0, 0)});
  }
  EXPECT_EQ(s.stats().lanes_alarmed, 0u);
  EXPECT_EQ(s.at(999).tick(), Lines{"wake at 1000ms"});
  EXPECT_EQ(s.at(1000).tick().front(), "notice lane_stuck t[0]@3 attempt 3 again in 1000ms");
  EXPECT_EQ(s.stats().lanes_alarmed, 1u);
  EXPECT_TRUE(s.partition(0).stuck.at(0).alarmed);
  EXPECT_FALSE(s.partition(0).stuck.at(0).blocked);
  EXPECT_EQ(only(s.at(1200).tick(), "notice"), Lines{});
  EXPECT_EQ(only(s.answer(1, 4, {retry(0, 0)}), "notice lane_stuck"), Lines{}) << "once";
  s.at(1600).tick();
  s.ok(1, 5);
  EXPECT_EQ(s.stats().lanes_alarmed, 0u);
  EXPECT_TRUE(s.partition(0).stuck.empty());
}

TEST(Alarm, IsNotRaisedForWhatEndsInTime) {
  Policy policy = failing(Kind::block, -1);
  policy.failure.alarm_after = std::chrono::milliseconds(60);
  Story s = running(policy);
  s.answer(1, 1, {ok(0, 2), retry(3, 3), ok(4, 9)});
  s.at(50).tick();
  s.at(55).ok(1, 2);
  EXPECT_EQ(only(s.at(60).tick(), "notice"), Lines{});
}

}  // namespace
}  // namespace triggerd::pipeline
