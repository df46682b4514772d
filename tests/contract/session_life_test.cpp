// A worker's ordinary life: started, welcomed, given records, stopped.
#include <filesystem>

#include <gtest/gtest.h>

#include "contract/session_rig.hpp"
#include "unit/worker/batches.hpp"
#include "worker/lines.hpp"

namespace triggerd::worker {
namespace {

using pipeline::Answered;
using pipeline::WorkerCredit;
using pipeline::WorkerLost;
using pipeline::WorkerReady;
using std::chrono::milliseconds;

constexpr WorkerId kFirst{1};

TEST(SessionLife, HelloBatchAckDrain) {
  SessionRig rig({"ok"});
  rig.start();
  EXPECT_EQ(rig.pool->stats().starting, 1U);
  ASSERT_TRUE(rig.ready());
  const WorkerReady ready = rig.all<WorkerReady>()[0];
  EXPECT_EQ(ready.worker, kFirst);
  EXPECT_EQ(ready.concurrency, 1U);
  EXPECT_EQ(ready.window, (wire::Window{1000, 1 << 24}));
  EXPECT_EQ(rig.pool->stats().ready, 1U);

  rig.send(kFirst, 10, 3);
  rig.send(kFirst, 11, 1);
  ASSERT_TRUE(rig.until([&] { return rig.all<Answered>().size() == 2; }));
  EXPECT_EQ(rig.all<Answered>()[0].ack, (wire::Ack{BatchId{10}, {}}));
  EXPECT_EQ(rig.all<Answered>()[1].ack, (wire::Ack{BatchId{11}, {}}));

  ASSERT_TRUE(rig.stopped());
  ASSERT_EQ(rig.all<WorkerLost>().size(), 1U) << "exactly one for each WorkerReady";
  EXPECT_EQ(rig.events.size(), 4U);
  EXPECT_EQ(rig.field("worker_started", "trigger"), "orders");
  EXPECT_EQ(rig.field("worker_ready", "sdk"), "stub/1");
  EXPECT_EQ(rig.field("worker_ready", "pid"), rig.field("worker_started", "pid"));
  EXPECT_EQ(rig.field("worker_stopped", "exit"), "exit status 0");
  EXPECT_FALSE(rig.logs.has("worker_lost")) << "it was asked to";
  const PoolStats stats = rig.pool->stats();
  EXPECT_EQ(stats.starts, 1U);
  EXPECT_EQ(stats.losses + stats.start_failures + stats.protocol_errors + stats.ignored_answers, 0U);
  EXPECT_EQ(stats.ready + stats.starting + stats.stopping + stats.backing_off, 0U);
}

TEST(SessionLife, ThePoolKeepsSoManyAliveAndStartsFewAtOnce) {
  SessionRig rig({"ok"});
  rig.spec.worker.min_processes = 3;
  rig.spec.timings.starting_at_once = 1;
  rig.start();
  EXPECT_EQ(rig.pool->stats().starting, 1U);
  ASSERT_TRUE(rig.ready(3));
  std::string order;
  for (const std::string& line : rig.logs.lines("event=worker_")) {
    order += line.find("worker_started") != std::string::npos ? "s" : "r";
  }
  EXPECT_EQ(order, "srsrsr");
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(rig.all<WorkerReady>()[i].worker, WorkerId{i + 1});
  for (std::uint32_t i = 1; i <= 3; ++i) rig.send(WorkerId{i}, 100 + i);
  ASSERT_TRUE(rig.until([&] { return rig.all<Answered>().size() == 3; }));
  ASSERT_TRUE(rig.stopped());
  EXPECT_EQ(rig.all<WorkerLost>().size(), 3U);
}

TEST(SessionLife, WhatAWorkerFindsWhenItStarts) {
  SessionRig rig({"environment"});
  const std::filesystem::path directory = std::filesystem::temp_directory_path();
  rig.spec.worker.working_directory = directory;
  rig.spec.worker.env = {{"ORDERS_DB", "db1"}};
  rig.spec.sdk_python_path = "/usr/share/sdk";
  ::setenv("NOTIFY_SOCKET", "@x", 1);
  rig.start();
  ASSERT_TRUE(rig.logged("line=\"blocked"));
  ::unsetenv("NOTIFY_SOCKET");
  for (const std::string part : {"env TRIGGERD_FD=3", "env ORDERS_DB=db1", "fds 0,1,2,3", "stdin /dev/null",
                                 "group True", "blocked 0 ignored 0"}) {
    EXPECT_TRUE(rig.logs.has("line=\"" + part + "\"")) << part;
  }
  EXPECT_TRUE(rig.logs.has("cwd " + directory.string()));
  EXPECT_TRUE(rig.logs.has(":/usr/share/sdk\"") || rig.logs.has("PYTHONPATH=/usr/share/sdk\""));
  EXPECT_FALSE(rig.logs.has("NOTIFY_SOCKET"));
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionLife, ALargeBatchToAReaderOfLittle) {
  SessionRig rig({"trickle"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  std::string pattern;
  for (std::size_t i = 0; i < 8 << 20; ++i) pattern += static_cast<char>(i * 7 % 251);
  std::vector<std::string> values;
  for (std::size_t at = 0; at < pattern.size(); at += 100'000) values.push_back(pattern.substr(at, 100'000));
  const auto batch = batch_of(values);
  rig.send(kFirst, delivery_of(1, batch));
  rig.send(kFirst, delivery_of(2, batch));
  ASSERT_TRUE(rig.until([&] { return rig.all<Answered>().size() == 2; }));
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("line=\"arena 8388608 good\"").size() == 2; }));
  EXPECT_EQ(batch.use_count(), 1);
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionLife, CreditLogAndPingFromTheWorker) {
  SessionRig rig({"credit"});
  rig.start();
  ASSERT_TRUE(rig.logged("ponged 42"));
  EXPECT_EQ(rig.all<WorkerCredit>().at(0).window, (wire::Window{7, 700}));
  EXPECT_EQ(rig.logs.lines("level=warn event=worker_log trigger=orders worker=1").size(), 1U);
  EXPECT_EQ(rig.field("worker_log", "message"), "window is small");
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionLife, CancelReachesTheWorker) {
  SessionRig rig({"ok"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.pool->cancel({kFirst, {Topic("orders"), Partition{4}}, Epoch{9}});
  EXPECT_TRUE(rig.logged("line=\"cancelled orders[4] epoch 9\""));
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionLife, AnIdleWorkerIsPingedAndStays) {
  SessionRig rig({"ok"});
  rig.spec.timings.ping_after = milliseconds(30);
  rig.spec.timings.pong_within = std::chrono::seconds(1);
  rig.start();
  ASSERT_TRUE(rig.until([&] { return rig.logs.lines("line=pinged").size() >= 2; }));
  EXPECT_EQ(rig.pool->stats().ready, 1U);
  EXPECT_TRUE(rig.all<WorkerLost>().empty());
  EXPECT_TRUE(rig.stopped());
}

TEST(SessionLife, OutputBecomesLogLines) {
  SessionRig rig({"printing", "2"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.logged("bad \xef\xbf\xbd byte"));
  const std::string pid = rig.field("worker_started", "pid");
  const std::string start = "event=worker_output trigger=orders worker=1 pid=" + pid + " stream=";
  EXPECT_TRUE(rig.logs.has(start + "stdout line=\"out 0\"\n"));
  EXPECT_TRUE(rig.logs.has(start + "stdout line=\"out 1\"\n"));
  EXPECT_TRUE(rig.logs.has(start + "stderr line=" + std::string(kMaxLineBytes, 'a') + "…\n"));
  EXPECT_FALSE(rig.logs.has("no end")) << "its line may still go on";
  ASSERT_TRUE(rig.stopped());
  EXPECT_TRUE(rig.logs.has(start + "stderr line=\"no end\"\n"));
}

TEST(SessionLife, AFloodOfOutputIsCutAndSaysSo) {
  SessionRig rig({"printing", "20000"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1);
  ASSERT_TRUE(rig.until([&] { return !rig.all<Answered>().empty(); }))
      << "output does not hold back the handler";
  ASSERT_TRUE(rig.stopped());
  const std::size_t written = rig.logs.lines("line=\"out ").size();
  EXPECT_GE(written, 990U);
  EXPECT_LT(written, 5000U);
  std::size_t suppressed = 0;
  for (const std::string& line : rig.logs.lines("event=worker_output_suppressed")) {
    suppressed += std::stoul(line.substr(line.find("lines=") + 6));
  }
  EXPECT_EQ(rig.logs.lines("event=worker_output ").size() + suppressed, 20'003U);
}

TEST(SessionLife, StrangeAcksAreCountedAndHarmless) {
  SessionRig rig({"strange_acks"});
  rig.start();
  ASSERT_TRUE(rig.ready());
  rig.send(kFirst, 1, 4);
  rig.send(kFirst, 2, 4);
  // Of five Acks three answer their batch: part, the part again, the rest.
  ASSERT_TRUE(
      rig.until([&] { return rig.all<Answered>().size() == 6 && rig.pool->stats().ignored_answers == 6; }));
  EXPECT_EQ(rig.all<Answered>()[0].ack.answers.at(0).code, wire::Answer::Code::retry);
  ASSERT_TRUE(rig.stopped());
  EXPECT_EQ(rig.pool->stats().ignored_answers, 6U) << "kept after the worker is gone";
}

}  // namespace
}  // namespace triggerd::worker
