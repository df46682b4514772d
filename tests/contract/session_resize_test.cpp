// A pool that grows and shrinks: nothing that runs is ended, and what is missed least goes first.
#include <fstream>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "contract/flow.hpp"
#include "contract/session_rig.hpp"

namespace triggerd::worker {
namespace {

using pipeline::WorkerDraining;
using pipeline::WorkerLost;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Cause = WorkerLost::Cause;

constexpr WorkerId kFirst{1}, kSecond{2};

bool until_ready(SessionRig& rig, std::uint32_t processes) {
  return rig.until([&] {
    const PoolStats stats = rig.pool->stats();
    return stats.ready == processes && stats.starting + stats.stopping + stats.backing_off == 0;
  });
}

TEST(Resize, GrowsAndShrinksAgain) {
  SessionRig rig({"ok"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.pool->resize(3);
  EXPECT_EQ(rig.pool->stats().wanted, 3U);
  ASSERT_TRUE(until_ready(rig, 3));
  rig.pool->resize(1);
  ASSERT_EQ(rig.all<WorkerDraining>().size(), 2U) << "told before the frame is written";
  EXPECT_EQ(rig.all<WorkerDraining>().at(0).worker, WorkerId{3}) << "the newest first";
  EXPECT_EQ(rig.all<WorkerDraining>().at(1).worker, kSecond);
  ASSERT_TRUE(until_ready(rig, 1));
  for (const WorkerLost& lost : rig.all<WorkerLost>()) {
    EXPECT_EQ(lost.cause, Cause::stopped);
    EXPECT_EQ(lost.reason, "said Bye: drained");
  }
  EXPECT_FALSE(rig.logs.has("worker_restart_scheduled"));
  rig.send(kFirst, 1);
  EXPECT_TRUE(rig.answered(1));
  rig.pool->resize(0);
  EXPECT_EQ(rig.pool->stats().wanted, 1U) << "one stays";
  EXPECT_TRUE(rig.stopped());
}

TEST(Resize, TheSameSizeIsNothing) {
  SessionRig rig({"ok"});
  rig.spec.worker.min_processes = 2;
  rig.start();
  ASSERT_TRUE(until_ready(rig, 2));
  rig.pool->resize(2);
  EXPECT_TRUE(until_ready(rig, 2));
  EXPECT_EQ(rig.pool->stats().starts, 2U);
  EXPECT_TRUE(rig.stopped());
}

TEST(Resize, WithRecordsFlowingEachIsRunOnce) {
  const Flag runs;
  SessionRig rig({});
  rig.spec = SessionRig::python("note");
  rig.spec.worker.env = {{"RUNS", runs.path()}};
  rig.spec.timings.kill_after_term = seconds(20);
  rig.spec.worker.max_requests = 150;  // recycling goes on meanwhile
  Flow flow(rig);
  rig.pool = std::make_unique<Pool>(
      rig.loop, rig.spec, PoolSink{[&](const pipeline::Event& event) { flow.take(event); }, nullptr});
  rig.pool->start();
  std::minstd_rand random(7);
  std::uint64_t lost = 0;
  for (int i = 0; i < 12; ++i) {
    const std::uint32_t size = 1 + static_cast<std::uint32_t>(random() % 4);
    rig.pool->resize(size);
    const std::size_t values = flow.values();
    ASSERT_TRUE(rig.until([&] { return flow.values() > values + 100 && rig.pool->stats().ready >= 1; })) << i;
    lost += rig.pool->stats().losses;
  }
  flow.enough();
  ASSERT_TRUE(rig.until([&] { return flow.done(); }));
  EXPECT_EQ(lost, 0U);
  ASSERT_TRUE(rig.stopped());
  std::map<std::string, int> counts;
  std::ifstream file(runs.path());
  for (std::string value; std::getline(file, value);) ++counts[value];
  EXPECT_EQ(counts.size(), flow.values());
  for (const auto& [value, count] : counts) EXPECT_EQ(count, 1) << value;
}

TEST(Resize, APlaceWithoutAProcessGoesFirst) {
  SessionRig rig({"ok"});
  rig.spec.worker.min_processes = 2;
  rig.spec.timings.restart_first = rig.spec.timings.restart_most = std::chrono::hours(1);
  rig.start();
  ASSERT_TRUE(until_ready(rig, 2));
  ::kill(rig.pid_of(kFirst), SIGKILL);
  EXPECT_EQ(rig.lost().cause, Cause::crashed);
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().backing_off == 1; }));
  rig.pool->resize(1);
  EXPECT_EQ(rig.pool->stats().backing_off, 0U);
  EXPECT_TRUE(rig.all<WorkerDraining>().empty()) << "the one that works stays";
  rig.send(kSecond, 1);
  EXPECT_TRUE(rig.answered(1));
  rig.pool->resize(2);
  ASSERT_TRUE(until_ready(rig, 2)) << "the back-off went with the place";
  EXPECT_TRUE(rig.stopped());
}

TEST(Resize, APlaceIsTakenAnewWhileItsLastProcessDrains) {
  const Flag flag;
  SessionRig rig({});
  rig.spec = SessionRig::python("wait_for_rules");
  rig.spec.worker.env = {{"RULES", flag.path()}};
  rig.spec.worker.min_processes = 2;
  rig.start();
  ASSERT_TRUE(until_ready(rig, 2));
  rig.send(kSecond, 1);
  ASSERT_TRUE(rig.logged("waiting"));
  rig.pool->resize(1);
  rig.pool->resize(2);
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().ready == 2 && rig.pool->stats().stopping == 1; }));
  EXPECT_TRUE(rig.all<WorkerLost>().empty()) << "it still runs what it had";
  flag.raise();
  EXPECT_EQ(rig.lost(kSecond).cause, Cause::stopped);
  EXPECT_TRUE(rig.answered(1));
  EXPECT_EQ(rig.pool->stats().starts, 3U);
  EXPECT_TRUE(rig.stopped());
}

TEST(Resize, AProcessThatHasNotSaidHelloIsEnded) {
  const Flag flag;
  flag.raise();
  SessionRig rig({"held", flag.path()});
  rig.start();
  ASSERT_TRUE(rig.logged("event=worker_started trigger=orders worker=1"));
  rig.pool->resize(2);
  ASSERT_TRUE(rig.logged("event=worker_started trigger=orders worker=2"));
  rig.pool->resize(1);
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().starting == 1 && rig.pool->stats().stopping == 0; }));
  EXPECT_TRUE(rig.all<WorkerDraining>().empty()) << "nobody knew it";
  flag.lower();
  ASSERT_TRUE(rig.ready());
  EXPECT_TRUE(rig.stopped());
}

TEST(Resize, WhatIsToBeRecycledAndLeavesIsNotReplaced) {
  const Flag flag;
  SessionRig rig({"held", flag.path()});
  rig.spec.worker.min_processes = 3;
  rig.spec.worker.max_requests = 1;
  rig.start();
  ASSERT_TRUE(until_ready(rig, 3));
  flag.raise();
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("event=worker_started trigger=orders worker=4")) << "it waits for the flag";
  rig.send(WorkerId{3}, 2);
  ASSERT_TRUE(rig.answered(2)) << "due, behind the first";
  rig.pool->resize(2);
  rig.lost(WorkerId{3});
  flag.lower();
  rig.lost(kFirst);
  ASSERT_TRUE(until_ready(rig, 2));
  EXPECT_EQ(rig.pool->stats().starts, 4U);
  EXPECT_EQ(rig.pool->stats().recycled_for_requests, 1U);
  EXPECT_TRUE(rig.stopped());
}

}  // namespace
}  // namespace triggerd::worker
