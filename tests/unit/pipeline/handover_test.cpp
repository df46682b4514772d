// Giving partitions up: revokes, lost assignments, the drain.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using Outcome = CommitResult::Outcome;
using test::Lines;
using test::ok;
using test::release;
using test::retry;
using test::Story;
using test::story_policy;

Story running() {
  Story s;
  s.assigned({0});
  s.ready(1);
  s.records(0, 0, 29);
  return s;
}

TEST(Revoke, CancelsWaitsCommitsAndFinishes) {
  Story s = running();
  EXPECT_EQ(s.at(50).revoked({0}), (Lines{"cancel w1 t[0] epoch 1", "wake at 1050ms"}));
  EXPECT_EQ(s.records(0, 30, 39), Lines{}) << "no more is taken in";
  EXPECT_EQ(s.at(60).ok(1, 1), Lines{"wake at 160ms"});
  EXPECT_EQ(s.at(61).answer(1, 2, {release(0, 9)}), Lines{});
  EXPECT_EQ(s.at(62).answer(1, 3, {release(0, 9)}), Lines{"commit t[0]=10"});
  EXPECT_EQ(s.at(63).tick(), Lines{"wake at 1050ms"});
  EXPECT_EQ(s.at(70).committed(0, 10), (Lines{"finish revoke t[0]", "stop reading"}));
  EXPECT_EQ(s.stats().in_flight, 0u);
  EXPECT_EQ(s.stats().held_records, 0u);
}

TEST(Revoke, OfAnIdlePartitionEndsAtOnce) {
  Story s;
  s.assigned({0, 1});
  s.records(0, 0, 5);
  EXPECT_EQ(s.revoked({0}), Lines{"finish revoke t[0]"});
  EXPECT_EQ(s.revoked({5}), Lines{"finish revoke t[5]"}) << "of one we do not have as well";
}

TEST(Revoke, WaitsForACommitUnderWay) {
  Story s = running();
  s.ok(1, 1);
  s.ok(1, 2);
  s.ok(1, 3);
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=30"});
  EXPECT_EQ(s.at(101).revoked({0}), Lines{"wake at 1101ms"});
  EXPECT_EQ(s.at(110).committed(0, 30), (Lines{"finish revoke t[0]", "stop reading"}));
}

TEST(Revoke, OthersGoOnMeanwhile) {
  Story s;
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 9);
  s.revoked({0});
  EXPECT_EQ(s.records(1, 0, 9), Lines{"send w1: t[1] 0-9"});
  EXPECT_EQ(s.ok(1, 1), Lines{"commit t[0]=10"});
  EXPECT_EQ(s.committed(0, 10), Lines{"finish revoke t[0]"});
}

TEST(Revoke, AtTheDeadlineWorkersAreKilledThenCommitThenFinish) {
  Story s = running();
  s.answer(1, 1, {ok(0, 4)});
  s.at(50).revoked({0});
  EXPECT_EQ(s.at(100).tick(), (Lines{"commit t[0]=5", "wake at 1050ms"}));
  s.committed(0, 5);
  s.at(110).answer(1, 1, {ok(5, 6)});
  EXPECT_EQ(s.at(210).tick(), (Lines{"commit t[0]=7", "wake at 1050ms"}));
  s.committed(0, 7, Outcome::retriable);
  EXPECT_EQ(s.at(1050).tick(),
            (Lines{"notice revoke_timed_out t[0]@7", "kill w1: still running at revokeTimeout",
                   "commit t[0]=7", "wake at 6050ms"}));
  EXPECT_EQ(s.at(1060).lost(1), Lines{});
  EXPECT_EQ(s.at(1070).committed(0, 7), (Lines{"finish revoke t[0]", "stop reading"}));
}

TEST(Revoke, DoesNotWaitForEverEvenForAKill) {
  Story s = running();
  s.answer(1, 1, {ok(0, 4)});
  s.at(50).revoked({0});
  s.at(1050).tick();
  EXPECT_EQ(s.at(6049).tick(), Lines{"wake at 6050ms"});
  EXPECT_EQ(s.at(6050).tick(), (Lines{"finish revoke t[0]", "stop reading"}));
  s.assigned({0}, 3);
  EXPECT_EQ(s.at(6060).ok(1, 1), Lines{}) << "stale now";
  EXPECT_EQ(s.stats().answers_stale, 5u);
}

