// Workers that fail again and again, and who is to blame for an end.
#include <gtest/gtest.h>
#include <signal.h>

#include "contract/session_rig.hpp"
#include "unit/worker/batches.hpp"

namespace triggerd::worker {
namespace {

using pipeline::Answered;
using pipeline::WorkerLost;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Cause = WorkerLost::Cause;

constexpr WorkerId kFirst{1};

// --- crash loops

TEST(CrashLoop, IsEnteredAfterFiveFailuresAndLeftByAHealthyLife) {
  const Flag flag;
  flag.raise();
  SessionRig rig({"flaky", flag.path()});
  rig.spec.timings.healthy_after = milliseconds(400);
  int changes = 0;
  const auto took = [&](const pipeline::Event& event) { rig.events.push_back(event); };
  rig.pool = std::make_unique<Pool>(rig.loop, rig.spec, PoolSink{took, [&] { ++changes; }});
  rig.pool->start();
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().start_failures == 4; }));
  EXPECT_EQ(rig.pool->stats().crash_looping, 0U);
  EXPECT_EQ(rig.pool->stats().last_crash, "");
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().crash_looping == 1; }));
  EXPECT_EQ(rig.pool->stats().start_failures, 5U);
  EXPECT_EQ(rig.pool->stats().last_crash, "exit status 3 before Hello: no rules in rules");
  EXPECT_EQ(rig.field("worker_crash_loop", "failures"), "5");
  EXPECT_GE(changes, 5) << "nobody is told by an event";
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().start_failures >= 7; })) << "restarts go on";
  EXPECT_EQ(rig.pool->stats().crash_looping, 1U);
  const auto lowered = std::chrono::steady_clock::now();
  flag.lower();
  ASSERT_TRUE(rig.ready());
  changes = 0;
  ASSERT_TRUE(rig.until([&] { return rig.pool->stats().crash_looping == 0; }));
  EXPECT_GE(std::chrono::steady_clock::now() - lowered, milliseconds(400)) << "ready is not healthy yet";
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(rig.pool->stats().ready, 1U) << "while it lives";
  EXPECT_EQ(rig.pool->stats().last_crash, "");
  EXPECT_EQ(rig.pool->stats().restarts, rig.pool->stats().start_failures);
  EXPECT_EQ(rig.logs.lines("event=worker_crash_loop ").size(), 1U);
  EXPECT_EQ(rig.logs.lines("event=worker_crash_loop_over ").size(), 1U);
  EXPECT_TRUE(rig.stopped());
}

TEST(CrashLoop, OfOneThatIsReadyEachTime) {
  SessionRig rig({"crash"});
  rig.start();
  for (std::uint32_t life = 1; life <= 5; ++life) {
    EXPECT_EQ(rig.pool->stats().crash_looping, 0U);
    ASSERT_TRUE(rig.ready(life));
    rig.send(WorkerId{life}, life);
    rig.lost(WorkerId{life});
  }
  EXPECT_EQ(rig.pool->stats().crash_looping, 1U);
  EXPECT_EQ(rig.pool->stats().last_crash, "signal 11 (Segmentation fault): Traceback: division by zero");
  EXPECT_TRUE(rig.stopped());
}

TEST(CrashLoop, IsNoneWhereWeEndedThem) {
  SessionRig rig({"ok"});
  rig.start();
  for (std::uint32_t life = 1; life <= 6; ++life) {
    ASSERT_TRUE(rig.ready(life));
    rig.pool->kill({WorkerId{life}, "still running at revokeTimeout"});
    EXPECT_EQ(rig.lost(WorkerId{life}).cause, Cause::stopped);
  }
  EXPECT_EQ(rig.pool->stats().crash_looping, 0U);
  EXPECT_EQ(rig.pool->stats().losses, 0U);
  EXPECT_FALSE(rig.logs.has("worker_restart_scheduled")) << "the next may start at once";
  EXPECT_TRUE(rig.stopped());
}

// --- who is to blame

