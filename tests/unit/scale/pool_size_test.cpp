#include "scale/pool_size.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "unit/scale/snapshots.hpp"

namespace triggerd::scale {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

PoolInputs inputs(std::uint32_t wanted, double busy, std::uint64_t waiting, double rate) {
  PoolInputs in;
  in.wanted = in.ready = wanted;
  in.busy = busy;
  in.waiting = waiting;
  in.rate = rate;
  return in;
}

// What is said of a state that lasts, once what it was before is settled.
std::string said(PoolInputs in, double lasts = 5, std::uint32_t least = 1, std::uint32_t most = 16) {
  PoolSize size(least, most);
  PoolDecision d;
  for (double t = 0; t <= lasts; ++t) d = size.decide(in, at(t));
  return std::to_string(d.target) + " " + name(d.rule);
}

TEST(PoolSize, OneRuleEach) {
  EXPECT_EQ(said(inputs(4, 0.9, 4'000, 100)), "8 grow") << "40 s of work: twice as many";
  EXPECT_EQ(said(inputs(4, 0.9, 250, 100)), "5 grow") << "2.5 s of work: a quarter more";
  EXPECT_EQ(said(inputs(20, 0.9, 1'000, 100), 5, 1, 40), "40 grow") << "10 s: twice as many, not fewer";
  EXPECT_EQ(said(inputs(4, 0.9, 100, 100)), "4 steady") << "a second of work is no backlog";
  EXPECT_EQ(said(inputs(4, 0.8, 4'000, 100)), "4 steady") << "not busy: something else holds them up";
  EXPECT_EQ(said(inputs(4, 0.9, 4'000, 100), 4), "4 settling");
  EXPECT_EQ(said(inputs(12, 0.9, 4'000, 100)), "16 most_processes");
  EXPECT_EQ(said(inputs(16, 0.9, 4'000, 100)), "16 most_processes");
  EXPECT_EQ(said(inputs(8, 0.9, 4'000, 100)), "16 grow") << "to the most and not beyond";
  EXPECT_EQ(said(inputs(0, 0, 0, 0)), "1 limits");
  EXPECT_EQ(said(inputs(20, 0, 0, 0)), "16 limits");
  PoolInputs in = inputs(4, 0.9, 4'000, 100);
  in.ready = 3;
  EXPECT_EQ(said(in), "4 starting") << "a crash loop starts no more of them";
  in = inputs(4, 0.9, 4'000, 100);
  in.useful = 6;
  EXPECT_EQ(said(in), "6 partitions");
  in.useful = 3;
  EXPECT_EQ(said(in), "4 partitions") << "growing is not shrinking";
  in.useful.reset();
  in.process_bytes = 100 * kMiB;
  in.free_bytes = 250 * kMiB;
  EXPECT_EQ(said(in), "6 memory");
  in.free_bytes = 99 * kMiB;
  EXPECT_EQ(said(in), "4 memory");
  in.process_bytes.reset();
  EXPECT_EQ(said(in), "8 grow") << "what a process takes is not known";
  in.process_bytes = 0;
  EXPECT_EQ(said(in), "8 grow");
  in.process_bytes = 100 * kMiB;
  in.free_bytes.reset();
  EXPECT_EQ(said(in), "8 grow") << "what is free is not known";
  in = inputs(4, 1, 3, 0.01);
  EXPECT_EQ(said(in), "7 grow") << "three records wait, so three more have something to do";
  in.concurrency = 2;
  EXPECT_EQ(said(in), "6 grow");
  in.concurrency = 0;
  EXPECT_EQ(said(in), "7 grow") << "nobody has said yet how much one takes";
  EXPECT_EQ(said(inputs(2, 1, 3, 0)), "4 grow") << "a handler so slow that none is done yet";
  EXPECT_EQ(said(inputs(2, 1, 2, 0)), "2 steady") << "each has one before it";
}

TEST(PoolSize, ShrinksByOneAfterAQuietMinute) {
  EXPECT_EQ(said(inputs(4, 0.4, 0, 100), 59), "4 quiet");
  EXPECT_EQ(said(inputs(4, 0.4, 0, 100), 60), "3 shrink");
  EXPECT_EQ(said(inputs(4, 0.4, 0, 100), 61), "4 quiet") << "and then looks again";
  EXPECT_EQ(said(inputs(4, 0.4, 100, 100), 60), "3 shrink") << "a second of work is no backlog";
  EXPECT_EQ(said(inputs(4, 0.46, 0, 100), 90), "4 steady") << "three would be busy for 61 %";
  EXPECT_EQ(said(inputs(4, 0.1, 150, 100), 90), "4 steady") << "records wait";
  EXPECT_EQ(said(inputs(1, 0, 0, 0), 90), "1 steady");
  EXPECT_EQ(said(inputs(4, 0, 0, 0), 90, 4), "4 steady") << "processes.min";
}

TEST(PoolSize, LooksAtWhatCameOfAChangeFirst) {
  PoolSize size(1, 16);
  std::vector<std::uint32_t> targets;
  std::uint32_t wanted = 1;
  for (int t = 0; t <= 16; ++t) {
    PoolInputs in = inputs(wanted, 0.9, 4'000, 100);
    if (t == 12) in.ready = wanted - 1;  // one has died and is back: seen at work from the next second on
    wanted = size.decide(in, at(t)).target;
    targets.push_back(wanted);
  }
  EXPECT_EQ(targets, (std::vector<std::uint32_t>{1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4}));
  EXPECT_EQ(size.decide(inputs(4, 0.9, 4'000, 100), at(17)).rule, PoolRule::settling);
  EXPECT_EQ(size.decide(inputs(4, 0.9, 4'000, 100), at(18)).target, 8U);
}

TEST(PoolSize, AQuietMinuteIsOneWithoutAnyBusySecond) {
  for (const PoolInputs& busy : {inputs(4, 0.7, 0, 100), inputs(4, 0.9, 4'000, 100)}) {
    PoolSize size(1, 16);
    for (int t = 0; t < 59; ++t) size.decide(inputs(4, 0, 0, 0), at(t));
    EXPECT_EQ(size.decide(busy, at(59)).target, busy.busy > 0.8 ? 8U : 4U);
    EXPECT_EQ(size.decide(inputs(4, 0, 0, 0), at(60)).rule, PoolRule::quiet);
    EXPECT_EQ(size.decide(inputs(4, 0, 0, 0), at(119)).rule, PoolRule::quiet);
    EXPECT_EQ(size.decide(inputs(4, 0, 0, 0), at(120)).rule, PoolRule::shrink);
  }
}

TEST(PoolSize, AProcessThatCannotStartIsNotHeldOnTo) {
  PoolInputs in = inputs(4, 0.4, 0, 100);
  in.ready = 3;
  EXPECT_EQ(said(in, 59), "4 starting");
  EXPECT_EQ(said(in, 60), "3 shrink");
  in.busy = 0.61;
  EXPECT_EQ(said(in, 90), "4 starting") << "the three could do with it";
  in.busy = 0.4;
  in.waiting = 150;
  EXPECT_EQ(said(in, 90), "4 starting") << "records wait";
  in = inputs(4, 0, 0, 0);
  in.ready = 0;
  EXPECT_EQ(said(in, 60), "3 shrink") << "none starts, and nothing is to be done";
  in.waiting = 1;
  EXPECT_EQ(said(in, 90), "4 starting");
}

// Seconds of rest, after having grown, until the pool shrinks.
int patience_after(PoolSize& size, double& now, std::uint32_t wanted) {
  const double begin = now;
  while (size.decide(inputs(wanted, 0, 0, 0), at(now)).target == wanted) ++now;
  return static_cast<int>(now++ - begin);
}

void grow(PoolSize& size, double& now, std::uint32_t wanted) {
  while (size.decide(inputs(wanted, 0.9, 4'000, 100), at(now)).target == wanted) ++now;
  ++now;
}

TEST(PoolSize, GrowingSoonAfterShrinkingMakesItPatient) {
  PoolSize size(1, 16);
  double now = 0;
  int waited = patience_after(size, now, 4);
  EXPECT_EQ(waited, 60);
  for (const int expected : {120, 240, 480, 960, 960}) {
    grow(size, now, 2);
    EXPECT_EQ(patience_after(size, now, 4), expected);
  }
  now += 2 * 960;
  grow(size, now, 2);
  EXPECT_EQ(patience_after(size, now, 4), 60) << "that is long ago";
}

TEST(PoolSize, WhatCannotGrowIsNoReasonToBePatient) {
  PoolSize size(1, 16);
  double now = 0;
  patience_after(size, now, 4);
  PoolInputs in = inputs(3, 0.9, 4'000, 100);
  in.process_bytes = 100 * kMiB;
  in.free_bytes = 0;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(size.decide(in, at(now++)).target, 3U);
  EXPECT_EQ(patience_after(size, now, 3), 60);
}

TEST(PoolSize, SaysWhy) {
  PoolSize size(1, 6);
  size.decide(inputs(4, 0.914, 4'000, 100), at(0));
  EXPECT_EQ(size.decide(inputs(4, 0.914, 4'000, 100), at(6)).text,
            "4 processes were busy for 91 % of the time with 4000 records waiting: 6 processes, which is "
            "processes.max");
  EXPECT_EQ(size.decide(inputs(1, 0, 0, 0), at(7)).text,
            "1 process was busy for 0 % of the time with 0 records waiting: that is right");
}

// Records come, processes of 10 records a second take them; a new one is ready after 3 s.
struct Loop {
  PoolSize size{1, 16};
  std::uint32_t wanted = 1, ready = 1, most = 1;
  double waiting = 0, now = 0, ready_at = 0;
  int changes = 0, turns = 0, last = 0;

  void run(double seconds, double rate) {
    for (const double end = now + seconds; now < end; ++now) {
      if (now >= ready_at) ready = wanted;
      waiting += rate;
      const double handled = std::min(waiting, 10.0 * ready);
      waiting -= handled;
      PoolInputs in = inputs(wanted, handled / (10.0 * ready), static_cast<std::uint64_t>(waiting), handled);
      in.ready = ready;
      const std::uint32_t target = size.decide(in, at(now)).target;
      if (target == wanted) continue;
      const int direction = target > wanted ? 1 : -1;
      turns += last != 0 && direction != last;
      last = direction;
      ++changes;
      if (target > wanted) ready_at = now + 3;
      ready = std::min(ready, target);
      wanted = target;
      most = std::max(most, wanted);
    }
  }
};

TEST(PoolSize, ALoadThatStaysFindsItsSizeAndKeepsIt) {
  for (const double rate : {3.0, 25.0, 55.0, 79.0, 110.0, 155.0}) {
    Loop loop;
    loop.run(60, rate);
    loop.run(3'600, rate);
    EXPECT_LT(loop.waiting, 2 * rate) << rate;
    EXPECT_LE(loop.turns, 1) << rate;
    loop.changes = 0;
    loop.run(3'600, rate);
    EXPECT_EQ(loop.changes, 0) << rate;
    EXPECT_GE(10.0 * loop.wanted, rate) << rate;
  }
}

TEST(PoolSize, GrowsEarly) {
  Loop loop;
  loop.run(120, 5);
  loop.run(40, 120);
  EXPECT_GE(loop.wanted, 12U);
  loop.run(1'200, 5);
  EXPECT_EQ(loop.wanted, 1U);
}

TEST(PoolSize, BurstsThatComeAgainAndAgainAreWaitedFor) {
  Loop loop;
  for (int i = 0; i < 60; ++i) {
    loop.run(90, 0);
    loop.run(30, 60);
  }
  EXPECT_LE(loop.turns, 20) << "of 60 bursts";
}

}  // namespace
}  // namespace triggerd::scale
