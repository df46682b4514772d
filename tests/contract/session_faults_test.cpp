// Workers that fail: each is told apart in one log line, replaced after a wait, and never harms the daemon.
#include <gtest/gtest.h>

#include "contract/session_rig.hpp"

namespace triggerd::worker {
namespace {

using pipeline::Answered;
using pipeline::WorkerLost;
using pipeline::WorkerReady;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WorkerId kFirst{1};
constexpr auto kShortTime = milliseconds(300);  // for a worker that would stay for ever

struct StartFailure {
  const char* mode;
  const char* step;
  const char* error;
  const char* stderr_tail;
};

class Start : public ::testing::TestWithParam<StartFailure> {};

TEST_P(Start, FailureNamesItsStepAndIsTriedAgain) {
  const StartFailure& expected = GetParam();
  SessionRig rig({expected.mode});
  rig.spec.worker.start_timeout = seconds(60);
  if (std::string_view(expected.mode) == "no_hello") {
    // What it says it must say in time, on a busy machine too: a shell starts many times faster than the
    // stub.
    rig.spec.worker.command = {"/bin/sh", "-c", "echo still importing >&2; exec sleep 600"};
    rig.spec.worker.start_timeout = seconds(2);
  } else if (std::string_view(expected.mode) == "ack_first") {
    rig.spec.timings.exit_after_close = kShortTime;
  }
  rig.start();
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("event=worker_started").size() >= 2; }));
  EXPECT_EQ(rig.field("worker_start_failed", "step"), expected.step);
  EXPECT_EQ(rig.field("worker_start_failed", "error"), expected.error);
  EXPECT_EQ(rig.field("worker_start_failed", "stderr"), expected.stderr_tail);
  EXPECT_NE(rig.field("worker_restart_scheduled", "in_ms"), "");
  EXPECT_TRUE(rig.events.empty()) << "the pipeline hears of ready workers only";
  EXPECT_GE(rig.pool->stats().start_failures, 1U);
  const pid_t pid = std::stoi(rig.field("worker_started", "pid"));
  EXPECT_TRUE(process_ended(pid));
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

INSTANTIATE_TEST_SUITE_P(
    Session, Start,
    ::testing::Values(
        StartFailure{"no_hello", "hello", "no Hello within 2 s", "still importing"},
        StartFailure{"exit_early", "hello", "exit status 3 before Hello", "no module named billing"},
        StartFailure{"bye_first", "hello", "said Bye: handler_missing: handler.py defines no handle()", ""},
        StartFailure{"ack_first", "protocol", "protocol error: the first frame must be Hello", ""},
        StartFailure{"newer_protocol", "protocol",
                     "protocol error: this daemon speaks versions 1 to 1, the worker 7 to 9", ""}),
    [](const auto& row) { return std::string(row.param.mode); });

TEST(SessionFaults, AProgramThatIsNotThere) {
  SessionRig rig({});
  rig.spec.worker.command = {"no-such-worker"};
  rig.start();
  EXPECT_TRUE(rig.logs.text().empty()) << "reported from the loop, not from inside start()";
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("event=worker_start_failed").size() >= 3; }));
  EXPECT_EQ(rig.field("worker_start_failed", "step"), "exec");
  EXPECT_TRUE(rig.field("worker_start_failed", "error").starts_with("no-such-worker: not found in PATH ("));
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionFaults, AWorkingDirectoryThatIsNotThere) {
  SessionRig rig({"ok"});
  rig.spec.worker.working_directory = "/no/such/place";
  rig.start();
  ASSERT_TRUE(rig.logged("event=worker_start_failed"));
  EXPECT_EQ(rig.field("worker_start_failed", "step"), "chdir");
  EXPECT_EQ(rig.field("worker_start_failed", "error"), "/no/such/place: No such file or directory");
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionFaults, BackOffGrowsWithEachFailure) {
  SessionRig rig({});
  rig.spec.worker.command = {"no-such-worker"};
  rig.spec.timings.restart_first = milliseconds(8);
  rig.spec.timings.restart_most = milliseconds(60);
  rig.start();
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("event=worker_restart_scheduled").size() >= 6; }));
  std::vector<int> waits;
  for (const std::string& line : rig.logs.lines("event=worker_restart_scheduled")) {
    waits.push_back(std::stoi(line.substr(line.find("in_ms=") + 6)));
  }
  const int expected[] = {8, 16, 32, 60, 60, 60};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_GE(waits[i], expected[i] * 8 / 10 - 1) << "wait " << i;
    EXPECT_LE(waits[i], expected[i] * 12 / 10) << "wait " << i;
  }
  EXPECT_TRUE(rig.stopped());
}

struct Violation {
  const char* mode;
  const char* rule;  // part of it
  bool batch;        // it needs one
};

class Rule : public ::testing::TestWithParam<Violation> {};

