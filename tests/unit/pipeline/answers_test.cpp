// What workers say of records, and what becomes of workers that say nothing.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using std::chrono::milliseconds;
using test::Lines;
using test::ok;
using test::release;
using test::retry;
using test::Story;
using test::story_policy;

Story running(Policy policy = story_policy()) {
  Story s(std::move(policy));
  s.assigned({0});
  s.ready(1);
  return s;
}

Policy limited(std::int64_t retries) {
  Policy policy = story_policy();
  policy.retry.max_retry_count = retries;
  return policy;
}

TEST(Answers, AnAckOfEverythingSettlesTheBatch) {
  Story s = running();
  s.records(0, 0, 9);
  EXPECT_EQ(s.at(40).ok(1, 1), Lines{"wake at 140ms"});
  EXPECT_EQ(s.stats().settled_ok, 10u);
  EXPECT_EQ(s.stats().held_records, 0u);
  EXPECT_EQ(s.stats().held_bytes, 0u);
  EXPECT_EQ(s.partition(0).committable, Offset{10});
}

TEST(Answers, PartsInAnyOrder) {
  Story s = running();
  s.records(0, 0, 9);
  s.answer(1, 1, {ok(5, 6)});
  EXPECT_EQ(s.partition(0).committable, Offset{0});
  s.answer(1, 1, {ok(0, 1), ok(3, 4)});
  EXPECT_EQ(s.partition(0).committable, Offset{2});
  s.answer(1, 1, {ok(2, 2)});
  EXPECT_EQ(s.partition(0).committable, Offset{7});
  s.ok(1, 1);
  EXPECT_EQ(s.partition(0).committable, Offset{10});
  EXPECT_EQ(s.stats().settled_ok, 10u);
  EXPECT_EQ(s.stats().answers_duplicate, 0u) << "an ack of the rest repeats nothing";
}