TEST(Revoke, DoesNotWaitForEverForACommit) {
  Story s = running();
  s.ok(1, 1);
  s.ok(1, 2);
  s.ok(1, 3);
  EXPECT_EQ(s.at(10).revoked({0}), Lines{"commit t[0]=30"});
  EXPECT_EQ(s.at(100).tick(), Lines{"wake at 1010ms"});
  EXPECT_EQ(s.at(1010).tick(), Lines{"wake at 6010ms"});
  EXPECT_EQ(s.at(6010).tick(), (Lines{"finish revoke t[0]", "stop reading"}));
}

TEST(Revoke, ARejectedCommitCannotBeHelped) {
  Story s = running();
  s.ok(1, 1);
  s.ok(1, 2);
  s.ok(1, 3);
  s.at(10).revoked({0});
  EXPECT_EQ(s.at(20).committed(0, 30, Outcome::rejected),
            (Lines{"notice commit_failed t[0]@30", "finish revoke t[0]", "stop reading"}));
}

TEST(Revoke, AFailedCommitIsTriedAgain) {
  Story s = running();
  s.ok(1, 1);
  s.ok(1, 2);
  s.ok(1, 3);
  s.at(10).revoked({0});
  EXPECT_EQ(s.at(20).committed(0, 30, Outcome::retriable), Lines{"notice commit_failed t[0]@30"});
  EXPECT_EQ(s.at(100).tick(), Lines{"wake at 120ms"});
  EXPECT_EQ(s.at(120).tick(), (Lines{"commit t[0]=30", "wake at 1010ms"}));
  EXPECT_EQ(s.at(130).committed(0, 30).front(), "finish revoke t[0]");
}

TEST(Revoke, ParkedAndBlockedRecordsAreGivenUpUnsettled) {
  Story s = running();
  s.at(10).answer(1, 1, {ok(0, 1), retry(2, 2), release(3, 9)});
  s.answer(1, 2, {release(0, 9)});
  s.answer(1, 3, {release(0, 9)});
  EXPECT_EQ(s.stats().lanes_parked, 1u);
  EXPECT_EQ(s.at(20).revoked({0}).front(), "commit t[0]=2+26B");
  EXPECT_EQ(s.said(0), "2 attempts 2x1") << "the next owner goes on counting";
  EXPECT_EQ(s.at(30).committed(0, 2).front(), "finish revoke t[0]");
  EXPECT_EQ(s.stats().lanes_parked, 0u);
}

// Bytes of chunks settled behind a failed one were given back before; giving them back twice would stop
// reading for good.
TEST(Revoke, AfterOutOfOrderAnswersLeavesNoBytesBehind) {
  Story s;
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 29);
  s.ok(1, 2);
  s.ok(1, 3);
  s.answer(1, 1, {retry(0, 9)});
  EXPECT_EQ(s.revoked({0}).front(), "commit t[0]=0+46B");
  EXPECT_EQ(s.committed(0, 0).front(), "finish revoke t[0]");
  EXPECT_EQ(s.stats().held_bytes, 0u);
  EXPECT_EQ(s.stats().held_records, 0u);
  EXPECT_TRUE(s.stats().reading);
}

// A partial batch waits for company and its partition goes: no handler is called with nothing.
TEST(Revoke, NoEmptyBatchFollows) {
  Policy policy = story_policy();
  policy.batch.max_batch_wait = std::chrono::milliseconds(200);
  for (const bool lost : {false, true}) {
    Story s(policy);
    s.assigned({0, 1});
    s.ready(1);
    s.records(0, 0, 4);
    EXPECT_EQ(s.at(150).records(1, 0, 2), Lines{}) << "both wait";
    s.at(160).revoked({0}, lost);
    EXPECT_EQ(test::sends(s.at(200).tick()), Lines{}) << "the first one's time is up, and it is gone";
    EXPECT_EQ(test::sends(s.at(350).tick()), Lines{"send w1: t[1] 0-2"});
    EXPECT_EQ(test::sends(s.ok(1, 1)), Lines{});
    EXPECT_EQ(s.stats().batches_delivered, 1u);
  }
}

TEST(Lost, EndsAtOnceWithoutACommit) {
  Story s = running();
  s.ok(1, 1);
  EXPECT_EQ(s.revoked({0}, true), (Lines{"cancel w1 t[0] epoch 1", "finish revoke t[0]", "stop reading"}));
  EXPECT_EQ(s.at(100).tick(), Lines{"wake at 11000ms"}) << "the worker is still watched";
  s.ok(1, 2);
  s.ok(1, 3);
  EXPECT_EQ(s.stats().answers_stale, 20u);
}

