// Workers that are replaced before they fail: they have handled maxRequests, or outgrown maxMemory.
#include <algorithm>
#include <deque>
#include <fstream>
#include <future>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "contract/flow.hpp"
#include "contract/session_rig.hpp"
#include "worker/memory.hpp"

namespace triggerd::worker {
namespace {

using pipeline::Answered;
using pipeline::WorkerDraining;
using pipeline::WorkerLost;
using pipeline::WorkerReady;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Cause = WorkerLost::Cause;

constexpr WorkerId kFirst{1}, kSecond{2};
constexpr std::uint64_t kMiB = 1 << 20;

// --- maxRequests

TEST(Recycle, TheNextIsReadyBeforeTheOldOneIsToldToDrain) {
  SessionRig rig({"ok"});
  rig.spec.worker.max_requests = 1;
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1, 3);
  const WorkerLost old = rig.lost();
  EXPECT_EQ(old.cause, Cause::stopped);
  EXPECT_EQ(old.reason, "said Bye: drained");
  std::string order;
  for (const auto& event : rig.events) {
    if (std::holds_alternative<WorkerReady>(event)) order += 'r';
    if (std::holds_alternative<Answered>(event)) order += 'a';
    if (std::holds_alternative<WorkerDraining>(event)) order += 'd';
    if (std::holds_alternative<WorkerLost>(event)) order += 'l';
  }
  EXPECT_EQ(order, "rardl");
  EXPECT_EQ(rig.all<WorkerDraining>().at(0).worker, kFirst);
  EXPECT_EQ(rig.field("worker_recycle_started", "reason"), "requests");
  EXPECT_EQ(rig.field("worker_recycle_started", "handled"), "3");
  EXPECT_EQ(rig.field("worker_stopped", "exit"), "exit status 0");
  EXPECT_FALSE(rig.logs.has("worker_restart_scheduled")) << "no back-off";
  const PoolStats stats = rig.pool->stats();
  EXPECT_EQ(stats.recycled_for_requests, 1U);
  EXPECT_EQ(stats.recycled_for_memory + stats.losses + stats.restarts, 0U);
  EXPECT_EQ(stats.ready, 1U);
  EXPECT_TRUE(rig.stopped());
}

TEST(Recycle, WhatIsSentWhenDrainingIsReportedComesBeforeTheDrain) {
  SessionRig rig({"ok"});
  rig.spec.worker.max_requests = 1;
  const auto took = [&](const pipeline::Event& event) {
    rig.events.push_back(event);
    if (std::holds_alternative<WorkerDraining>(event)) rig.send(kFirst, 2);
  };
  rig.pool = std::make_unique<Pool>(rig.loop, rig.spec, PoolSink{took, nullptr});
  rig.pool->start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  EXPECT_EQ(rig.lost().cause, Cause::stopped);
  EXPECT_EQ(rig.all<Answered>().size(), 2U);
  rig.send(kFirst, 3);  // too late: nothing happens
  EXPECT_TRUE(rig.stopped());
}

TEST(Recycle, WithRecordsFlowingEachIsRunOnceAndNoProcessIsMissing) {
  const Flag runs;
  SessionRig rig({});
  rig.spec = SessionRig::python("note");
  rig.spec.worker.env = {{"RUNS", runs.path()}};
  rig.spec.timings.kill_after_term = seconds(20);
  rig.spec.worker.min_processes = 2;
  rig.spec.worker.max_requests = 40;
  Flow flow(rig);
  std::uint32_t least = 2;
  std::set<WorkerId> first_two;  // have been ready: each place has been filled
  const auto took = [&](const pipeline::Event& event) {
    flow.take(event);
    const auto* const ready = std::get_if<WorkerReady>(&event);
    if (ready && ready->worker <= kSecond) first_two.insert(ready->worker);
    if (first_two.size() == 2) least = std::min(least, rig.pool->stats().ready);
  };
  rig.pool = std::make_unique<Pool>(rig.loop, rig.spec, PoolSink{took, nullptr});
  rig.pool->start();
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().recycled_for_requests >= 5; }));
  flow.enough();
  ASSERT_TRUE(rig.until([&] { return flow.done(); }));
  EXPECT_EQ(least, 2U);
  EXPECT_EQ(rig.pool->stats().losses, 0U);
  ASSERT_TRUE(rig.stopped());
  std::map<std::string, int> counts;
  std::ifstream file(runs.path());
  for (std::string value; std::getline(file, value);) ++counts[value];
  EXPECT_GT(flow.values(), 200U);
  EXPECT_EQ(counts.size(), flow.values());
  for (const auto& [value, count] : counts) EXPECT_EQ(count, 1) << value;
}