TEST(Cause, OfEachEnd) {
  const struct {
    std::vector<std::string> mode;
    const char* reason;  // its beginning
  } rows[] = {{{"crash"}, "signal 11"},
              {{"ack_then_exit"}, "exit status 1"},
              {{"bad_index"}, "protocol error: "},
              {{"close_socket"}, "closed its socket but did not exit"}};
  for (const auto& row : rows) {
    SessionRig rig(row.mode);
    if (row.mode[0] == "close_socket") rig.spec.timings.exit_after_close = milliseconds(300);
    rig.start();
    ASSERT_TRUE(rig.ready());
    rig.send(kFirst, 5, 2);
    const WorkerLost end = rig.lost();
    EXPECT_EQ(end.cause, Cause::crashed) << row.mode[0];
    EXPECT_TRUE(end.reason.starts_with(row.reason)) << end.reason;
    EXPECT_TRUE(rig.stopped(milliseconds(0)));
  }
}

TEST(Cause, AKillFromOutsideIsACrashLikeAnyOther) {
  SessionRig rig({"ok"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  ::kill(rig.pid_of(kFirst), SIGKILL);  // as the kernel does where memory runs out
  const WorkerLost end = rig.lost();
  EXPECT_EQ(end.cause, Cause::crashed);
  EXPECT_EQ(end.reason, "signal 9 (Killed)");
  ASSERT_TRUE(rig.ready(2));
  EXPECT_EQ(rig.pool->stats().losses, 1U);
  EXPECT_TRUE(rig.stopped());
}

TEST(Cause, SilenceIsACrash) {
  SessionRig rig({"deaf"});
  rig.spec.timings.ping_after = rig.spec.timings.pong_within = milliseconds(30);
  rig.start();
  EXPECT_EQ(rig.lost().cause, Cause::crashed);
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(Cause, AKillForAReasonOfOursIsAtOnceAndBlamesNobody) {
  SessionRig rig({"hang"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("line=hanging"));
  rig.pool->kill({kFirst, "still running at revokeTimeout"});
  const WorkerLost end = rig.lost();
  EXPECT_EQ(end.cause, Cause::stopped);
  EXPECT_EQ(end.reason, "killed: still running at revokeTimeout");
  EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 9 (Killed)");
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(Cause, AnAttemptThatTookTooLongGetsTermAndIsBlamed) {
  SessionRig rig({"hang"});
  rig.spec.timings.kill_after_term = seconds(20);
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("line=hanging"));
  rig.pool->kill({kFirst, "no answer within worker.timeout", true});
  const WorkerLost end = rig.lost();
  EXPECT_EQ(end.cause, Cause::crashed);
  EXPECT_EQ(end.reason, "killed: no answer within worker.timeout");
  EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 15 (Terminated)");
  EXPECT_EQ(rig.pool->stats().losses, 1U);
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

TEST(Cause, WhoIgnoresTermIsKilledAMomentLater) {
  SessionRig rig({"stubborn"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.pool->kill({kFirst, "no answer within worker.timeout", true});
  rig.send(kFirst, 1);  // nothing more is sent
  EXPECT_EQ(rig.lost().cause, Cause::crashed);
  EXPECT_TRUE(rig.logs.has("line=\"term ignored\""));
  EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 9 (Killed)");
  EXPECT_TRUE(rig.all<Answered>().empty());
  EXPECT_TRUE(rig.stopped(milliseconds(0)));
}

// Of the Python SDK: where it can, it says where it hangs; where the interpreter itself is stuck, KILL
// follows.
TEST(Cause, APythonHandlerThatHangs) {
  const struct {
    const char* value;
    const char* said;  // once it does
    bool tells;
  } rows[] = {{"hang", "got 1: hang", true}, {"hang_in_c", "line=stuck", false}};
  for (const auto& row : rows) {
    SessionRig rig({});
    rig.spec = SessionRig::python("one");
    rig.start();
    ASSERT_TRUE(rig.ready());
    rig.send(kFirst, delivery_of(1, batch_of({row.value})));
    ASSERT_TRUE(rig.logged(row.said));
    rig.pool->kill({kFirst, "no answer within worker.timeout", true});
    EXPECT_EQ(rig.lost().cause, Cause::crashed);
    EXPECT_EQ(rig.field("worker_lost", "exit"), "signal 9 (Killed)");
    EXPECT_EQ(rig.logs.has("told to stop while the handler runs"), row.tells) << row.value;
    EXPECT_EQ(rig.logs.has(", in one"), row.tells) << row.value;
    EXPECT_TRUE(rig.stopped(milliseconds(0)));
  }
}

}  // namespace
}  // namespace triggerd::worker
