// What is committed, and when.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using Outcome = CommitResult::Outcome;
using test::Lines;
using test::ok;
using test::retry;
using test::Story;
using test::story_policy;

Story settled(std::uint64_t batches) {
  Story s;
  s.assigned({0});
  s.ready(1);
  s.records(0, 0, 49);
  for (std::uint64_t batch = 1; batch <= batches; ++batch) s.ok(1, batch);
  return s;
}

TEST(Commit, GoesOutAnIntervalAfterTheFirstSettledRecord) {
  Story s = settled(0);
  EXPECT_EQ(s.at(30).ok(1, 1), Lines{"wake at 130ms"});
  EXPECT_EQ(s.at(80).ok(1, 2), Lines{});
  EXPECT_EQ(s.at(130).tick(), (Lines{"commit t[0]=20", "wake at 11080ms"}));
  EXPECT_EQ(s.at(135).committed(0, 20), Lines{});
  EXPECT_EQ(s.stats().commits_ok, 1u);
  EXPECT_EQ(s.partition(0).committed, Offset{20});
  EXPECT_EQ(s.stats().in_flight, 30u);
}

TEST(Commit, NeverPassesAnUnsettledRecord) {
  Story s = settled(0);
  s.ok(1, 2);
  s.ok(1, 3);
  EXPECT_EQ(s.at(200).tick(), (Lines{"commit t[0]=0+26B", "wake at 11000ms"}));
  EXPECT_EQ(s.said(0), "0 settled 10-30") << "0 to 9 are not";
  s.committed(0, 0);
  EXPECT_EQ(s.stats().in_flight, 30u) << "what the commit says is covered";
  s.answer(1, 1, {ok(0, 3)});
  EXPECT_EQ(s.at(300).tick().front(), "commit t[0]=4+26B");
  EXPECT_EQ(s.said(0), "4 settled 10-30");
}

TEST(Commit, OneIsUnderWayAtATime) {
  Story s = settled(1);
  EXPECT_EQ(s.at(100).tick().front(), "commit t[0]=10");
  s.at(101).ok(1, 2);
  EXPECT_EQ(s.at(500).tick(), Lines{"wake at 11101ms"}) << "the first has no answer yet";
  EXPECT_EQ(s.at(600).committed(0, 10), Lines{"commit t[0]=20"}) << "what was due meanwhile";
}

TEST(Commit, TakesAllPartitionsTogether) {
  Story s;
  s.assigned({0, 1, 2});
  s.ready(1);
  s.records(0, 0, 1);
  s.records(1, 7, 9);
  s.ok(1, 1);
  s.ok(1, 2);
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=2 t[1]=10"});
}

TEST(Commit, AFailedOneIsTriedAgainWithBackOffAndNeverLower) {
  Story s = settled(1);
  s.at(100).tick();
  EXPECT_EQ(s.at(110).committed(0, 10, Outcome::retriable),
            (Lines{"notice commit_failed t[0]@10", "wake at 210ms"}));
  EXPECT_EQ(s.partition(0).committed, Offset{0});
  EXPECT_EQ(s.stats().in_flight, 50u);
  s.at(120).ok(1, 2);
  EXPECT_EQ(s.at(210).tick().front(), "commit t[0]=20") << "what is settled by now";
  EXPECT_EQ(s.at(220).committed(0, 20, Outcome::retriable).back(), "wake at 420ms");
  EXPECT_EQ(s.at(420).tick().front(), "commit t[0]=20");
  s.at(430).committed(0, 20);
  EXPECT_EQ(s.stats().commits_failed, 2u);
  EXPECT_EQ(s.stats().commits_ok, 1u);
  EXPECT_EQ(s.partition(0).committed, Offset{20});
}

TEST(Commit, ResultsOfAnotherAssignmentSayNothing) {
  Story s = settled(1);
  s.at(100).tick();
  s.at(101).revoked({0}, true);
  s.assigned({0}, 0);
  s.at(102).committed(0, 10);
  EXPECT_EQ(s.partition(0).committed, Offset{0});
}

TEST(Commit, ResultsOfUnknownPartitionsSayNothing) {
  Story s = settled(1);
  s.at(100).tick();
  EXPECT_EQ(s.committed(9, 10), Lines{"wake at 200ms"}) << "ours is still to be committed";
}

TEST(Commit, AHoleBehindTheCommitIsNothingNew) {
  Story s;
  s.assigned({0});
  s.ready(1, 1, {1, 1000});
  s.records(0, {0, 1});
  s.ok(1, 1);
  EXPECT_EQ(s.at(100).tick().front(), "commit t[0]=1");
  s.at(101).committed(0, 1);
  s.at(102).ok(1, 2);
  EXPECT_EQ(s.at(202).tick().front(), "commit t[0]=2");
  s.at(203).committed(0, 2);
  EXPECT_EQ(s.at(300).records(0, {50, 51}), (Lines{"send w1: t[0] 50", "wake at 11300ms"}));
  EXPECT_EQ(s.partition(0).committable, Offset{50});
  EXPECT_EQ(s.at(400).tick(), Lines{"wake at 11300ms"});
}

