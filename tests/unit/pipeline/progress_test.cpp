// What is done beyond the first gap survives: in a commit's metadata, in the journal, and back again.
#include <gtest/gtest.h>

#include "support/story.hpp"

namespace triggerd::pipeline {
namespace {

using checkpoint::encode;
using checkpoint::Progress;
using Outcome = CommitResult::Outcome;
using test::Lines;
using test::ok;
using test::only;
using test::release;
using test::retry;
using test::sends;
using test::Story;
using test::story_policy;

Policy keys() {
  Policy policy = story_policy();
  policy.ordering = config::Ordering::key;
  return policy;
}

// Done from 2 to 4 and from 6 to 10 beyond the commit at 0; 4 failed twice, 12 once.
std::string left() {
  return encode({Offset{0},
                 {{Offset{2}, Offset{4}}, {Offset{6}, Offset{10}}},
                 {{Offset{4}, 2}, {Offset{12}, 1}}})
      .text;
}

TEST(Progress, ACommitSaysWhatIsDoneBeyondTheGapAndWhatFailed) {
  Story s(keys());
  s.assigned({0});
  s.ready(1);
  s.keyed(0, 0, "abcdefghij");
  s.at(10).answer(1, 1, {ok(1, 3), retry(4, 4), ok(6, 9)});
  s.at(110).tick();
  EXPECT_EQ(s.said(0), "0 settled 1-4 6-10 attempts 4x1");
  EXPECT_EQ(s.stats().in_flight, 9u);
  s.committed(0, 0);
  EXPECT_EQ(s.stats().in_flight, 2u) << "0 and 5 are out";
  s.at(200).answer(1, 1, {ok(0, 0)});
  s.at(300).tick();
  EXPECT_EQ(s.said(0), "4 settled 6-10 attempts 4x1") << "1 to 3 need no saying any more";
}

TEST(Progress, WhatAnEarlierOwnerDidIsNotDoneAgain) {
  Story s(keys());
  EXPECT_EQ(s.restored(0, 0, left()), Lines{"read"});
  s.ready(1);
  EXPECT_EQ(sends(s.keyed(0, 0, "abcdefgh")), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(s.stats().records_read, 8u);
  EXPECT_EQ(s.stats().records_done_before, 4u);
  EXPECT_EQ(s.stats().in_flight, 2u) << "what the commit says is covered";
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{"send w1: t[0] 4 attempt 3"});
  EXPECT_EQ(s.partition(0).committable, Offset{4});
  s.at(100).tick();
  EXPECT_EQ(s.said(0), "4 settled 6-10 attempts 4x2 12x1") << "8, 9 and 12 were not read yet";
  s.committed(0, 4);
  EXPECT_EQ(sends(s.ok(1, 2)), Lines{"send w1: t[0] 5"});
  EXPECT_EQ(sends(s.ok(1, 3)), Lines{});
  EXPECT_EQ(s.partition(0).committable, Offset{10}) << "as far as is known";
  EXPECT_EQ(s.partition(0).position, Offset{8});
  EXPECT_EQ(sends(s.keyed(0, 8, "ijkl")), Lines{"send w1: t[0] 10-11"});
  EXPECT_EQ(s.stats().records_done_before, 6u);
}

TEST(Progress, AttemptsGoOnWhereTheyWere) {
  Policy policy = story_policy();
  policy.retry.max_retry_count = 3;
  Story s(policy);
  s.restored(0, 0, left());
  s.ready(1);
  EXPECT_EQ(sends(s.records(0, 0, 9)), Lines{"send w1: t[0] 0-1"});
  EXPECT_EQ(sends(s.ok(1, 1)), Lines{"send w1: t[0] 4 attempt 3"});
  EXPECT_EQ(s.answer(1, 2, {retry(0, 0)}).front(), "notice record_failed t[0]@4 attempt 3 again in 50ms");
  EXPECT_EQ(sends(s.at(50).tick()), Lines{"send w1: t[0] 4 run 2 attempt 4"});
  EXPECT_EQ(s.answer(1, 3, {retry(0, 0)}).front(), "notice lane_blocked t[0]@4 attempt 4");
}

TEST(Progress, AttemptsOfRecordsNotReadYetAreKept) {
  Story s;
  s.restored(0, 0, left());
  s.ready(1);
  s.records(0, 0, 1);
  s.ok(1, 1);
  s.revoked({0});
  EXPECT_EQ(s.said(0), "4 settled 6-10 attempts 4x2 12x1");
}

TEST(Progress, WhatDoesNotExistAnyMoreIsForgotten) {
  Story s;
  s.restored(0, 0, left());
  s.ready(1);
  s.records(0, {0, 1, 20});  // 4, 12 and all between were compacted away
  s.ok(1, 1);
  EXPECT_EQ(s.partition(0).committable, Offset{21});
  EXPECT_EQ(s.at(100).tick(), Lines{"commit t[0]=21"});

  Story between;
  between.restored(0, 0, left());
  between.ready(1);
  between.records(0, {0, 1, 6, 7, 8, 9});  // 4 was compacted away; what follows it was done before
  between.ok(1, 1);
  between.at(100).tick();
  EXPECT_EQ(between.said(0), "10 attempts 12x1");
}

TEST(Progress, MetadataThatIsNotOursIsIgnoredWithANotice) {
  std::string damaged = left();
  damaged[damaged.size() / 2] ^= 1;
  for (const std::string& metadata : {std::string("spark/7"), damaged, std::string("triggerd/2:0:::x")}) {
    SCOPED_TRACE(metadata);
    Story s;
    EXPECT_EQ(s.restored(0, 0, metadata), (Lines{"notice progress_ignored t[0]@0", "read"}));
    s.ready(1);
    EXPECT_EQ(sends(s.records(0, 0, 9)), Lines{"send w1: t[0] 0-9"});
  }
  Story moved;
  EXPECT_EQ(moved.restored(0, 5, left()).front(), "notice progress_ignored t[0]@5") << "of another offset";
  moved.ready(1);
  EXPECT_EQ(sends(moved.records(0, 5, 9)), Lines{"send w1: t[0] 5-9"});
}

TEST(Progress, AttemptsAloneAreWorthACommitWhenThePartitionIsGivenUp) {
  for (const bool drain : {false, true}) {
    Story s;
    s.assigned({0});
    s.ready(1);
    s.records(0, 0, 3);
    s.at(10).answer(1, 1, {retry(0, 1), release(2, 3)});
    EXPECT_EQ(only(s.at(59).tick(), "commit"), Lines{}) << "not before";
    EXPECT_EQ(only(drain ? s.drain(1000) : s.revoked({0}), "commit"), Lines{"commit t[0]=0+28B"});
    EXPECT_EQ(s.said(0), "0 attempts 0x1 1x1");
    EXPECT_EQ(s.committed(0, 0).front(), drain ? "drained" : "finish revoke t[0]");
  }
}

// Room for 13 short runs.
Policy narrow(bool journal = false) {
  Policy policy = keys();
  policy.batch.max_batch_size = 64;
  policy.max_metadata_bytes = 50;
  policy.journal = journal;
  policy.retry.max_retry_count = 0;
  return policy;
}

// Of 30 records every other stands: 15 are done beyond gaps.
Story scattered(const Policy& policy) {
  Story s(policy);
  s.assigned({0, 1});
  s.ready(1);
  s.keyed(0, 0, std::string(30, '-'));
  for (std::uint32_t i = 0; i < 30; i += 2) s.answer(1, 1, {retry(i, i), ok(i + 1, i + 1)});
  s.at(100).tick();
  return s;
}

TEST(Progress, WhereTheGapsDoNotFitNothingFreshIsDelivered) {
  Story s = scattered(narrow());
  EXPECT_TRUE(s.said(0).ends_with(" 23-24 25-26")) << s.said(0) << ": what is nearest, and no attempts";
  EXPECT_EQ(s.last_commit(0).journal, std::nullopt);
  EXPECT_EQ(only(s.committed(0, 0), "notice"), Lines{"notice progress_full t[0]@0"});
  EXPECT_EQ(sends(s.keyed(0, 30, "klm")), Lines{});
  EXPECT_EQ(sends(s.records(1, 0, 9)), Lines{"send w1: t[1] 0-9"}) << "the others go on";
  s.ok(1, 2);
  EXPECT_EQ(only(s.at(200).tick(), "commit"), Lines{"commit t[1]=10"});
  s.committed(1, 10);
  EXPECT_EQ(sends(s.skip(0, 2)), Lines{});
  s.at(300).tick();
  EXPECT_EQ(only(s.committed(0, 0), "notice"), Lines{}) << "said once";
  EXPECT_EQ(sends(s.skip(0, 4)), Lines{});
  s.at(400).tick();
  EXPECT_TRUE(s.said(0).starts_with("0 settled 1-6 7-8 ") && s.said(0).ends_with(" 29-30")) << s.said(0);
  EXPECT_EQ(sends(s.committed(0, 0)), Lines{"send w1: t[0] 30-32"}) << "it fits again";
  EXPECT_EQ(s.stats().in_flight, 3u);
}

// What is done, and cannot be said, must not use up the in-flight limit for ever.
TEST(Progress, WhereTheGapsDoNotFitTheOthersKeepTheirRoom) {
  Policy policy = narrow();
  policy.limits.max_in_flight = 30;
  Story s = scattered(policy);
  EXPECT_EQ(s.stats().in_flight, 15u);
  s.committed(0, 0);
  EXPECT_EQ(s.stats().in_flight, 0u);
  EXPECT_EQ(sends(s.records(1, 0, 29)), Lines{"send w1: t[1] 0-29"});
}

TEST(Progress, WhereTheGapsDoNotFitTheOthersAreReadOn) {
  Story s = scattered(narrow());
  s.committed(0, 0);
  EXPECT_EQ(only(s.records(0, 30, 229), "stop"), Lines{}) << "more than is read ahead";
  EXPECT_EQ(s.stats().undelivered_standing, s.stats().undelivered);
  EXPECT_TRUE(s.stats().reading);
}

TEST(Progress, TheJournalTakesWhatDoesNotFit) {
  Story s = scattered(narrow(true));
  ASSERT_TRUE(s.last_commit(0).journal);
  EXPECT_EQ(s.last_commit(0).journal->settled.size(), 15u);
  EXPECT_EQ(s.last_commit(0).journal->attempts.size(), 15u);
  EXPECT_EQ(only(s.committed(0, 0, Outcome::ok, true), "notice"), Lines{});
  EXPECT_EQ(s.stats().in_flight, 0u);
  EXPECT_EQ(sends(s.keyed(0, 30, "klm")), Lines{"send w1: t[0] 30-32"});
}

TEST(Progress, AJournalThatWasNotWrittenCoversNothingAndIsTriedAgain) {
  Story s = scattered(narrow(true));
  EXPECT_EQ(only(s.committed(0, 0), "notice"), Lines{"notice progress_full t[0]@0"});
  EXPECT_EQ(sends(s.keyed(0, 30, "klm")), Lines{});
  EXPECT_EQ(only(s.at(200).tick(), "commit").size(), 1u);
  EXPECT_TRUE(s.last_commit(0).journal);
  EXPECT_EQ(only(s.at(210).committed(0, 0), "notice"), Lines{});
  EXPECT_EQ(only(s.at(409).tick(), "commit").size(), 0u) << "later and later";
  EXPECT_EQ(only(s.at(410).tick(), "commit").size(), 1u);
  EXPECT_EQ(sends(s.committed(0, 0, Outcome::ok, true)), Lines{"send w1: t[0] 30-32"});
}

TEST(Progress, WhatTheJournalKeptIsKeptFurther) {
  Progress whole{Offset{0}};
  for (std::int64_t i = 1; i < 30; i += 2) whole.settled.push_back({Offset{i}, Offset{i + 1}});
  Story s(narrow(true));
  s.restored(0, 0, encode(whole, 50).text, whole);
  s.ready(1);
  EXPECT_EQ(sends(s.keyed(0, 0, std::string(30, '-'))).size(), 1u);
  EXPECT_EQ(s.stats().records_done_before, 15u);
  s.at(100).tick();
  ASSERT_TRUE(s.last_commit(0).journal) << "nothing new is done, and yet the metadata has no room for it";
  EXPECT_EQ(s.last_commit(0).journal->settled, whole.settled);
}

TEST(Progress, OfRecordsDoneBeforeNoneIsHeld) {
  Story s(keys());
  s.restored(0, 0, left());
  s.ready(1);
  s.keyed(0, 2, "cd");
  EXPECT_EQ(s.stats().held_records, 0u);
  EXPECT_EQ(s.stats().undelivered, 0u);
  EXPECT_EQ(s.partition(0).committable, Offset{4}) << "0 and 1 were compacted away";
  EXPECT_EQ(s.partition(0).position, Offset{4});
}

}  // namespace
}  // namespace triggerd::pipeline
