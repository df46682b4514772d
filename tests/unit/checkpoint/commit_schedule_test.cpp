#include "checkpoint/commit_schedule.hpp"

#include <gtest/gtest.h>

namespace triggerd::checkpoint {
namespace {

using std::chrono::milliseconds;

TimePoint at(int ms) { return TimePoint{} + milliseconds(ms); }

TEST(CommitSchedule, NothingIsDueAtFirst) { EXPECT_EQ(CommitSchedule().when(), std::nullopt); }

TEST(CommitSchedule, TheFirstSettledRecordStartsTheInterval) {
  CommitSchedule schedule;
  schedule.dirty(at(10));
  schedule.dirty(at(50));
  EXPECT_EQ(schedule.when(), at(110));
}

TEST(CommitSchedule, HurryBringsItForwardAndNeverBack) {
  CommitSchedule schedule;
  schedule.hurry(at(5));
  EXPECT_EQ(schedule.when(), at(5));
  schedule.dirty(at(6));
  schedule.hurry(at(8));
  EXPECT_EQ(schedule.when(), at(5));
  schedule = CommitSchedule();
  schedule.dirty(at(0));
  schedule.hurry(at(20));
  EXPECT_EQ(schedule.when(), at(20));
}

TEST(CommitSchedule, NeverTwoAtATime) {
  CommitSchedule schedule;
  schedule.hurry(at(0));
  schedule.started();
  EXPECT_TRUE(schedule.under_way());
  schedule.hurry(at(1));
  EXPECT_EQ(schedule.when(), std::nullopt);
  schedule.succeeded();
  EXPECT_FALSE(schedule.under_way());
  EXPECT_EQ(schedule.when(), at(1)) << "what was asked for meanwhile";
}

TEST(CommitSchedule, StartedIsAllThatWasDue) {
  CommitSchedule schedule;
  schedule.dirty(at(0));
  schedule.started();
  schedule.succeeded();
  EXPECT_EQ(schedule.when(), std::nullopt);
}

TEST(CommitSchedule, FailuresBackOffDoublingUpToTheMost) {
  CommitSchedule schedule(
      {.interval = milliseconds(0), .retry_first = milliseconds(100), .retry_most = milliseconds(500)});
  int now = 0;
  for (const int wait : {100, 200, 400, 500, 500}) {
    schedule.hurry(at(now));
    schedule.started();
    schedule.failed(at(now));
    EXPECT_EQ(schedule.when(), at(now + wait));
    schedule.hurry(at(now));  // somebody waits: still not before the back-off is over
    EXPECT_EQ(schedule.when(), at(now + wait));
    now += wait;
  }
}

TEST(CommitSchedule, ASuccessEndsTheBackOff) {
  CommitSchedule schedule;
  for (int i = 0; i < 3; ++i) {
    schedule.started();
    schedule.failed(at(0));
  }
  EXPECT_EQ(schedule.when(), at(400));
  schedule.started();
  schedule.succeeded();
  schedule.hurry(at(500));
  EXPECT_EQ(schedule.when(), at(500));
  schedule.started();
  schedule.failed(at(500));
  EXPECT_EQ(schedule.when(), at(600));
}

TEST(CommitSchedule, AThousandFailuresDoNotOverflow) {
  CommitSchedule schedule;
  for (int i = 0; i < 1000; ++i) {
    schedule.started();
    schedule.failed(at(0));
  }
  EXPECT_EQ(schedule.when(), at(5000));
}

}  // namespace
}  // namespace triggerd::checkpoint