// The end of a transaction is no lag, and nobody reads it again.
TEST(Commit, WhatLiesBehindTheLastRecordIsCommittedToo) {
  Story s;
  s.assigned({0});
  s.ready(1);
  s.records(0, {0, 1});
  EXPECT_EQ(s.at(10).on(CaughtUp{{Topic("t"), Partition{0}}, Offset{5}}), Lines{"wake at 110ms"});
  EXPECT_EQ(s.at(110).tick(), Lines{"wake at 11000ms"}) << "two records are not settled";
  s.at(120).ok(1, 1);
  EXPECT_EQ(s.at(220).tick().front(), "commit t[0]=5");
  EXPECT_EQ(s.at(230).committed(0, 5), Lines{});
  EXPECT_EQ(s.at(300).on(CaughtUp{{Topic("t"), Partition{0}}, Offset{5}}), Lines{}) << "nothing new";
  EXPECT_EQ(s.at(310).on(CaughtUp{{Topic("t"), Partition{0}}, Offset{9}}), Lines{"wake at 410ms"});
  EXPECT_EQ(s.at(410).tick(), Lines{"commit t[0]=9"}) << "an aborted transaction";
  s.at(420).committed(0, 9, Outcome::retriable);
  EXPECT_EQ(s.at(520).tick(), Lines{"commit t[0]=9"});
  EXPECT_EQ(s.at(530).committed(0, 9), Lines{});
  EXPECT_EQ(s.at(600).records(0, {9}).front(), "send w1: t[0] 9");
}

TEST(Commit, TheBirthOfAGroupIsKept) {
  Story s;
  PartitionStart start{{Topic("t"), Partition{0}}, Offset{7}, std::nullopt};
  start.born = 1'800'000'000;
  s.on(Assigned{{start}});
  const auto metadata = [&](Offset at) { return checkpoint::encode({.base = at, .born = start.born}).text; };
  s.at(100).tick();
  EXPECT_EQ(s.last_commit(0).metadata, metadata(Offset{7}));
  s.at(110).committed(0, 7);
  s.on(Revoked{{start.source}, true});
  s.on(Assigned{{{start.source, Offset{7}, Offset{7}, metadata(Offset{7})}}});
  s.ready(1);
  s.records(0, {7});
  s.ok(1, 1);
  s.at(300).tick();
  EXPECT_EQ(s.last_commit(0).metadata, metadata(Offset{8}));
}

// Holes within one read, settled chunk by chunk: the commit goes all the way.
TEST(Commit, HolesBetweenBatchesDoNotHoldItUp) {
  Policy policy = story_policy();
  policy.batch.max_batch_size = 2;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.records(0, {0, 1, 5, 6, 20});
  s.ok(1, 2);
  s.ok(1, 1);
  EXPECT_EQ(s.partition(0).committable, Offset{20});
  s.ok(1, 3);
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=21"});
}

TEST(Commit, HolesBetweenReadsWithinABatchDoNotHoldItUp) {
  Story s;
  s.assigned({0});
  s.records(0, {3, 4});
  s.records(0, {9, 11});
  s.ready(1);
  s.answer(1, 1, {ok(2, 3)});
  EXPECT_EQ(s.partition(0).committable, Offset{3});
  s.ok(1, 1);
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=12"});
}

// Else whoever owns it next would begin where startFrom says then.
TEST(Commit, APartitionWithoutACommitIsCommittedWhereItBegan) {
  const Assigned fresh{{{{Topic("t"), Partition{0}}, Offset{7}, std::nullopt}}};
  Story s;
  EXPECT_EQ(s.on(fresh), (Lines{"read", "wake at 100ms"}));
  EXPECT_EQ(s.partition(0).committed, std::nullopt);
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=7"});
  EXPECT_EQ(s.at(110).committed(0, 7, Outcome::retriable),
            (Lines{"notice commit_failed t[0]@7", "wake at 210ms"}));
  EXPECT_EQ(s.at(210).tick(), Lines{"commit t[0]=7"});
  EXPECT_EQ(s.at(220).committed(0, 7), Lines{});
  EXPECT_EQ(s.partition(0).committed, Offset{7});
  EXPECT_EQ(s.at(1000).tick(), Lines{}) << "once";

  Story given_up;
  given_up.on(fresh);
  EXPECT_EQ(given_up.at(10).revoked({0}).front(), "commit t[0]=7") << "the next owner needs it";
  EXPECT_EQ(given_up.at(20).committed(0, 7).front(), "finish revoke t[0]");
}

}  // namespace
}  // namespace triggerd::pipeline
