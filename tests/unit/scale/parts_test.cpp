// The scaler's small states: what is stuck, how fast it goes, how the target moves.
#include <gtest/gtest.h>

#include "scale/rates.hpp"
#include "scale/stabilizer.hpp"
#include "scale/stuck.hpp"
#include "unit/scale/snapshots.hpp"

namespace triggerd::scale {
namespace {

using std::chrono::seconds;

// One partition that does not move, looked at every 10 s until it is stuck, or for 300 s.
double stuck_at(lag::Owner owner, std::int64_t lag, Duration p99 = {}) {
  StuckPartitions stuck;
  for (double t = 0; t <= 300; t += 10) {
    lag::Snapshot s = snapshot({lag}, at(t));
    s.partitions[0].moved = at(-1'000);
    s.partitions[0].owner = owner;
    if (!stuck.update(s, stuck_after(seconds(60), p99)).empty()) return t;
  }
  return -1;
}

TEST(Stuck, ByTimeAndOwnership) {
  EXPECT_EQ(stuck_at(lag::Owner::us, 5), 60);
  EXPECT_EQ(stuck_at(lag::Owner::other, 5), 60);
  EXPECT_EQ(stuck_at(lag::Owner::nobody, 5), -1) << "keda#5906: nobody reads it, so an instance would help";
  EXPECT_EQ(stuck_at(lag::Owner::unknown, 5), -1);
  EXPECT_EQ(stuck_at(lag::Owner::us, 0), -1) << "Burrow#38: a slow topic has no lag";
  EXPECT_EQ(stuck_at(lag::Owner::us, 5, seconds(20)), 60);
  EXPECT_EQ(stuck_at(lag::Owner::us, 5, seconds(40)), 120) << "a slow handler gets three times its p99";
}

TEST(Stuck, TimeCountsWhileThereIsLagAndTheSameOwner) {
  StuckPartitions stuck;
  const auto look = [&](double t, std::int64_t lag, double moved, lag::Owner owner = lag::Owner::us) {
    lag::Snapshot s = snapshot({lag}, at(t));
    s.partitions[0].moved = at(moved);
    s.partitions[0].owner = owner;
    return !stuck.update(s, seconds(60)).empty();
  };
  EXPECT_FALSE(look(0, 0, 0));
  EXPECT_FALSE(look(1'000, 0, 0));
  EXPECT_FALSE(look(1'010, 9, 0)) << "records came to a partition that had rested for long";
  EXPECT_FALSE(look(1'060, 9, 0));
  EXPECT_TRUE(look(1'070, 9, 0));
  EXPECT_FALSE(look(1'080, 9, 1'080)) << "it moves again";
  EXPECT_FALSE(look(1'130, 9, 1'080));
  EXPECT_TRUE(look(1'140, 9, 1'080));
  EXPECT_FALSE(look(1'150, 9, 1'080, lag::Owner::other)) << "a new owner gets its time";
  EXPECT_TRUE(look(1'210, 9, 1'080, lag::Owner::other));
}

TEST(Stuck, NotByTheClockOfAPartitionThatIsNotAnswered) {
  StuckPartitions stuck;
  lag::Snapshot s = snapshot({5}, at(0));
  for (double t = 0; t < 500; t += 10) {
    s.taken = at(t);  // its own `sampled` stays
    EXPECT_TRUE(stuck.update(s, seconds(60)).empty());
  }
}

TEST(Mean, SaysNothingBeforeThirtySecondsNorAfterAGap) {
  Mean mean;
  mean.add(10, at(0));
  mean.add(10, at(29));
  EXPECT_EQ(mean.value(), std::nullopt);
  mean.add(10, at(30));
  EXPECT_EQ(mean.value(), 10);
  mean.add(20, at(60));
  EXPECT_NEAR(*mean.value(), 20 - 10 * 0.368, 0.06) << "a time constant later";
  mean.add(99, at(181));
  EXPECT_EQ(mean.value(), std::nullopt);
}

TEST(ArrivalRate, FromTheEndsOfWholeSnapshots) {
  ArrivalRate rate;
  for (int t = 0; t <= 60; t += 10) {
    lag::Snapshot s = snapshot({100 * t, 20 * t}, at(t));
    rate.update(s);
    s.taken = at(t + 5);
    s.partitions[0].end = Offset{1'000'000};
    s.complete = false;
    rate.update(s);  // passed over
  }
  EXPECT_EQ(rate.value(), 120);
  rate.update(snapshot({0, 1'400}, at(70)));
  EXPECT_LT(*rate.value(), 120) << "a topic made anew adds nothing";
  EXPECT_GT(*rate.value(), 0);
}

// The naive measure asks for more instances the fewer records come: each handles less.
TEST(HandlingRate, IsWhatABusyInstanceCanDo) {
  HandlingRate rate;
  for (int t = 0; t <= 60; t += 10) rate.update(25, 0.5, at(t));
  EXPECT_EQ(rate.value(), 50);
  for (int t = 70; t <= 90; t += 10) rate.update(0.1, 0.001, at(t));
  EXPECT_EQ(rate.value(), 50) << "an idle one says nothing";
}

TEST(HandlingRate, ATenthOfTheTimeIsEnoughAndMoreThanAllOfItIsAll) {
  HandlingRate tenth, less, over;
  for (int t = 0; t <= 60; t += 10) {
    tenth.update(5, 0.1, at(t));
    less.update(5, 0.09, at(t));
    over.update(50, 1.3, at(t));  // clocks are not read at once
  }
  EXPECT_EQ(tenth.value(), 50);
  EXPECT_EQ(less.value(), std::nullopt);
  EXPECT_EQ(over.value(), 50);
}

Stabilizer begun_at(std::uint32_t current) {
  Stabilizer s(seconds(300), {});
  s.hold(current, at(-10'000));
  s.force(current, at(-5'000));
  return s;
}

std::string said(const Stabilized& s) {
  return std::to_string(s.target) + (s.rule ? std::string(" ") + name(*s.rule) : "");
}

TEST(Stabilizer, FirstStep) {
  struct Row {
    const char* rule;
    std::uint32_t before, asked, low, high;
    const char* target;
  };
  const Row rows[] = {
      {"as before", 3, 3, 1, 100, "3"},
      {"from 0 at once", 0, 50, 0, 100, "50"},
      {"up by 4 of a few", 1, 50, 1, 100, "5 step_limit"},
      {"up by 4 exactly", 1, 5, 1, 100, "5"},
      {"up to twice of many", 10, 50, 1, 100, "20 step_limit"},
      {"down by half", 20, 4, 1, 100, "10 step_limit"},
      {"down by half, rounded up", 7, 1, 1, 100, "4 step_limit"},
      {"down from 2", 2, 1, 1, 100, "1"},
      {"down from 1", 1, 0, 0, 100, "0"},
      {"too small a change up", 22, 24, 1, 100, "22 tolerance"},
      {"too small a change down", 22, 20, 1, 100, "22 tolerance"},
      {"keda#4791: never too small at the cap", 22, 24, 1, 24, "24"},
      {"never too small at the least", 22, 21, 21, 100, "21"},
      {"a tenth is not too small", 20, 22, 1, 100, "22"},
      {"never below what may be told", 1, 0, 1, 100, "1 cooldown"},
  };
  for (const Row& row : rows) {
    Stabilizer s = begun_at(row.before);
    EXPECT_EQ(said(s.step(row.asked, row.low, row.high, at(0))), row.target) << row.rule;
  }
}

TEST(Stabilizer, StepsAreCountedFromTheFewestInTheirPeriod) {
  Stabilizer s = begun_at(1);
  EXPECT_EQ(s.step(50, 1, 100, at(0)).target, 5U);
  EXPECT_EQ(s.step(50, 1, 100, at(5)).target, 5U);
  EXPECT_EQ(s.step(50, 1, 100, at(14.9)).target, 5U);
  EXPECT_EQ(s.step(50, 1, 100, at(15)).target, 10U);
  EXPECT_EQ(s.step(50, 1, 100, at(29)).target, 10U);
  EXPECT_EQ(s.step(50, 1, 100, at(30)).target, 20U);
  EXPECT_EQ(s.step(50, 1, 100, at(45)).target, 40U);
  EXPECT_EQ(s.step(50, 1, 100, at(60)).target, 50U);
}

TEST(Stabilizer, DownToTheMostAskedForWithinTheWindow) {
  Stabilizer s = begun_at(8);
  EXPECT_EQ(said(s.step(8, 1, 100, at(0))), "8");
  EXPECT_EQ(said(s.step(2, 1, 100, at(10))), "8 scale_down_window");
  EXPECT_EQ(said(s.step(6, 1, 100, at(100))), "8 scale_down_window");
  EXPECT_EQ(said(s.step(2, 1, 100, at(300))), "8 scale_down_window");
  EXPECT_EQ(said(s.step(2, 1, 100, at(301))), "6 scale_down_window");
  EXPECT_EQ(said(s.step(2, 1, 100, at(400))), "6 scale_down_window");
  EXPECT_EQ(said(s.step(2, 1, 100, at(401))), "3 step_limit");
  EXPECT_EQ(said(s.step(2, 1, 100, at(460))), "3 step_limit");
  EXPECT_EQ(said(s.step(2, 1, 100, at(461))), "2");
}

TEST(Stabilizer, WhatWasHeldCountsAsAskedFor) {
  Stabilizer s = begun_at(8);
  s.hold(8, at(0));
  EXPECT_EQ(said(s.step(1, 1, 100, at(300))), "8 scale_down_window");
  EXPECT_EQ(said(s.step(1, 1, 100, at(301))), "4 step_limit");
}

TEST(Stabilizer, AnOverrideIsLeftByTheSameSteps) {
  Stabilizer s = begun_at(2);
  s.step(2, 1, 100, at(0));
  s.force(40, at(1));
  EXPECT_EQ(said(s.step(2, 1, 100, at(2))), "20 step_limit");
}

}  // namespace
}  // namespace triggerd::scale
