// Stories of one partition's offsets, each a table row: what is received, what is settled in which order, and
// what may be committed after each step.
#include "checkpoint/offset_tracker.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace triggerd::checkpoint {
namespace {

using Settled = OffsetTracker::Settled;

struct Step {
  enum class Kind { receive, settle } kind;
  std::int64_t first, last;  // of settle: one past the last
  std::int64_t committable;
  std::size_t islands = 0;
  Settled settled = Settled::accepted;
  bool taken = true;
};
Step receive(std::int64_t first, std::int64_t last, std::int64_t committable, std::size_t islands = 0) {
  return {Step::Kind::receive, first, last, committable, islands};
}
Step again(std::int64_t first, std::int64_t last, std::int64_t committable) {
  return {Step::Kind::receive, first, last, committable, 0, Settled::accepted, false};
}
Step settle(std::int64_t first, std::int64_t end, std::int64_t committable, std::size_t islands = 0) {
  return {Step::Kind::settle, first, end, committable, islands};
}
Step refused(Settled why, std::int64_t first, std::int64_t end, std::int64_t committable,
             std::size_t islands = 0) {
  return {Step::Kind::settle, first, end, committable, islands, why};
}

struct Row {
  const char* name;
  std::int64_t start;
  std::vector<Step> steps;
};

class OffsetTrackerStory : public testing::TestWithParam<Row> {};

TEST_P(OffsetTrackerStory, Holds) {
  const Row& row = GetParam();
  OffsetTracker tracker(Offset{row.start});
  std::int64_t before = row.start;
  for (std::size_t i = 0; i < row.steps.size(); ++i) {
    const Step& step = row.steps[i];
    SCOPED_TRACE("step " + std::to_string(i));
    if (step.kind == Step::Kind::receive) {
      EXPECT_EQ(tracker.received(Offset{step.first}, Offset{step.last}), step.taken);
    } else {
      EXPECT_EQ(tracker.settle(Offset{step.first}, Offset{step.last}), step.settled);
    }
    EXPECT_EQ(tracker.committable().value, step.committable);
    EXPECT_EQ(tracker.islands(), step.islands);
    EXPECT_GE(tracker.committable().value, before) << "never goes back";
    EXPECT_EQ(tracker.all_settled(), tracker.committable() == tracker.position());
    before = tracker.committable().value;
  }
}

const Row kRows[] = {
    {"in_order", 0, {receive(0, 9, 0), settle(0, 5, 5), settle(5, 10, 10)}},
    {"one_by_one", 0, {receive(0, 2, 0), settle(0, 1, 1), settle(1, 2, 2), settle(2, 3, 3)}},
    {"out_of_order", 0, {receive(0, 9, 0), settle(5, 10, 0, 1), settle(0, 5, 10)}},
    {"reverse",
     0,
     {receive(0, 3, 0), settle(3, 4, 0, 1), settle(2, 3, 0, 1), settle(1, 2, 0, 1), settle(0, 1, 4)}},
    {"islands_apart",
     0,
     {receive(0, 9, 0), settle(2, 3, 0, 1), settle(6, 7, 0, 2), settle(4, 5, 0, 3), settle(0, 2, 3, 2),
      settle(3, 4, 5, 1), settle(5, 6, 7), settle(7, 10, 10)}},
    {"islands_join_left", 0, {receive(0, 9, 0), settle(2, 4, 0, 1), settle(4, 6, 0, 1), settle(0, 2, 6)}},
    {"islands_join_right", 0, {receive(0, 9, 0), settle(4, 6, 0, 1), settle(2, 4, 0, 1), settle(0, 2, 6)}},
    {"islands_bridge",
     0,
     {receive(0, 9, 0), settle(1, 3, 0, 1), settle(5, 7, 0, 2), settle(3, 5, 0, 1), settle(0, 1, 7)}},
    {"island_swallows_islands",
     0,
     {receive(0, 9, 0), settle(2, 3, 0, 1), settle(5, 6, 0, 2), settle(1, 8, 0, 1), settle(0, 1, 8)}},
    {"start_in_the_middle", 100, {receive(100, 104, 100), settle(100, 105, 105)}},
    {"first_record_after_the_start", 100, {receive(107, 108, 107), settle(107, 109, 109)}},
    {"hole_between_reads", 0, {receive(0, 1, 0), receive(5, 6, 0), settle(0, 2, 5), settle(5, 7, 7)}},
    {"hole_settled_over", 0, {receive(0, 1, 0), receive(5, 6, 0), settle(0, 5, 5), settle(5, 7, 7)}},
    {"hole_known_only_later", 0, {receive(0, 1, 0), settle(0, 2, 2), receive(5, 6, 5), settle(5, 7, 7)}},
    {"hole_and_island", 0, {receive(0, 1, 0), receive(5, 6, 0), settle(5, 7, 0, 1), settle(0, 2, 7)}},
    {"many_holes_in_one_settle",
     0,
     {receive(0, 0, 0), receive(3, 3, 0), receive(7, 9, 0), receive(20, 20, 0), settle(0, 10, 20),
      settle(20, 21, 21)}},
    {"island_over_holes",
     0,
     {receive(0, 0, 0), receive(3, 3, 0), receive(7, 9, 0), settle(3, 10, 0, 1), settle(0, 1, 10)}},
    {"island_of_part_of_a_run_after_a_hole",
     0,
     {receive(0, 0, 0), receive(3, 9, 0), settle(5, 7, 0, 1), settle(0, 1, 3, 1), settle(3, 5, 7),
      settle(7, 10, 10)}},
    {"one_record_between_holes",
     0,
     {receive(2, 2, 2), receive(4, 4, 2), receive(6, 6, 2), settle(4, 5, 2, 1), settle(6, 7, 2, 2),
      settle(2, 3, 7)}},
    {"duplicate_below",
     0,
     {receive(0, 9, 0), settle(0, 5, 5), refused(Settled::duplicate, 0, 5, 5),
      refused(Settled::duplicate, 2, 3, 5)}},
    {"duplicate_island",
     0,
     {receive(0, 9, 0), settle(4, 8, 0, 1), refused(Settled::duplicate, 4, 8, 0, 1),
      refused(Settled::duplicate, 5, 6, 0, 1), settle(0, 4, 8)}},
    {"partly_again",
     0,
     {receive(0, 9, 0), settle(0, 5, 5), settle(3, 7, 7), settle(9, 10, 7, 1), settle(8, 10, 7, 1),
      settle(7, 8, 10)}},
    {"unknown_ahead",
     0,
     {receive(0, 4, 0), refused(Settled::unknown, 3, 6, 0), refused(Settled::unknown, 7, 8, 0)}},
    {"unknown_empty",
     0,
     {receive(0, 4, 0), refused(Settled::unknown, 2, 2, 0), refused(Settled::unknown, 3, 2, 0)}},
    {"unknown_in_a_hole",
     0,
     {receive(0, 1, 0), receive(5, 6, 0), refused(Settled::unknown, 3, 6, 0), settle(0, 2, 5)}},
    {"nothing_received", 7, {refused(Settled::unknown, 7, 8, 7)}},
    {"read_again",
     0,
     {receive(0, 4, 0), again(0, 4, 0), again(4, 6, 0), settle(0, 5, 5), again(2, 3, 5), receive(5, 5, 5),
      settle(5, 6, 6)}},
};

INSTANTIATE_TEST_SUITE_P(Table, OffsetTrackerStory, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

// Intervals of an earlier owner; the records in them are received like any other.
struct RestoredRow {
  const char* name;
  std::int64_t start;
  std::vector<Interval> done;
  std::vector<Step> steps;
};
Interval done(std::int64_t first, std::int64_t end) { return {Offset{first}, Offset{end}}; }

class RestoredTrackerStory : public testing::TestWithParam<RestoredRow> {};

TEST_P(RestoredTrackerStory, Holds) {
  const RestoredRow& row = GetParam();
  OffsetTracker tracker(Offset{row.start}, row.done);
  EXPECT_EQ(tracker.position(), Offset{row.start});
  for (std::size_t i = 0; i < row.steps.size(); ++i) {
    const Step& step = row.steps[i];
    SCOPED_TRACE("step " + std::to_string(i));
    if (step.kind == Step::Kind::receive) {
      EXPECT_EQ(tracker.received(Offset{step.first}, Offset{step.last}), step.taken);
    } else {
      EXPECT_EQ(tracker.settle(Offset{step.first}, Offset{step.last}), step.settled);
    }
    EXPECT_EQ(tracker.committable().value, step.committable);
    EXPECT_EQ(tracker.islands(), step.islands);
  }
}

const RestoredRow kRestored[] = {
    {"the_cursor_steps_over_it", 0, {done(3, 6)}, {receive(0, 9, 0, 1), settle(0, 3, 6), settle(6, 10, 10)}},
    {"it_joins_what_it_touches",
     0,
     {done(3, 6)},
     {receive(0, 9, 0, 1), settle(6, 8, 0, 1), settle(2, 3, 0, 1), settle(0, 2, 8)}},
    {"from_where_reading_begins", 5, {done(5, 8)}, {receive(5, 9, 8), settle(8, 10, 10)}},
    {"hole_before", 0, {done(3, 6)}, {receive(0, 0, 0, 1), receive(3, 7, 0, 1), settle(0, 1, 6)}},
    {"hole_behind", 0, {done(3, 6)}, {receive(0, 5, 0, 1), receive(9, 9, 0, 1), settle(0, 3, 9)}},
    {"hole_within", 0, {done(2, 8)}, {receive(0, 3, 0, 1), receive(7, 9, 0, 1), settle(0, 2, 8)}},
    {"two_with_a_hole_between",
     0,
     {done(2, 4), done(7, 9)},
     {receive(0, 3, 0, 2), receive(7, 9, 0, 2), settle(0, 2, 9)}},
    {"two_with_a_gap_between",
     0,
     {done(2, 4), done(6, 8)},
     {receive(0, 9, 0, 2), settle(0, 2, 4, 1), settle(4, 6, 8)}},
    {"settled_again_is_nothing_new",
     0,
     {done(2, 4)},
     {receive(0, 5, 0, 1), refused(Settled::duplicate, 2, 4, 0, 1), refused(Settled::duplicate, 3, 4, 0, 1)}},
    {"none_of_it_exists_any_more",
     0,
     {done(2, 4)},
     {receive(0, 0, 0, 1), receive(9, 9, 0, 1), settle(0, 1, 9)}},
    {"known_before_it_is_read",
     0,
     {done(2, 9)},
     {receive(0, 1, 0, 1), settle(0, 2, 9), receive(2, 9, 9), settle(9, 10, 10)}},
};

INSTANTIATE_TEST_SUITE_P(Table, RestoredTrackerStory, testing::ValuesIn(kRestored),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(OffsetTracker, KnowsWhatAnEarlierOwnerDid) {
  const OffsetTracker tracker(Offset{10}, {done(12, 14), done(20, 21)});
  for (const std::int64_t offset : {12, 13, 20}) EXPECT_TRUE(tracker.done_before(Offset{offset})) << offset;
  for (const std::int64_t offset : {10, 11, 14, 19, 21, 1000})
    EXPECT_FALSE(tracker.done_before(Offset{offset})) << offset;
  EXPECT_FALSE(OffsetTracker(Offset{10}).done_before(Offset{10}));
}

TEST(OffsetTracker, BeyondIsWhatACommitDoesNotSay) {
  OffsetTracker tracker(Offset{0}, {done(30, 35)});
  tracker.received(Offset{0}, Offset{9});
  tracker.received(Offset{15}, Offset{40});
  EXPECT_EQ(tracker.beyond(), std::vector{done(30, 35)});
  tracker.settle(Offset{2}, Offset{4});
  tracker.settle(Offset{8}, Offset{10});
  tracker.settle(Offset{15}, Offset{17});
  tracker.settle(Offset{29}, Offset{30});
  EXPECT_EQ(tracker.beyond(), (std::vector{done(2, 4), done(8, 10), done(15, 17), done(29, 35)}));
  tracker.settle(Offset{0}, Offset{2});
  EXPECT_EQ(tracker.beyond(), (std::vector{done(8, 10), done(15, 17), done(29, 35)}));
}

// Records are counted, not offsets.
TEST(OffsetTracker, CountsWhatIsSettledAndWhereItLies) {
  OffsetTracker tracker(Offset{0}, {done(50, 60)});
  tracker.received(Offset{0}, Offset{9});
  tracker.received(Offset{20}, Offset{29});
  tracker.settle(Offset{4}, Offset{6}, 2);
  tracker.settle(Offset{8}, Offset{22}, 4);
  EXPECT_EQ(tracker.settled(), 6u);
  EXPECT_EQ(tracker.settled_past(Offset{0}), 6u);
  EXPECT_EQ(tracker.settled_past(Offset{5}), 6u) << "a stretch that ends past it, whole";
  EXPECT_EQ(tracker.settled_past(Offset{6}), 4u);
  EXPECT_EQ(tracker.settled_past(Offset{22}), 0u);
  EXPECT_EQ(tracker.settle(Offset{4}, Offset{6}, 2), Settled::duplicate);
  EXPECT_EQ(tracker.settled(), 6u) << "once";
  tracker.settle(Offset{6}, Offset{8}, 2);
  EXPECT_EQ(tracker.settled_past(Offset{6}), 8u) << "joined to one";
  tracker.settle(Offset{0}, Offset{4}, 4);
  EXPECT_EQ(tracker.settled(), 12u);
  EXPECT_EQ(tracker.settled_past(Offset{0}), 0u) << "what lies before the first gap is in none";
  tracker.received(Offset{30}, Offset{60});
  tracker.count_done(10);
  EXPECT_EQ(tracker.settled(), 22u);
  EXPECT_EQ(tracker.committable(), Offset{22});
}

TEST(OffsetTracker, WhatWasPassedIsCommittableOnceAllBeforeItIsSettled) {
  OffsetTracker tracker(Offset{5});
  tracker.passed(Offset{7});
  EXPECT_EQ(tracker.committable(), Offset{7}) << "nothing was there";
  tracker.received(Offset{7}, Offset{8});
  tracker.passed(Offset{12});
  EXPECT_EQ(tracker.position(), Offset{12});
  EXPECT_EQ(tracker.committable(), Offset{7});
  tracker.settle(Offset{8}, Offset{9});
  EXPECT_EQ(tracker.committable(), Offset{7});
  tracker.settle(Offset{7}, Offset{8});
  EXPECT_EQ(tracker.committable(), Offset{12});
  EXPECT_TRUE(tracker.all_settled());
  tracker.passed(Offset{3});
  EXPECT_EQ(tracker.position(), Offset{12}) << "never back";
  EXPECT_FALSE(tracker.received(Offset{11}, Offset{11}));
  EXPECT_TRUE(tracker.received(Offset{12}, Offset{12}));
  EXPECT_EQ(tracker.committable(), Offset{12});
}

TEST(OffsetTracker, WhatWasPassedLeavesWorkBeyondItAlone) {
  OffsetTracker tracker(Offset{5}, {{Offset{8}, Offset{9}}, {Offset{20}, Offset{22}}});
  tracker.passed(Offset{10});
  EXPECT_EQ(tracker.committable(), Offset{10});
  EXPECT_TRUE(tracker.done_before(Offset{21}));
  tracker.passed(Offset{21});
  EXPECT_EQ(tracker.committable(), Offset{22}) << "an earlier owner's work begins below it";
}

TEST(OffsetTracker, PositionIsOnePastTheLastReceived) {
  OffsetTracker tracker(Offset{3});
  EXPECT_EQ(tracker.position(), Offset{3});
  EXPECT_TRUE(tracker.all_settled());
  tracker.received(Offset{5}, Offset{9});
  EXPECT_EQ(tracker.position(), Offset{10});
  EXPECT_FALSE(tracker.all_settled());
}

}  // namespace
}  // namespace triggerd::checkpoint