TEST(Recycle, WithoutAReplacementTheOldOneGoesOn) {
  const Flag flag;
  SessionRig rig({"flaky", flag.path()});
  rig.spec.worker.max_requests = 1;
  rig.start();
  ASSERT_TRUE(rig.ready());
  flag.raise();
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("event=worker_recycle_scheduled").size() >= 3; }));
  rig.send(kFirst, 2);
  ASSERT_TRUE(rig.answered(2)) << "it is not told to drain";
  EXPECT_EQ(rig.field("worker_start_failed", "stderr"), "reading the rules\\nno rules in rules");
  EXPECT_EQ(rig.pool->stats().ready, 1U);
  EXPECT_EQ(rig.pool->stats().recycled_for_requests, 0U);
  EXPECT_EQ(rig.pool->stats().crash_looping, 0U) << "the place has a worker";
  EXPECT_TRUE(rig.all<WorkerDraining>().empty());
  std::vector<int> waits;
  for (const std::string& line : rig.logs.lines("event=worker_recycle_scheduled")) {
    waits.push_back(std::stoi(line.substr(line.find("in_ms=") + 6)));
  }
  EXPECT_GE(waits.at(2), 2 * waits.at(0)) << "with back-off";
  flag.lower();
  EXPECT_EQ(rig.lost().cause, Cause::stopped);
  EXPECT_EQ(rig.pool->stats().recycled_for_requests, 1U);
  EXPECT_TRUE(rig.stopped());
}

TEST(Recycle, AWorkerThatCrashesMeanwhileLeavesItsPlaceToTheReplacement) {
  const Flag flag;
  SessionRig rig({"held", flag.path()});
  rig.spec.worker.max_requests = 1;
  rig.spec.timings.restart_first = rig.spec.timings.restart_most = std::chrono::hours(1);
  rig.start();
  ASSERT_TRUE(rig.ready());
  flag.raise();
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("event=worker_started trigger=orders worker=2"));
  ::kill(rig.pid_of(kFirst), SIGKILL);
  EXPECT_EQ(rig.lost().cause, Cause::crashed);
  flag.lower();
  ASSERT_TRUE(rig.ready(2));
  EXPECT_TRUE(rig.all<WorkerDraining>().empty());
  rig.send(kSecond, 2);
  ASSERT_TRUE(rig.answered(2));
  const PoolStats stats = rig.pool->stats();
  EXPECT_EQ(stats.losses, 1U);
  EXPECT_EQ(stats.recycled_for_requests, 0U);
  ASSERT_TRUE(rig.ready(3)) << "recycling goes on";
  EXPECT_TRUE(rig.stopped());
}

TEST(Recycle, AnAttemptThatOutlastsTheTimeoutIsEndedAndBlamed) {
  SessionRig rig({"ok_then", "hang"});
  rig.spec.worker.max_requests = 1;
  rig.spec.worker.timeout = milliseconds(300);
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  rig.send(kFirst, 2);
  const WorkerLost old = rig.lost();
  EXPECT_EQ(old.cause, Cause::crashed);
  EXPECT_EQ(old.reason, "did not drain in time");
  EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 15 (Terminated)");
  EXPECT_EQ(rig.pool->stats().losses, 1U);
  EXPECT_EQ(rig.pool->stats().recycled_for_requests, 1U);
  EXPECT_EQ(rig.pool->stats().backing_off, 0U) << "its place has been taken";
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

// As an SDK does whose attempt still runs at the Drain's deadline.
TEST(Recycle, OneThatLeavesWorkUndoneIsBlamed) {
  SessionRig rig({"ok_then", "leave"});
  rig.spec.worker.max_requests = 1;
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  rig.send(kFirst, 2);
  EXPECT_EQ(rig.lost().cause, Cause::crashed);
  EXPECT_EQ(rig.lost_reason(), "said Bye: drained");
  rig.send(kSecond, 3);
  rig.send(kSecond, 4);
  ASSERT_TRUE(rig.answered(2));
  EXPECT_TRUE(rig.stopped());
  EXPECT_EQ(rig.lost(kSecond).cause, Cause::stopped) << "not where the pool is stopped";
}

TEST(Recycle, OneThatCrashesWhileItDrainsHasCrashed) {
  SessionRig rig({"ok_then", "crash"});
  rig.spec.worker.max_requests = 1;
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  const WorkerLost old = rig.lost();
  EXPECT_EQ(old.cause, Cause::crashed);
  EXPECT_TRUE(old.reason.starts_with("signal 11 (Segmentation fault)")) << old.reason;
  EXPECT_FALSE(rig.logs.has("worker_restart_scheduled")) << "its place has been taken";
  rig.pool.reset();  // or the next one crashes too
}

TEST(Recycle, AStopMeanwhileEndsBoth) {
  SessionRig rig({"slow_drain"});
  rig.spec.worker.max_requests = 1;
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("drain ignored"));
  EXPECT_EQ(rig.pool->stats().ready + rig.pool->stats().stopping, 2U);
  EXPECT_TRUE(rig.stopped(milliseconds(50))) << "the recycle's own time is worker.timeout";
  for (const WorkerLost& l : rig.all<WorkerLost>()) EXPECT_EQ(l.cause, Cause::stopped) << l.reason;
  EXPECT_EQ(rig.all<WorkerLost>().size(), 2U);
}