TEST(Lost, DuringARevokeAnswersBoth) {
  Story s;
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 9);
  s.revoked({0});
  EXPECT_EQ(s.revoked({0, 1}, true), (Lines{"cancel w1 t[0] epoch 1", "finish revoke t[0]",
                                            "finish revoke t[0] t[1]", "stop reading"}));
}

TEST(Assigned, AgainHasANewEpochAndBeginsWhereItIsTold) {
  Story s = running();
  s.revoked({0}, true);
  s.assigned({0}, 15);
  EXPECT_EQ(s.partition(0).epoch, Epoch{2});
  EXPECT_EQ(s.partition(0).committed, Offset{15});
  s.records(0, 10, 19);
  EXPECT_EQ(s.partition(0).undelivered, 5u);
}

TEST(Drain, WithNothingToDoEndsAtOnce) {
  Story s;
  EXPECT_EQ(s.drain(5000), Lines{"drained"});
  EXPECT_EQ(s.tick(), Lines{});
}

TEST(Drain, StopsReadingCancelsWaitsCommitsAndSaysSoOnce) {
  Story s = running();
  EXPECT_EQ(s.at(10).drain(5000), (Lines{"cancel w1 t[0] epoch 1", "stop reading", "wake at 5000ms"}));
  EXPECT_EQ(s.at(15).records(0, 30, 39), Lines{});
  EXPECT_EQ(s.at(20).ok(1, 1), Lines{"wake at 120ms"});
  s.answer(1, 2, {release(0, 9)});
  EXPECT_EQ(s.at(30).answer(1, 3, {release(0, 9)}), Lines{"commit t[0]=10"});
  EXPECT_EQ(s.at(40).committed(0, 10), Lines{"drained"});
  EXPECT_EQ(s.at(50).tick(), Lines{});
  EXPECT_EQ(s.at(50).drain(9000), Lines{}) << "once";
}

TEST(Drain, AtTheDeadlineWorkersAreKilled) {
  Story s = running();
  s.ok(1, 1);
  s.at(10).drain(500);
  EXPECT_EQ(s.at(100).tick(), (Lines{"commit t[0]=10", "wake at 500ms"}));
  s.at(105).committed(0, 10);
  EXPECT_EQ(s.at(500).tick(), (Lines{"kill w1: still running at the end of the drain", "wake at 5500ms"}));
  EXPECT_EQ(s.at(510).lost(1), Lines{"drained"});
}

TEST(Drain, DoesNotWaitForEver) {
  Story s = running();
  s.at(10).drain(500);
  s.at(500).tick();
  EXPECT_EQ(s.at(5500).tick(), Lines{"drained"});
}

TEST(Drain, ASecondRequestMayOnlyBringTheDeadlineForward) {
  Story s = running();
  s.at(10).drain(5000);
  EXPECT_EQ(s.at(20).drain(9000), Lines{});
  EXPECT_EQ(s.at(30).drain(40), Lines{"wake at 40ms"});
  EXPECT_EQ(s.at(40).tick().front(), "kill w1: still running at the end of the drain");
}

TEST(Drain, RetriesAFailedCommit) {
  Story s = running();
  s.ok(1, 1);
  s.ok(1, 2);
  s.ok(1, 3);
  EXPECT_EQ(s.at(10).drain(5000).front(), "commit t[0]=30");
  EXPECT_EQ(s.at(20).committed(0, 30, Outcome::retriable), Lines{"notice commit_failed t[0]@30"});
  EXPECT_EQ(s.at(100).tick(), Lines{"wake at 120ms"});
  EXPECT_EQ(s.at(120).tick().front(), "commit t[0]=30");
  EXPECT_EQ(s.at(130).committed(0, 30), Lines{"drained"});
}

TEST(Drain, AndARevokeAtOnceAnswersBoth) {
  Story s = running();
  s.at(10).drain(5000);
  EXPECT_EQ(s.at(20).revoked({0}), (Lines{"cancel w1 t[0] epoch 1", "wake at 1020ms"}));
  s.at(30).ok(1, 1);
  s.ok(1, 2);
  EXPECT_EQ(s.ok(1, 3), Lines{"commit t[0]=30"});
  EXPECT_EQ(s.at(40).committed(0, 30), (Lines{"finish revoke t[0]", "drained"}));
}

TEST(Drain, NothingAssignedMeanwhileIsDelivered) {
  Story s = running();
  s.at(10).drain(5000);
  EXPECT_EQ(s.assigned({1}), Lines{});
  EXPECT_EQ(s.records(1, 0, 9), Lines{});
  EXPECT_EQ(s.stats().records_unassigned, 10u);
}

}  // namespace
}  // namespace triggerd::pipeline
