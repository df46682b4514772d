#include "worker/recycle.hpp"

#include <gtest/gtest.h>

namespace triggerd::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr double kMiddle = 0.5;  // no jitter
constexpr std::uint64_t kMiB = 1 << 20;
constexpr WorkerId kA{1}, kB{2}, kC{3};

TEST(RequestLimit, IsEightyToAHundredPercentAndAtLeastOne) {
  const struct {
    std::uint64_t max;
    double unit;
    std::uint64_t limit;
  } rows[] = {
      {0, 0.7, 0},           {1, 0.0, 1},
      {1, 0.999, 1},         {2, 0.0, 2},
      {10, 0.0, 8},          {10, 0.5, 9},
      {10, 0.999, 10},       {1000, 0.25, 850},
      {1000, 0.99999, 1000}, {1'000'000'000'000, 0.5, 900'000'000'000},
  };
  for (const auto& row : rows) EXPECT_EQ(draw_request_limit(row.max, row.unit), row.limit) << row.max;
}

TEST(Memory, IsKeptUpToTheLimitRecycledBeyondAndKilledAtHalfAsMuchAgain) {
  const struct {
    std::uint64_t bytes, max;
    MemoryVerdict verdict;
  } rows[] = {
      {1ull << 50, 0, MemoryVerdict::keep},
      {0, 100 * kMiB, MemoryVerdict::keep},
      {100 * kMiB, 100 * kMiB, MemoryVerdict::keep},
      {100 * kMiB + 1, 100 * kMiB, MemoryVerdict::recycle},
      {150 * kMiB, 100 * kMiB, MemoryVerdict::recycle},
      {150 * kMiB + 1, 100 * kMiB, MemoryVerdict::kill},
      {UINT64_MAX, UINT64_MAX - 1, MemoryVerdict::recycle},  // no overflow
  };
  for (const auto& row : rows) EXPECT_EQ(judge_memory(row.bytes, row.max), row.verdict) << row.bytes;
}

// A Recycling whose `begin` says the worker's number, 0 for none.
struct Recycled : Recycling {
  Recycled() : Recycling(Timings{}) {}
  std::uint32_t next() {
    const auto due = begin();
    return due ? due->worker.value : 0;
  }
};

TEST(Recycling, OneAtATimeInTheOrderTheyFellDue) {
  Recycled recycling;
  EXPECT_EQ(recycling.next(), 0U);
  recycling.due(kB, RecycleReason::requests);
  recycling.due(kA, RecycleReason::requests);
  recycling.due(kB, RecycleReason::memory);  // said again
  EXPECT_EQ(recycling.next(), 2U);
  EXPECT_EQ(recycling.next(), 0U) << "its replacement starts";
  const auto due = recycling.replaced();
  EXPECT_EQ(due.worker, kB);
  EXPECT_EQ(due.reason, RecycleReason::requests);
  recycling.due(kB, RecycleReason::memory);
  EXPECT_EQ(recycling.next(), 0U) << "it drains";
  EXPECT_FALSE(recycling.gone(kC, seconds(1), kMiddle)) << "somebody else";
  EXPECT_EQ(recycling.next(), 0U);
  EXPECT_FALSE(recycling.gone(kB, seconds(1), kMiddle)) << "no wait";
  EXPECT_EQ(recycling.next(), 1U);
}

TEST(Recycling, WhatEndsBeforeItsTurnIsDueNoMore) {
  Recycled recycling;
  recycling.due(kA, RecycleReason::requests);
  recycling.due(kB, RecycleReason::requests);
  EXPECT_FALSE(recycling.gone(kA, seconds(1), kMiddle));
  EXPECT_EQ(recycling.next(), 2U);
  EXPECT_EQ(recycling.next(), 0U);
}

TEST(Recycling, TheOldOneEndsWhileItsReplacementStarts) {
  Recycled recycling;
  recycling.due(kA, RecycleReason::memory);
  recycling.due(kB, RecycleReason::memory);
  EXPECT_EQ(recycling.next(), 1U);
  EXPECT_FALSE(recycling.gone(kA, seconds(1), kMiddle)) << "nothing was replaced for its memory";
  EXPECT_EQ(recycling.next(), 2U);
}

TEST(Recycling, AReplacementThatDoesNotStartIsTriedAgainWithBackOff) {
  Recycled recycling;
  recycling.due(kA, RecycleReason::requests);
  recycling.due(kB, RecycleReason::requests);
  for (const milliseconds expected : {milliseconds(200), milliseconds(400), milliseconds(800)}) {
    EXPECT_EQ(recycling.next(), 1U) << "it stays first";
    EXPECT_EQ(recycling.not_replaced(milliseconds(20), kMiddle), expected);
    EXPECT_EQ(recycling.next(), 0U);
    recycling.wait_over();
  }
  EXPECT_EQ(recycling.next(), 1U);
  recycling.replaced();
  EXPECT_FALSE(recycling.gone(kA, seconds(1), kMiddle));
  EXPECT_EQ(recycling.next(), 2U);
  EXPECT_EQ(recycling.not_replaced(milliseconds(20), kMiddle), milliseconds(200)) << "one did start: anew";
}

TEST(Recycling, ProcessesTooLargeFromTheirStartDoNotFollowEachOtherWithoutEnd) {
  Recycled recycling;
  const auto recycle = [&](WorkerId worker, Duration lifetime) {
    recycling.due(worker, RecycleReason::memory);
    EXPECT_EQ(recycling.next(), worker.value);
    recycling.replaced();
    const auto wait = recycling.gone(worker, lifetime, kMiddle);
    recycling.due(WorkerId{99}, RecycleReason::memory);
    EXPECT_EQ(recycling.next(), 0U) << "it waits";
    EXPECT_FALSE(recycling.gone(WorkerId{99}, lifetime, kMiddle));
    recycling.wait_over();
    return wait.value_or(Duration{});
  };
  EXPECT_EQ(recycle(WorkerId{1}, seconds(2)), milliseconds(200));
  EXPECT_EQ(recycle(WorkerId{2}, seconds(2)), milliseconds(400));
  EXPECT_EQ(recycle(WorkerId{3}, seconds(2)), milliseconds(800));
  EXPECT_EQ(recycle(WorkerId{4}, seconds(3600)), milliseconds(200)) << "a leak, slow enough";
}

}  // namespace
}  // namespace triggerd::worker