// --- maxMemory

SessionRig& limited(SessionRig& rig, MemoryReader& reader, std::uint64_t mebibytes) {
  rig.spec.memory = &reader;
  rig.spec.worker.max_memory = mebibytes * kMiB;
  rig.spec.timings.memory_every = milliseconds(20);
  return rig;
}

TEST(Memory, AWorkerThatGrewTooLargeIsReplacedInGoodOrder) {
  SessionRig rig({"hog", "64"});
  MemoryReader reader;
  limited(rig, reader, 60).start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  const WorkerLost old = rig.lost();
  EXPECT_EQ(old.cause, Cause::stopped);
  EXPECT_EQ(rig.field("worker_recycle_started", "reason"), "memory");
  const int mebibytes = std::stoi(rig.field("worker_recycle_started", "memory_mib"));
  EXPECT_GE(mebibytes, 60) << "it may have been seen on its way there";
  EXPECT_LT(mebibytes, 90);
  ASSERT_TRUE(rig.answered(1));
  const PoolStats stats = rig.pool->stats();
  EXPECT_EQ(stats.recycled_for_memory, 1U);
  EXPECT_EQ(stats.recycled_for_requests + stats.losses, 0U);
  rig.send(kSecond, 2);
  EXPECT_EQ(rig.lost(kSecond).cause, Cause::stopped) << "and so on";
  EXPECT_TRUE(rig.logs.has("event=worker_recycle_scheduled")) << "not without end";
  EXPECT_TRUE(rig.stopped());
}

TEST(Memory, HalfAsMuchAgainIsKilledAndBlamed) {
  SessionRig rig({"hog", "128", "0", "never drains"});  // where it is seen on its way there
  MemoryReader reader;
  limited(rig, reader, 60).start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  const WorkerLost old = rig.lost();
  EXPECT_EQ(old.cause, Cause::crashed);
  EXPECT_TRUE(old.reason.starts_with("resident memory ") && old.reason.ends_with(" MiB over maxMemory"))
      << old.reason;
  EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 9 (Killed)");
  ASSERT_TRUE(rig.ready(2)) << "as after any crash";
  EXPECT_EQ(rig.pool->stats().losses, 1U);
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(Memory, WhatAWorkerStartsCountsAsItsOwn) {
  SessionRig rig({"hog_child", "64"});
  MemoryReader reader;
  limited(rig, reader, 60).start();
  ASSERT_TRUE(rig.ready());
  EXPECT_EQ(rig.lost().cause, Cause::stopped);
  EXPECT_GE(std::stoi(rig.field("worker_recycle_started", "memory_mib")), 60);
  EXPECT_TRUE(rig.stopped());
}

TEST(Memory, WhatAWorkerSharesWithItsChildrenCountsOnce) {
  SessionRig rig({"hog", "64", "6"});
  MemoryReader reader;
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.answered(1));
  const auto read = [&](std::uint64_t exact_above) {
    std::promise<std::uint64_t> bytes;
    reader.read({rig.pid_of(kFirst)}, exact_above, [&](const auto& all) { bytes.set_value(all.at(0)); });
    return bytes.get_future().get() / kMiB;
  };
  EXPECT_GE(read(1ull << 40), 7 * 64U) << "the sum of the resident sets";
  EXPECT_GE(read(0), 64U);
  EXPECT_LT(read(0), 2 * 64U) << "the truth";
  EXPECT_TRUE(rig.stopped());
}

TEST(Memory, OfAProcessThatIsGoneIsNothing) {
  MemoryReader reader;
  std::promise<std::vector<std::uint64_t>> bytes;
  reader.read({0x7ffffff0, ::getpid()}, 0, [&](auto all) { bytes.set_value(std::move(all)); });
  const auto all = bytes.get_future().get();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], 0U);
  EXPECT_GT(all[1], kMiB);
}

TEST(Memory, AWorkerOfReasonableSizeIsLeftAlone) {
  SessionRig rig({"hog", "16"});
  MemoryReader reader;
  limited(rig, reader, 200).start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  const auto later = std::chrono::steady_clock::now() + milliseconds(300);
  ASSERT_TRUE(rig.until([&] { return std::chrono::steady_clock::now() > later; }));
  EXPECT_EQ(rig.pool->stats().starts, 1U);
  EXPECT_TRUE(rig.stopped());
}

}  // namespace
}  // namespace triggerd::worker
