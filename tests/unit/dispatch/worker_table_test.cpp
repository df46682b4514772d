#include "dispatch/worker_table.hpp"

#include <gtest/gtest.h>

namespace triggerd::dispatch {
namespace {

using std::chrono::seconds;

constexpr WorkerId kA{1}, kB{2};
constexpr wire::Window kWide{1000, 1 << 20};

TimePoint at(int s) { return TimePoint{} + seconds(s); }
TimePoint after(int ms) { return TimePoint{} + std::chrono::milliseconds(ms); }

WorkerTable table_of(std::uint32_t depth, std::uint32_t concurrency = 1, wire::Window window = kWide) {
  WorkerTable table(depth);
  table.add(kA, concurrency, window);
  return table;
}

TEST(WorkerTable, ANewWorkerIsIdleAndHasItsWholeWindow) {
  const WorkerTable table = table_of(4);
  EXPECT_TRUE(table.contains(kA));
  EXPECT_FALSE(table.contains(kB));
  EXPECT_TRUE(table.idle(kA));
  EXPECT_EQ(table.room(kA).records, 1000u);
  EXPECT_EQ(table.room(kA).bytes, 1u << 20);
}

TEST(WorkerTable, AnIdleWorkerTakesABatchWhateverItsWindow) {
  const WorkerTable table = table_of(4, 1, {0, 0});
  EXPECT_EQ(table.room(kA).records, 1u);
  EXPECT_EQ(table.room(kA).bytes, 1u);
}

TEST(WorkerTable, RoomIsTheWindowLessWhatIsUnanswered) {
  struct Row {
    const char* what;
    wire::Window window;
    std::uint32_t records;
    std::uint64_t bytes;
    std::uint32_t room_records;
    std::uint64_t room_bytes;
  };
  const Row rows[] = {
      {"some of both", {100, 1000}, 30, 400, 70, 600},
      {"records used up", {100, 1000}, 100, 400, 0, 0},
      {"records overdrawn by an idle worker's batch", {100, 1000}, 150, 400, 0, 0},
      {"bytes used up", {100, 1000}, 30, 1000, 0, 0},
      {"bytes overdrawn by a large record", {100, 1000}, 1, 5000, 0, 0},
  };
  for (const Row& row : rows) {
    WorkerTable table = table_of(4, 1, row.window);
    table.sent(kA, row.records, row.bytes, at(0));
    EXPECT_EQ(table.room(kA).records, row.room_records) << row.what;
    EXPECT_EQ(table.room(kA).bytes, row.room_bytes) << row.what;
    EXPECT_FALSE(table.idle(kA)) << row.what;
  }
}

TEST(WorkerTable, AnswersGiveRecordsBackAndFinishedBatchesBytes) {
  WorkerTable table = table_of(4, 1, {100, 1000});
  table.sent(kA, 40, 600, at(0));
  table.answered(kA, 30, at(1));
  EXPECT_EQ(table.room(kA).records, 90u);
  EXPECT_EQ(table.room(kA).bytes, 400u);
  table.answered(kA, 10, at(2));
  table.finished(kA, 600, at(0), at(0));
  EXPECT_TRUE(table.idle(kA));
  EXPECT_EQ(table.room(kA).bytes, 1000u);
}

TEST(WorkerTable, ANewWindowCounts) {
  WorkerTable table = table_of(4, 1, {100, 1000});
  table.sent(kA, 40, 600, at(0));
  table.set_window(kA, {30, 1000});
  EXPECT_EQ(table.room(kA).records, 0u);
  table.set_window(kA, {50, 2000});
  EXPECT_EQ(table.room(kA).records, 10u);
  EXPECT_EQ(table.room(kA).bytes, 1400u);
  table.set_window(kB, {1, 1});  // not there: nothing happens
}

// How many batches may queue at a worker, and how many of them may be smaller than full.
TEST(WorkerTable, DepthAndPartialBatches) {
  struct Row {
    std::uint32_t depth, concurrency, frames;
    bool room;
    std::uint32_t ahead;
    bool partial;
  };
  const Row rows[] = {{4, 1, 0, true, 1, true},    {4, 1, 1, true, 1, false},  {4, 1, 1, true, 2, true},
                      {4, 1, 2, true, 2, false},   {4, 1, 3, true, 2, false},  {4, 1, 4, false, 2, false},
                      {8, 1, 7, true, 1, false},   {8, 1, 8, false, 1, false}, {4, 2, 1, true, 1, true},
                      {4, 2, 2, true, 1, false},   {4, 16, 4, true, 1, true},  {4, 16, 15, true, 1, true},
                      {4, 16, 16, false, 1, false}};
  for (const Row& row : rows) {
    WorkerTable table = table_of(row.depth, row.concurrency);
    for (std::uint32_t i = 0; i < row.frames; ++i) table.sent(kA, 1, 1, at(0));
    EXPECT_EQ(table.room(kA).records > 0, row.room)
        << row.depth << " " << row.concurrency << " " << row.frames;
    EXPECT_EQ(table.takes_partial(kA, row.ahead), row.partial)
        << row.depth << " " << row.concurrency << " " << row.frames;
  }
}

TEST(WorkerTable, OnlyBehindWhatIsSoonDoneABatchQueues) {
  using std::chrono::milliseconds;
  WorkerTable table(4, milliseconds(20));
  table.add(kA, 1, kWide);
  table.sent(kA, 10, 10, at(0));
  EXPECT_EQ(table.room(kA).records, 0u) << "nobody knows yet how long ten records take";
  table.answered(kA, 10, at(0) + milliseconds(10));  // 1 ms each
  table.finished(kA, 10, at(0), at(0));
  table.sent(kA, 20, 20, at(0) + milliseconds(10));
  EXPECT_GT(table.room(kA).records, 0u) << "20 ms of work";
  table.sent(kA, 1, 1, at(0) + milliseconds(10));
  EXPECT_EQ(table.room(kA).records, 0u) << "21 ms of work";
  table.answered(kA, 21, at(0) + milliseconds(10));  // as if by itself: the estimate falls by a quarter
  table.sent(kA, 26, 26, at(0) + milliseconds(10));
  EXPECT_GT(table.room(kA).records, 0u) << "19.5 ms of work";
}

TEST(WorkerTable, FreeLanesNeedNoEstimate) {
  WorkerTable table(4, std::chrono::milliseconds(20));
  table.add(kA, 3, kWide);
  table.sent(kA, 1, 1, at(0));
  table.sent(kA, 1, 1, at(0));
  EXPECT_GT(table.room(kA).records, 0u);
  table.sent(kA, 1, 1, at(0));
  EXPECT_EQ(table.room(kA).records, 0u) << "the fourth would queue";
}

TEST(WorkerTable, TheLeastLoadedIsTheOneWithTheFewestBatchesAndRoom) {
  WorkerTable table(2);
  EXPECT_EQ(table.least_loaded(), std::nullopt);
  table.add(kA, 1, kWide);
  table.add(kB, 1, kWide);
  EXPECT_EQ(table.least_loaded(), kA);
  table.sent(kA, 1, 1, at(0));
  EXPECT_EQ(table.least_loaded(), kB);
  table.sent(kB, 1, 1, at(0));
  table.sent(kB, 1, 1, at(0));
  EXPECT_EQ(table.least_loaded(), kA);
  table.sent(kA, 1, 1, at(0));
  EXPECT_EQ(table.least_loaded(), std::nullopt) << "both are full";
  table.finished(kB, 1, at(0), at(0));
  EXPECT_EQ(table.least_loaded(), kB);
  table.doom(kB);
  EXPECT_EQ(table.least_loaded(), std::nullopt);
  table.remove(kB, at(0));
  EXPECT_FALSE(table.contains(kB));
}

TEST(WorkerTable, ADoomedWorkerTakesNothing) {
  WorkerTable table = table_of(4);
  table.doom(kA);
  EXPECT_EQ(table.room(kA).records, 0u);
  EXPECT_EQ(table.least_loaded(), std::nullopt);
}

TEST(WorkerTable, AWorkerThatIsToLeaveTakesNothingAndIsWatched) {
  WorkerTable table = table_of(4);
  table.sent(kA, 1, 1, at(0));
  EXPECT_FALSE(table.leaves(kA));
  table.drain(kA);
  EXPECT_TRUE(table.leaves(kA));
  EXPECT_EQ(table.room(kA).records, 0u);
  EXPECT_EQ(table.silent(at(10), seconds(10)), std::vector<WorkerId>{kA}) << "it may hang in what it runs";
  table.finished(kA, 1, at(0), at(0));
  EXPECT_EQ(table.least_loaded(), std::nullopt);
  table.add(kB, 1, kWide);
  table.doom(kB);
  EXPECT_TRUE(table.leaves(kB));
}

TEST(WorkerTable, AReservedWorkerTakesNothingUntilItIsFreed) {
  WorkerTable table = table_of(4);
  table.add(kB, 1, kWide);
  table.reserve(kA, true);
  EXPECT_EQ(table.room(kA).records, 0u);
  EXPECT_TRUE(table.idle(kA));
  EXPECT_EQ(table.least_loaded(), kB);
  table.sent(kA, 1, 1, at(0));  // what it is kept for
  EXPECT_EQ(table.silent(at(20), seconds(10)), std::vector<WorkerId>{kA}) << "it is watched like any other";
  table.finished(kA, 1, at(0), at(0));
  table.reserve(kA, false);
  EXPECT_EQ(table.least_loaded(), kA);
}

// How many single records are bound to a worker at a time.
TEST(WorkerTable, SoonDone) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  struct Row {
    Duration ahead, each;  // 0: nothing answered yet
    std::uint32_t concurrency, records;
  };
  const Row rows[] = {
      {milliseconds(20), {}, 1, 1},
      {milliseconds(20), {}, 16, 16},
      {milliseconds(20), milliseconds(1), 1, 20},
      {milliseconds(20), milliseconds(1), 64, 64},
      {milliseconds(20), microseconds(10), 1, 2000},
      {milliseconds(20), seconds(3600), 1, 1},
      {kAnyWork, {}, 1, 4'294'967'295u},
      {kAnyWork, seconds(3600), 1, 4'294'967'295u},
  };
  for (const Row& row : rows) {
    WorkerTable table(4, row.ahead);
    table.add(kA, row.concurrency, kWide);
    if (row.each > Duration::zero()) {
      table.sent(kA, 10, 10, at(0));
      table.answered(kA, 10, at(0) + 10 * row.each);
    }
    EXPECT_EQ(table.soon_done(kA), row.records) << row.each.count() << " ns each, " << row.concurrency;
  }
  WorkerTable instant(4, milliseconds(20));
  instant.add(kA, 1, kWide);
  instant.sent(kA, 10, 10, at(0));
  instant.answered(kA, 10, at(0));
  EXPECT_GT(instant.soon_done(kA), 1'000'000u) << "no time at all is no division by 0";
}

TEST(WorkerTable, SilenceIsMeasuredFromWorkOrTheLastAnswer) {
  WorkerTable table = table_of(4);
  EXPECT_EQ(table.next_silence(seconds(10)), std::nullopt) << "an idle worker may be silent for ever";
  EXPECT_TRUE(table.silent(at(1000), seconds(10)).empty());
  table.sent(kA, 2, 2, at(100));
  EXPECT_EQ(table.next_silence(seconds(10)), at(110));
  table.sent(kA, 2, 2, at(105));  // more work is no sign of life
  EXPECT_EQ(table.next_silence(seconds(10)), at(110));
  table.answered(kA, 1, at(108));
  EXPECT_EQ(table.next_silence(seconds(10)), at(118));
  EXPECT_TRUE(table.silent(at(117), seconds(10)).empty());
  EXPECT_EQ(table.silent(at(118), seconds(10)), std::vector<WorkerId>{kA});
  table.doom(kA);
  EXPECT_TRUE(table.silent(at(118), seconds(10)).empty()) << "it is being killed already";
  EXPECT_EQ(table.next_silence(seconds(10)), std::nullopt);
}

TEST(WorkerTable, TheNextSilenceIsTheEarliest) {
  WorkerTable table = table_of(4);
  table.add(kB, 1, kWide);
  table.sent(kA, 1, 1, at(5));
  table.sent(kB, 1, 1, at(3));
  EXPECT_EQ(table.next_silence(seconds(10)), at(13));
  EXPECT_EQ(table.silent(at(20), seconds(10)), (std::vector<WorkerId>{kA, kB}));
}

// In milliseconds of one worker's time.
TEST(WorkerTable, BusyTimeIsAddedUpByPlace) {
  WorkerTable table(8);
  const auto busy = [&](int now) { return table.busy(after(now)) / std::chrono::milliseconds(1); };
  table.add(kA, 1, kWide);
  table.add(kB, 4, kWide);
  EXPECT_EQ(busy(100), 0);
  table.sent(kA, 10, 10, after(100));
  EXPECT_EQ(busy(150), 50) << "while it runs";
  table.answered(kA, 9, after(160));
  table.answered(kA, 1, after(200));
  table.finished(kA, 10, after(100), after(200));
  EXPECT_EQ(busy(300), 100) << "and no longer";
  table.sent(kB, 2, 2, after(300));
  EXPECT_EQ(busy(400), 150) << "two places of four";
  table.sent(kB, 9, 9, after(400));
  EXPECT_EQ(busy(500), 250) << "more than four are not at work at once";
  table.remove(kB, after(500));
  EXPECT_EQ(busy(900), 250) << "what a worker did stays done";
  EXPECT_EQ(table.batch_times().count(), 1U);
  EXPECT_EQ(table.batch_times().quantile(0.99), std::chrono::milliseconds(100));
}

TEST(WorkerTable, AnInvocationOfManyRecordsTakesOnePlace) {
  WorkerTable table(8, kAnyWork, true);
  table.add(kA, 4, kWide);
  table.sent(kA, 100, 100, after(0));
  EXPECT_EQ(table.busy(after(100)), std::chrono::milliseconds(25));
}

}  // namespace
}  // namespace triggerd::dispatch