TEST_P(Rule, BrokenEndsTheSessionWithItsName) {
  SessionRig rig({GetParam().mode});
  rig.spec.timings.exit_after_close = kShortTime;
  rig.start();
  if (GetParam().batch) {
    ASSERT_TRUE(rig.ready());
    rig.send(kFirst, 5, 2);
  }
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().protocol_errors >= 1; }));
  const std::string rule = rig.field("worker_protocol_error", "rule");
  EXPECT_NE(rule.find(GetParam().rule), std::string::npos) << rule;
  EXPECT_TRUE(process_ended(std::stoi(rig.field("worker_protocol_error", "pid"))));
  ASSERT_EQ(rig.all<WorkerLost>().size(), rig.all<WorkerReady>().size());
  if (!rig.events.empty()) {
    EXPECT_EQ(rig.lost_reason(), "protocol error: " + rule);
  }
  EXPECT_TRUE(rig.all<Answered>().empty());
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

INSTANTIATE_TEST_SUITE_P(
    Session, Rule,
    ::testing::Values(Violation{"garbage", "", false}, Violation{"broken_json", "not JSON", false},
                      Violation{"hello_twice", "Hello comes once", true},
                      Violation{"daemons_frame", "only the daemon sends Drain", true},
                      Violation{"oversized", "", true}, Violation{"violate_and_stay", "", true},
                      Violation{"bad_index", "Ack: index 2 is outside batch 5 of 2 records", true}),
    [](const auto& row) { return std::string(row.param.mode); });

TEST(SessionFaults, TheWorkerIsToldWhichRuleItBroke) {
  SessionRig rig({"bad_index"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 5, 2);
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_TRUE(
      rig.logs.has(R"(daemon said {\"code\": \"protocol_error\", \"message\": \"Ack: index 2 is outside)"))
      << rig.logs.text();
  EXPECT_EQ(rig.field("worker_lost", "exit"), "exit status 1");
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionFaults, ACrashIsNamedAndAnotherWorkerComes) {
  SessionRig rig({"crash"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.ready(2));
  ASSERT_EQ(rig.all<WorkerLost>().size(), 1U);
  EXPECT_EQ(rig.all<WorkerLost>()[0].worker, kFirst);
  EXPECT_EQ(rig.lost_reason(), "signal 11 (Segmentation fault)");
  EXPECT_EQ(rig.field("worker_lost", "reason"), "signal 11 (Segmentation fault)");
  EXPECT_EQ(rig.field("worker_lost", "stderr"), "Traceback: division by zero");
  EXPECT_EQ(rig.all<WorkerReady>()[1].worker, WorkerId{2}) << "a number is never used again";
  rig.send(kFirst, 2);  // too late: nothing happens
  rig.send(WorkerId{2}, 3);
  ASSERT_TRUE(rig.until([&] { return rig.all<WorkerLost>().size() == 2; }));
  EXPECT_EQ(rig.pool->stats().losses, 2U);
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionFaults, WhatWasAnsweredBeforeTheEndCounts) {
  SessionRig rig({"ack_then_exit"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1, 2);
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  ASSERT_EQ(rig.events.size(), 3U);
  ASSERT_TRUE(std::holds_alternative<Answered>(rig.events[1])) << "before the loss";
  EXPECT_EQ(std::get<Answered>(rig.events[1]).ack.answers.at(0).last, 0U);
  EXPECT_EQ(rig.lost_reason(), "exit status 1");
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionFaults, ASilentIdleWorkerIsEnded) {
  SessionRig rig({"deaf"});
  rig.spec.timings.ping_after = milliseconds(30);
  rig.spec.timings.pong_within = milliseconds(50);
  rig.start();
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_EQ(rig.lost_reason(), "silent: no Pong within 50 ms");
  EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 9 (Killed)");
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(SessionFaults, ABusySilentWorkerIsThePipelinesToJudge) {
  SessionRig rig({"hang"});
  rig.spec.timings.ping_after = milliseconds(5);
  rig.spec.timings.pong_within = milliseconds(5);
  // Give it time to say Hello and get the batch: pings are answered only once it reads.
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("line=hanging"));
  // Many times the silence an idle worker is allowed, measured by the loop's own events.
  const auto later = std::chrono::steady_clock::now() + milliseconds(300);
  ASSERT_TRUE(rig.until([&] { return std::chrono::steady_clock::now() > later; }));
  EXPECT_TRUE(rig.all<WorkerLost>().empty());
  rig.pool->kill({kFirst, "attempt of orders[2] 17 timed out"});
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_EQ(rig.lost_reason(), "killed: attempt of orders[2] 17 timed out");
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(SessionFaults, AWorkerThatClosesItsSocketAndStays) {
  SessionRig rig({"close_socket"});
  rig.spec.timings.exit_after_close = kShortTime;
  rig.start();
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_EQ(rig.lost_reason(), "closed its socket but did not exit");
  EXPECT_TRUE(process_ended(std::stoi(rig.field("worker_started", "pid"))));
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(SessionFaults, AWorkerThatDoesNotReadIsNotWaitedFor) {
  SessionRig rig({"deaf"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  for (std::uint64_t id = 1; id <= 2000; ++id) rig.send(kFirst, id, 100);  // far more than its socket holds
  bool posted = false;
  ASSERT_TRUE(rig.until([&] { return rig.loop.poll() == 0 || std::exchange(posted, true); }))
      << "the loop goes on";
  rig.pool->kill({kFirst, "test"});
  ASSERT_TRUE(rig.until([&] { return !rig.all<WorkerLost>().empty(); }));
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

}  // namespace
}  // namespace triggerd::worker
