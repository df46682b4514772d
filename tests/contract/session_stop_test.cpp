// The ends of workers: asked, forced, with the pool, and with the daemon. No process is left behind by any.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/session_rig.hpp"

namespace triggerd::worker {
namespace {

using pipeline::WorkerLost;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WorkerId kFirst{1};

pid_t started_pid(const SessionRig& rig) { return std::stoi(rig.field("worker_started", "pid")); }

// The number in the line "child PID" of the family mode.
pid_t child_pid(const SessionRig& rig) {
  const std::string line = rig.logs.lines("line=\"child ").at(0);
  return std::stoi(line.substr(line.find("child ") + 6));
}

TEST(SessionStop, APoolThatNeverStartedStops) {
  SessionRig rig({"ok"});
  rig.pool = std::make_unique<Pool>(rig.loop, rig.spec, PoolSink{[](const pipeline::Event&) {}, nullptr});
  bool stopped = false;
  rig.pool->stop(seconds(1), [&] { stopped = true; });
  EXPECT_FALSE(stopped) << "never from inside the call";
  EXPECT_TRUE(rig.until([&] { return stopped; }));
}

TEST(SessionStop, WhileBackingOffAtOnce) {
  SessionRig rig({});
  rig.spec.worker.command = {"no-such-worker"};
  rig.spec.timings.restart_first = rig.spec.timings.restart_most = std::chrono::hours(1);
  rig.start();
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().backing_off == 1; }));
  EXPECT_TRUE(rig.stopped());
  EXPECT_EQ(rig.pool->stats().backing_off, 0U);
}

TEST(SessionStop, WhileStarting) {
  SessionRig rig({"no_hello"});
  rig.start();
  ASSERT_TRUE(rig.logged("event=worker_started"));
  EXPECT_TRUE(rig.stopped(std::chrono::hours(1))) << "it has nothing to drain";
  EXPECT_EQ(rig.field("worker_stopped", "exit"), "signal 15 (Terminated)");
  EXPECT_TRUE(rig.events.empty());
}

TEST(SessionStop, AWorkerThatIgnoresDrainIsTerminated) {
  SessionRig rig({"slow_drain"});
  rig.spec.timings.kill_after_term = seconds(20);
  rig.start();
  ASSERT_TRUE(rig.ready());
  EXPECT_TRUE(rig.stopped(milliseconds(100)));
  EXPECT_TRUE(rig.logs.has("line=\"drain ignored\""));
  EXPECT_TRUE(rig.logs.has("line=terminated"));
  EXPECT_EQ(rig.field("worker_stopped", "exit"), "exit status 0");
  EXPECT_EQ(rig.all<WorkerLost>().size(), 1U);
}

TEST(SessionStop, AWorkerThatIgnoresTermIsKilled) {
  SessionRig rig({"stubborn"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  EXPECT_TRUE(rig.stopped(milliseconds(100)));
  EXPECT_TRUE(rig.logs.has("line=\"term ignored\""));
  EXPECT_EQ(rig.field("worker_stopped", "exit"), "signal 9 (Killed)");
  EXPECT_TRUE(process_ended(started_pid(rig)));
}

TEST(SessionStop, ASecondStopShortensTheFirst) {
  SessionRig rig({"stubborn"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.pool->stop(std::chrono::hours(1), [] { ADD_FAILURE() << "the second call has taken over"; });
  ASSERT_TRUE(rig.logged("drain ignored"));
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(SessionStop, NothingIsStartedAfterStop) {
  SessionRig rig({"crash"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  EXPECT_TRUE(rig.stopped());
  rig.loop.poll();
  EXPECT_EQ(rig.pool->stats().starts, 1U);
}

TEST(SessionStop, KillTakesTheWholeGroup) {
  SessionRig rig({"family", "inside"});
  rig.start();
  ASSERT_TRUE(rig.logged("line=\"child "));
  rig.pool->kill({kFirst, "test"});
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_TRUE(process_ended(started_pid(rig)));
  EXPECT_TRUE(process_ended(child_pid(rig)));
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(SessionStop, WhatACrashedWorkerLeftInItsGroupEndsToo) {
  SessionRig rig({"family", "inside"});
  rig.start();
  ASSERT_TRUE(rig.logged("line=\"child "));
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_EQ(rig.lost_reason(), "exit status 9");
  EXPECT_TRUE(process_ended(child_pid(rig)));
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(SessionStop, AnEscapedChildThatKeepsThePipesDoesNotKeepTheLoss) {
  SessionRig rig({"family", "outside"});
  rig.start();
  ASSERT_TRUE(rig.logged("line=\"child "));
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_EQ(rig.lost_reason(), "exit status 9");
  ASSERT_TRUE(rig.stopped(milliseconds(0)));
  for (const std::string& line : rig.logs.lines("line=\"child ")) {
    ::kill(std::stoi(line.substr(line.find("child ") + 6)), SIGKILL);
  }
}

TEST(SessionStop, ADestroyedPoolKillsAndSaysNothingMore) {
  SessionRig rig({"family", "inside"});
  rig.spec.worker.min_processes = 2;
  rig.start();
  ASSERT_TRUE(rig.ready(2));
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("line=\"child ").size() == 2; }));
  rig.pool.reset();
  rig.events.clear();
  rig.loop.restart();
  rig.loop.run_for(seconds(20));
  EXPECT_TRUE(rig.loop.stopped()) << "no handler is left once the processes are collected";
  EXPECT_TRUE(rig.events.empty());
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "every process was collected";
}

TEST(SessionStop, ThePoolMayBeDestroyedByWhatItReports) {
  SessionRig rig({"crash"});
  const auto took = [&](const pipeline::Event& event) {
    rig.events.push_back(event);
    if (std::holds_alternative<WorkerLost>(event)) rig.pool.reset();
  };
  rig.pool = std::make_unique<Pool>(rig.loop, rig.spec, PoolSink{took, nullptr});
  rig.pool->start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.until([&] { return rig.pool == nullptr; }));
  rig.loop.restart();
  rig.loop.run_for(seconds(20));
  EXPECT_TRUE(rig.loop.stopped());
  EXPECT_EQ(rig.events.size(), 2U);
}

// In a process of its own: a pool with one ready worker, whose number goes to `report`; then it waits to be
// killed.
[[noreturn]] void be_a_daemon(int report) {
  SessionRig rig({"deaf"});  // it does not see its socket end
  rig.start();
  if (!rig.ready()) ::_exit(1);
  const pid_t pid = started_pid(rig);
  if (::write(report, &pid, sizeof pid) != sizeof pid) ::_exit(1);
  rig.until([] { return false; });
  ::_exit(1);
}

TEST(SessionStop, TheDaemonsDeathKillsItsWorkers) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t daemon = ::fork();
  if (daemon == 0) be_a_daemon(report[1]);
  ::close(report[1]);
  pid_t worker = 0;
  ASSERT_EQ(::read(report[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  ::close(report[0]);
  ::kill(daemon, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(process_ended(worker));
}

}  // namespace
}  // namespace triggerd::worker