TEST(Answers, SecondAnswersAreCountedAndIgnored) {
  struct Row {
    const char* what;
    std::vector<wire::Answer> first, second;
    std::uint64_t settled, duplicate, unknown;
  };
  const Row rows[] = {
      {"a range again", {ok(0, 4)}, {ok(0, 4)}, 5, 5, 0},
      {"overlapping", {ok(0, 4)}, {ok(3, 6)}, 7, 2, 0},
      {"around", {ok(3, 4)}, {ok(0, 9)}, 10, 2, 0},
      {"first answer wins", {ok(0, 4)}, {retry(2, 3)}, 5, 2, 0},
      {"twice in one ack", {ok(0, 9), ok(0, 9)}, {}, 10, 10, 1},
      {"a part after all in one ack", {ok(0, 9), retry(4, 4)}, {}, 10, 1, 1},
      {"a finished batch", {ok(0, 9)}, {ok(0, 9)}, 10, 0, 1},
      {"outside", {ok(12, 15)}, {ok(0, 20)}, 10, 0, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Story s = running();
    s.records(0, 0, 9);
    s.answer(1, 1, row.first);
    s.answer(1, 1, row.second);
    EXPECT_EQ(s.stats().settled_ok, row.settled);
    EXPECT_EQ(s.stats().answers_duplicate, row.duplicate);
    EXPECT_EQ(s.stats().answers_unknown, row.unknown);
    EXPECT_EQ(s.stats().attempts_failed, 0u);
  }
}

TEST(Answers, OfAnotherWorkerOrAnUnknownBatchAreIgnored) {
  Story s = running();
  s.ready(2);
  s.records(0, 0, 9);
  EXPECT_EQ(s.ok(2, 1), Lines{});
  EXPECT_EQ(s.ok(1, 77), Lines{});
  EXPECT_EQ(s.stats().answers_unknown, 2u);
  EXPECT_EQ(s.stats().settled_ok, 0u);
}

TEST(Answers, AFailedRecordParksItsPartitionAndComesAgain) {
  Story s = running();
  s.records(0, 0, 19);
  EXPECT_EQ(s.at(10).answer(1, 1, {ok(0, 2), retry(3, 3), release(4, 9)}),
            (Lines{"notice record_failed t[0]@3 attempt 1 again in 50ms", "wake at 60ms"}));
  EXPECT_EQ(s.stats().lanes_parked, 1u);
  EXPECT_EQ(s.at(12).answer(1, 2, {release(0, 9)}), Lines{});
  EXPECT_EQ(s.at(59).tick(), Lines{"wake at 60ms"});
  EXPECT_EQ(s.at(60).tick(), (Lines{"send w1: t[0] 3 run 2 attempt 2",
                                    "send w1: t[0] 4-9 run 2 + t[0] 10-13 run 2", "wake at 110ms"}));
  EXPECT_EQ(s.stats().lanes_parked, 0u);
  EXPECT_EQ(s.stats().attempts_failed, 1u);
  EXPECT_EQ(s.stats().released, 16u);
}

TEST(Answers, RecordsThatFailedTogetherComeAgainTogetherAndAreToldOfOnce) {
  Policy policy = story_policy();
  policy.retry.strategy = config::RetryPolicy::Strategy::exponential_backoff;
  Story s = running(policy);
  s.records(0, 0, 9);
  const Lines lines = s.at(10).answer(1, 1, {retry(0, 4), retry(5, 9)});
  ASSERT_EQ(test::only(lines, "notice").size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("notice record_failed t[0]@0 attempt 1 again in ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("notice record_failed t[0]@5 attempt 1 again in ")) << lines[1];
  EXPECT_EQ(s.stats().attempts_failed, 10u);
  EXPECT_EQ(test::sends(s.at(300).tick()), Lines{"send w1: t[0] 0-9 run 2 attempt 2"});
}

TEST(Answers, ARedeliveryWaitsUntilNothingIsOut) {
  Story s = running();
  s.records(0, 0, 19);
  s.at(10).answer(1, 1, {retry(0, 9)});
  EXPECT_EQ(s.at(60).tick(), Lines{"wake at 11010ms"}) << "10 to 19 are still out";
  EXPECT_EQ(s.at(70).answer(1, 2, {release(0, 9)}),
            (Lines{"send w1: t[0] 0-9 run 2 attempt 2", "send w1: t[0] 10-19 run 2"}));
}

TEST(Answers, TheWorkerMayAskForMoreTime) {
  Story s = running();
  s.records(0, 0, 0);
  EXPECT_EQ(s.at(10).answer(1, 1, {retry(0, 0, 700)}).front(),
            "notice record_failed t[0]@0 attempt 1 again in 700ms");
  EXPECT_EQ(s.at(60).tick(), Lines{"wake at 710ms"});
  EXPECT_EQ(s.at(710).tick().front(), "send w1: t[0] 0 run 2 attempt 2");
}

TEST(Answers, AnImpatientWorkerDoesNotShortenTheWait) {
  Story s = running();
  s.records(0, 0, 0);
  EXPECT_EQ(s.at(10).answer(1, 1, {retry(0, 0, 1)}).front(),
            "notice record_failed t[0]@0 attempt 1 again in 50ms");
}

TEST(Answers, TheLongestWaitOfAPartitionCounts) {
  Story s = running();
  s.records(0, 0, 1);
  s.answer(1, 1, {retry(0, 0, 300)});
  s.answer(1, 1, {retry(1, 1, 100)});
  EXPECT_EQ(s.at(100).tick(), Lines{"wake at 300ms"});
  EXPECT_EQ(s.at(300).tick().front(), "send w1: t[0] 0-1 run 2 attempt 2");
}

TEST(Answers, ReleasedRecordsComeAgainAtOnceAndCostNoAttempt) {
  Story s = running();
  s.records(0, 0, 9);
  EXPECT_EQ(s.answer(1, 1, {release(0, 9)}), (Lines{"send w1: t[0] 0-9 run 2"}));
  EXPECT_EQ(s.stats().attempts_failed, 0u);
}

TEST(Answers, UsedUpRetriesBlockTheLaneAndOthersGoOn) {
  Story s(limited(1));
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 9);
  s.at(10).answer(1, 1, {ok(0, 2), retry(3, 3), release(4, 9)});
  EXPECT_EQ(s.at(60).tick().front(), "send w1: t[0] 3 run 2 attempt 2");
  EXPECT_EQ(s.at(61).answer(1, 2, {retry(0, 0)}).front(), "notice lane_blocked t[0]@3 attempt 2");
  EXPECT_EQ(s.stats().lanes_blocked, 1u);
  EXPECT_EQ(s.stuck(0), std::vector<std::int64_t>{3});
  EXPECT_EQ(s.stats().undelivered_standing, 7u) << "what is behind waits with it";
  EXPECT_EQ(s.stats().in_flight, 3u) << "and takes nobody's room";
  EXPECT_EQ(s.records(0, 10, 19), Lines{});
  EXPECT_EQ(s.at(110).tick(), (Lines{"commit t[0]=3+26B", "wake at 60010ms"}));
  EXPECT_EQ(s.said(0), "3 attempts 3x2");
  s.committed(0, 3);
  EXPECT_EQ(s.at(200).records(1, 0, 4), (Lines{"send w1: t[1] 0-4", "wake at 11200ms"}));
  EXPECT_EQ(s.at(201).ok(1, 3), Lines{"wake at 301ms"});
  EXPECT_EQ(s.at(301).tick(), (Lines{"commit t[1]=5", "wake at 60010ms"}));
}

TEST(Answers, RecordsBeforeABlockedOneAreStillDelivered) {
  Story s(limited(0));
  s.assigned({0});
  s.ready(1, 4);
  s.records(0, 0, 9);
  EXPECT_EQ(s.answer(1, 1, {retry(5, 5)}), Lines{}) << "others are out yet";
  s.answer(1, 1, {ok(0, 1), ok(6, 9)});
  EXPECT_EQ(s.lost(1, WorkerLost::Cause::stopped), Lines{});
  EXPECT_EQ(s.ready(2), (Lines{"send w2: t[0] 2-4 run 2"}));
  EXPECT_EQ(s.at(50).ok(2, 2), Lines{"notice lane_blocked t[0]@5 attempt 1"});
  EXPECT_EQ(s.partition(0).committable, Offset{5});
  EXPECT_EQ(s.stats().held_records, 1u);
  s.at(100).tick();
  EXPECT_EQ(s.said(0), "5 settled 6-10 attempts 5x1");
}

TEST(Answers, TheFirstOfTwoBlockedRecordsIsWhereTheLaneStands) {
  Story s(limited(0));
  s.assigned({0});
  s.ready(1, 4);
  s.records(0, 0, 9);
  s.answer(1, 1, {retry(5, 5)});
  s.answer(1, 1, {retry(2, 2)});
  s.answer(1, 1, {retry(8, 8)});
  EXPECT_EQ(s.stuck(0), std::vector<std::int64_t>{2});
  EXPECT_EQ(s.stats().lanes_blocked, 0u) << "others are out yet";
  EXPECT_EQ(s.ok(1, 1), (Lines{"notice lane_blocked t[0]@2 attempt 1", "wake at 100ms"}));
  EXPECT_EQ(s.partition(0).committable, Offset{2});
  EXPECT_EQ(s.stats().lanes_blocked, 1u);
  EXPECT_EQ(s.stats().held_records, 3u);
}

TEST(Answers, ALostWorkersRecordsComeAgainInOrderElsewhere) {
  Story s;
  s.assigned({0, 1});
  s.ready(1);
  s.records(0, 0, 29);
  s.answer(1, 1, {ok(0, 4)});
  s.ready(2);
  s.records(1, 0, 1);
  EXPECT_EQ(
      s.at(5).lost(1, WorkerLost::Cause::stopped),
      (Lines{"send w2: t[0] 5-9 run 2 + t[0] 10-14 run 2", "send w2: t[0] 15-19 run 2 + t[0] 20-24 run 2"}));
  for (std::uint64_t batch = 4; batch < 8; ++batch) EXPECT_EQ(s.ok(2, batch), Lines{});
  EXPECT_EQ(s.ok(2, 8), Lines{"send w2: t[0] 25-29 run 2"});
}

TEST(Answers, ALostWorkerIsForgotten) {
  Story s = running();
  s.records(0, 0, 9);
  s.lost(1);
  EXPECT_EQ(s.lost(1), Lines{});
  EXPECT_EQ(s.ok(1, 1), Lines{});
  EXPECT_EQ(s.stats().answers_unknown, 1u);
  EXPECT_EQ(s.stats().in_flight, 0u) << "whoever has them next gives them to a handler as we would";
}

TEST(Answers, ASilentWorkerIsKilledOnceAfterItsTimeoutAndAGrace) {
  Story s = running();
  EXPECT_EQ(s.at(100).records(0, 0, 29).back(), "wake at 11100ms");
  EXPECT_EQ(s.at(5000).ok(1, 1), Lines{"wake at 5100ms"});
  EXPECT_EQ(s.at(5100).tick(), (Lines{"commit t[0]=10", "wake at 16000ms"})) << "an answer is a sign of life";
  s.committed(0, 10);
  EXPECT_EQ(s.at(15'999).tick(), Lines{"wake at 16000ms"});
  EXPECT_EQ(s.at(16'000).tick(),
            (Lines{"kill w1: no answer within worker.timeout", "notice attempt_timed_out"}));
  EXPECT_EQ(s.stats().attempts_timed_out, 1u);
  EXPECT_EQ(s.at(16'500).tick(), Lines{});
  EXPECT_EQ(s.records(0, 30, 39), Lines{}) << "a worker that is being killed is sent nothing";
  EXPECT_EQ(s.at(16'600).lost(1),
            (Lines{"notice record_failed t[0]@10 attempt 1 again in 50ms", "wake at 16650ms"}))
      << "what it ran has failed";
  s.ready(2);
  EXPECT_EQ(s.at(16'650).tick().front(), "send w2: t[0] 10-19 run 2 attempt 2");
}

TEST(Answers, OfSingleRecordsOnlyTheOneThatRanTooLongHasFailed) {
  pipeline::Policy policy = story_policy();
  policy.batch.cardinality = config::BatchPolicy::Cardinality::one;
  Story s(policy);
  s.assigned({0});
  s.ready(1);
  s.records(0, 0, 9);
  s.at(100).answer(1, 1, {ok(0, 3)});
  s.at(11'100).tick();
  EXPECT_EQ(s.at(11'200).lost(1).front(), "notice record_failed t[0]@4 attempt 1 again in 50ms");
  s.ready(2);
  const Lines again = s.at(11'250).tick();
  EXPECT_EQ(again.at(0), "send w2: t[0] 4 run 2 attempt 2");
  EXPECT_EQ(again.at(1), "send w2: t[0] 5-9 run 2");
}

TEST(Answers, AWorkerThatAnswersBeforeItIsKilledHasFailedNothing) {
  Story s = running();
  s.records(0, 0, 19);
  s.at(11'000).tick();
  s.at(11'001).ok(1, 1);
  EXPECT_EQ(s.at(11'002).lost(1), Lines{}) << "10 to 19 had hardly begun";
  EXPECT_EQ(s.stats().attempts_failed, 0u);
}

TEST(Answers, AnAsynchronousWorkerThatIsSilentTellsNotWhichRecordKeptIt) {
  Story s;
  s.assigned({0});
  s.ready(1, 4);
  s.records(0, 0, 9);
  s.at(11'000).tick();
  EXPECT_EQ(s.at(11'100).lost(1), Lines{});
  EXPECT_EQ(s.ready(2).front(), "send w2: t[0] 0 run 2") << "one by one it will show";
  EXPECT_EQ(s.stats().attempts_failed, 0u);
}

TEST(Answers, AnIdleWorkerMayBeSilent) {
  Story s = running();
  s.records(0, 0, 0);
  s.ok(1, 1);
  EXPECT_EQ(s.at(1'000'000).tick(), Lines{"commit t[0]=1"});
}

TEST(Answers, StaleOnesAreCountedAndIgnored) {
  Story s = running();
  s.records(0, 0, 9);
  s.revoked({0}, true);
  s.assigned({0}, 0);
  EXPECT_EQ(s.ok(1, 1), Lines{});
  EXPECT_EQ(s.stats().answers_stale, 10u);
  EXPECT_EQ(s.stats().settled_ok, 0u);
  EXPECT_EQ(s.partition(0).committable, Offset{0});
  EXPECT_EQ(s.records(0, 0, 9).front(), "send w1: t[0] 0-9") << "the worker's room came back";
}

}  // namespace
}  // namespace triggerd::pipeline
