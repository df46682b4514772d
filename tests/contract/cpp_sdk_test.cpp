// The C++ SDK against PROTOCOL.md: the test plays the daemon on the other end of a socket pair.
#include <algorithm>

#include <unistd.h>

#include "contract/cpp_sdk_daemon.hpp"

namespace triggerd::worker_sdk {
namespace {

using namespace test;

TEST(CppSdk, SaysHelloAndAcksWithTheShortestFrame) {
  Recorder recorder;
  Daemon daemon;
  daemon.start(recorder.many(), "many");
  EXPECT_EQ(daemon.hello().protocol_max, 1u);
  EXPECT_EQ(daemon.hello().concurrency, 1u);
  EXPECT_EQ(daemon.hello().credit, (wire::Window{65536, 64u << 20}));
  EXPECT_EQ(daemon.hello().pid, ::getpid());
  daemon.batch(7, {rec(1, "a"), rec(2, "b"), {3, 1000, {}, {}, {}}});
  EXPECT_EQ(daemon.next<wire::Ack>(), (wire::Ack{BatchId{7}, {}}));
  EXPECT_EQ(recorder.calls(), "a b null");
}

TEST(CppSdk, GivesTheHandlerAllOfARecord) {
  std::promise<void> seen;
  Daemon daemon;
  daemon.start(
      [&seen](const Record& record) {
        EXPECT_EQ(record.topic(), "orders");
        EXPECT_EQ(record.partition(), 3);
        EXPECT_EQ(record.offset(), 41);
        EXPECT_EQ(record.timestamp_ms(), 12345);
        EXPECT_EQ(record.key(), "key");
        EXPECT_EQ(record.value(), "");
        EXPECT_EQ(record.attempt(), 2u);
        EXPECT_EQ(record.headers().size(), 2u);
        EXPECT_EQ(record.headers().at(0).name, "h");
        EXPECT_EQ(record.headers().at(0).value, std::nullopt);
        EXPECT_EQ(record.headers().at(1).value, "x");
        seen.set_value();
      },
      "one");
  daemon.batch(1, {{41, 12345, "key", "", {{"h", std::nullopt}, {"h", "x"}}}}, {.attempt = 2});
  daemon.expect_ok(1);
  EXPECT_EQ(seen.get_future().wait_for(0s), std::future_status::ready);
}

// §9: after a failure the rest of the lane is released, until the daemon has raised the run.
TEST(CppSdk, AFailureBlocksItsPartitionUntilTheNextRun) {
  Recorder recorder;
  recorder.fail_at = "b";
  Daemon daemon;
  daemon.start(recorder.one(), "one");
  daemon.batch(1, {rec(1, "a"), rec(2, "b"), rec(3, "c"), rec(4, "d")});
  daemon.batch(2, {rec(5, "e")});
  daemon.batch(3, {rec(1, "other partition")}, {.partition = 4});
  daemon.expect_answers(
      1, {{0, 0, Code::ok, 0, ""}, {1, 1, Code::retry, 0, "no b"}, {2, 3, Code::release, 0, ""}});
  daemon.expect_answers(2, {{0, 0, Code::release, 0, ""}});
  daemon.expect_ok(3);
  daemon.batch(4, {rec(2, "b")}, {.run = 1, .attempt = 2});
  daemon.batch(5, {rec(3, "c"), rec(4, "d"), rec(5, "e")}, {.run = 1});
  daemon.expect_ok(4);
  daemon.expect_ok(5, 3);
  EXPECT_EQ(recorder.calls(), "a | b | other partition | b | c | d | e");
}

TEST(CppSdk, AFailureBlocksFramesOfItsEpochOnly) {
  Recorder recorder;
  recorder.fail_at = "a";
  Daemon daemon;
  daemon.start(recorder.one(), "one");
  daemon.batch(1, {rec(1, "a")}, {.epoch = 2, .run = 5});
  daemon.batch(2, {rec(2, "same")}, {.epoch = 2, .run = 5});
  daemon.batch(3, {rec(2, "older")}, {.epoch = 1, .run = 0});
  daemon.batch(4, {rec(2, "newer")}, {.epoch = 3, .run = 0});
  daemon.expect_answers(1, {{0, 0, Code::retry, 0, "no a"}});
  daemon.expect_answers(2, {{0, 0, Code::release, 0, ""}});
  daemon.expect_ok(3);
  daemon.expect_ok(4);
}

TEST(CppSdk, LanesFollowTheOrdering) {
  const struct {
    const char* ordering;
    const char* calls;
    std::vector<Answer> answers;
  } table[] = {
      {"partition", "bad", {{0, 0, Code::retry, 0, "no bad"}, {1, 4, Code::release, 0, ""}}},
      {"key",
       "bad | y | null key | empty key",
       {{0, 0, Code::retry, 0, "no bad"},
        {1, 1, Code::ok, 0, ""},
        {2, 2, Code::release, 0, ""},
        {3, 4, Code::ok, 0, ""}}},
      {"none",
       "bad | y | x2 | null key | empty key",
       {{0, 0, Code::retry, 0, "no bad"}, {1, 4, Code::ok, 0, ""}}},
  };
  for (const auto& row : table) {
    Recorder recorder;
    recorder.fail_at = "bad";
    Daemon daemon;
    daemon.start(recorder.one(), "one", row.ordering);
    daemon.batch(1, {rec(1, "bad", "x"), rec(2, "y", "y"), rec(3, "x2", "x"), rec(4, "null key"),
                     rec(5, "empty key", "")});
    daemon.expect_answers(1, row.answers);
    EXPECT_EQ(recorder.calls(), row.calls) << row.ordering;
  }
}

TEST(CppSdk, ARecordWithoutAKeyIsALaneOfItsOwn) {
  Recorder recorder;
  recorder.fail_at = "bad";
  Daemon daemon;
  daemon.start(recorder.one(), "one", "key");
  daemon.batch(1, {rec(1, "bad"), rec(2, "no key either"), rec(3, "empty", "")});
  daemon.expect_answers(1, {{0, 0, Code::retry, 0, "no bad"}, {1, 2, Code::ok, 0, ""}});
  EXPECT_EQ(recorder.calls(), "bad | no key either | empty");
}

TEST(CppSdk, AnInvocationSpansFramesAndEachIsAcked) {
  Recorder recorder;
  Daemon daemon;
  daemon.start(recorder.many(), "many");
  daemon.batch(1, {rec(1, "a"), rec(2, "b")}, {.partition = 0, .more = true});
  daemon.batch(2, {rec(9, "c")}, {.partition = 1, .more = true});
  daemon.batch(3, {rec(4, "d")}, {.partition = 2});
  daemon.batch(4, {rec(3, "e")}, {.partition = 0});
  daemon.expect_ok(1, 2);
  for (const std::uint64_t id : {2u, 3u, 4u}) daemon.expect_ok(id);
  EXPECT_EQ(recorder.calls(), "a b c d | e");
}

TEST(CppSdk, AFailedInvocationFailsWholeAndBlocksAllItsLanes) {
  Recorder recorder;
  recorder.fail_at = "bad";
  Daemon daemon;
  daemon.start(recorder.many(), "many", "key");
  daemon.batch(1, {rec(1, "a", "x"), rec(2, "bad", "y")}, {.partition = 0, .more = true});
  daemon.batch(2, {rec(1, "c", "z")}, {.partition = 1});
  daemon.batch(3, {rec(3, "x again", "x"), rec(4, "free", "w"), rec(5, "y again", "y")},
               {.partition = 0, .more = true});
  daemon.batch(4, {rec(2, "z again", "z")}, {.partition = 1});
  daemon.batch(5, {rec(1, "a", "x"), rec(2, "bad", "y")}, {.partition = 0, .run = 1, .attempt = 2});
  daemon.expect_answers(1, {{0, 1, Code::retry, 0, "no bad"}});
  daemon.expect_answers(2, {{0, 0, Code::retry, 0, "no bad"}});
  daemon.expect_answers(
      3, {{0, 0, Code::release, 0, ""}, {1, 1, Code::ok, 0, ""}, {2, 2, Code::release, 0, ""}});
  daemon.expect_answers(4, {{0, 0, Code::release, 0, ""}});
  daemon.expect_ok(5, 2);
  EXPECT_EQ(recorder.calls(), "a bad c | free | a bad");
}

TEST(CppSdk, ExceptionsBecomeReasons) {
  Daemon daemon;
  daemon.start(
      [](const Record& record) {
        if (record.value() == "int") throw 5;
        throw std::runtime_error("bytes \xff");
      },
      "one", "none");
  daemon.batch(1, {rec(1, "int"), rec(2, "plain"), rec(3, "plain")});
  daemon.expect_answers(1, {{0, 0, Code::retry, 0, "an exception that is no std::exception"},
                            {1, 2, Code::retry, 0, "bytes \uFFFD"}});
}

// §5: a slow record does not hold back the answers before it.
TEST(CppSdk, SendsWhatItHasAfterTenMilliseconds) {
  Recorder recorder;
  recorder.stop_at = "slow";
  Daemon daemon;
  daemon.start(OneHandler([one = recorder.one()](const Record& record) {
                 const auto until = std::chrono::steady_clock::now() + 10ms;
                 while (record.value() == "ten ms" && std::chrono::steady_clock::now() < until) continue;
                 one(record);
               }),
               "one");
  daemon.batch(1, {rec(1, "ten ms"), rec(2, "slow"), rec(3, "last")});
  recorder.wait_until_stopped();
  EXPECT_EQ(daemon.next<wire::Ack>(), (wire::Ack{BatchId{1}, {{0, 0, Code::ok, 0, ""}}}));
  recorder.let_go();
  EXPECT_EQ(daemon.next<wire::Ack>().id, BatchId{1});
  EXPECT_EQ(recorder.calls(), "ten ms | slow | last");
}

// §7. While a handler runs the socket is not read; a frame sent meanwhile is seen before the next call 10 ms
// later, or, as here, when the batch has ended.
TEST(CppSdk, CancelReleasesWhatHasNotStarted) {
  Recorder recorder;
  recorder.stop_at = "runs";
  Daemon daemon;
  daemon.start(recorder.many(), "many");
  daemon.batch(1, {rec(1, "runs")}, {.epoch = 2});
  recorder.wait_until_stopped();
  const auto stopped_at = std::chrono::steady_clock::now();
  daemon.batch(2, {rec(2, "cancelled")}, {.epoch = 2, .more = true});
  daemon.batch(3, {rec(1, "stays")}, {.partition = 4, .epoch = 2});
  daemon.batch(4, {rec(3, "older")}, {.epoch = 1});
  daemon.batch(5, {rec(2, "newer")}, {.epoch = 3});
  daemon.send(wire::Cancel{{Topic("orders"), Partition{3}}, Epoch{2}});
  daemon.batch(6, {rec(9, "late")}, {.epoch = 2});
  while (std::chrono::steady_clock::now() - stopped_at < 10ms) continue;
  recorder.let_go();
  daemon.expect_ok(1);
  daemon.expect_answers(2, {{0, 0, Code::release, 0, ""}});
  daemon.expect_ok(3);
  daemon.expect_answers(4, {{0, 0, Code::release, 0, ""}});
  daemon.expect_ok(5);
  daemon.expect_answers(6, {{0, 0, Code::release, 0, ""}});
  EXPECT_EQ(recorder.calls(), "runs | stays | newer");
}

TEST(CppSdk, CancelIsSeenWithinABatch) {
  Recorder recorder;
  recorder.stop_at = "runs";
  Daemon daemon;
  daemon.start(recorder.one(), "one");
  daemon.batch(1, {rec(1, "runs"), rec(2, "b"), rec(3, "c")});
  recorder.wait_until_stopped();
  const auto stopped_at = std::chrono::steady_clock::now();
  daemon.send(wire::Cancel{{Topic("orders"), Partition{3}}, Epoch{1}});
  while (std::chrono::steady_clock::now() - stopped_at < 10ms) continue;
  recorder.let_go();
  daemon.expect_answers(1, {{0, 0, Code::ok, 0, ""}, {1, 2, Code::release, 0, ""}});
  EXPECT_EQ(recorder.calls(), "runs");
}

TEST(CppSdk, DrainReleasesTheRestAndSaysBye) {
  Recorder recorder;
  recorder.stop_at = "runs";
  Daemon daemon;
  daemon.start(recorder.many(), "many");
  daemon.batch(1, {rec(1, "runs")});
  recorder.wait_until_stopped();
  const auto stopped_at = std::chrono::steady_clock::now();
  daemon.batch(2, {rec(2, "queued"), rec(3, "queued")});
  daemon.batch(3, {rec(4, "partial")}, {.more = true});
  daemon.send(wire::Drain{10000});
  while (std::chrono::steady_clock::now() - stopped_at < 10ms) continue;
  recorder.let_go();
  daemon.expect_ok(1);
  daemon.expect_answers(2, {{0, 1, Code::release, 0, ""}});
  daemon.expect_answers(3, {{0, 0, Code::release, 0, ""}});
  EXPECT_EQ(daemon.next<wire::Bye>().code, "drained");
  EXPECT_EQ(daemon.finish(), 0);
  EXPECT_EQ(recorder.calls(), "runs");
}

TEST(CppSdk, DrainWhenIdleEndsAtOnce) {
  Recorder recorder;
  Daemon daemon;
  daemon.start(recorder.one(), "one");
  daemon.send(wire::Drain{0});
  EXPECT_EQ(daemon.next<wire::Bye>().code, "drained");
  EXPECT_EQ(daemon.finish(), 0);
}

TEST(CppSdk, AnswersPings) {
  Recorder recorder;
  Daemon daemon;
  daemon.start(recorder.one(), "one");
  daemon.send(wire::Ping{77});
  EXPECT_EQ(daemon.next<wire::Pong>(), wire::Pong{77});
}

TEST(CppSdk, FramesMayComeInAnyPieces) {
  Recorder recorder;
  Daemon daemon;
  daemon.start(recorder.one(), "one");
  const auto send_bytewise = [&](const std::string& bytes) {
    for (const char byte : bytes) daemon.send_bytes({&byte, 1});
  };
  send_bytewise(frame_of(delivery(1, {rec(1, "a"), rec(2, "b")})));
  daemon.expect_ok(1, 2);
  send_bytewise(frame_of(wire::Ping{5}));
  EXPECT_EQ(daemon.next<wire::Pong>(), wire::Pong{5});
}

// What the daemon may do wrong, and the word the worker leaves with.
TEST(CppSdk, RefusesWhatBreaksTheProtocol) {
  std::string n_zero = frame_of(delivery(1, {rec(1, "a")}));
  n_zero[wire::kFrameHeaderBytes] = 0;
  std::string too_large;
  wire::append_header(too_large, {(256u << 20) + 8, wire::FrameType::batch, 0, 1});
  std::string unknown;
  wire::append_header(unknown, {0, wire::FrameType{12}, 0, 0});
  const struct {
    std::string bytes;
    const char* reason;
  } table[] = {
      {n_zero, "batch: n must be at least 1"},
      {too_large, "over the limit"},
      {unknown, "type 12 is unknown"},
      {frame_of(wire::Credit{{1, 1}}), "a frame that only workers send"},
      {frame_of(wire::Welcome{1, "", "", "", 0, "one", "string", "key", 1, 1, {}}), "a second one"},
  };
  for (const auto& row : table) {
    Recorder recorder;
    Daemon daemon;
    daemon.start(recorder.one(), "one");
    daemon.send_bytes(row.bytes);
    const auto bye = daemon.next<wire::Bye>();
    EXPECT_EQ(bye.code, "protocol_error");
    EXPECT_NE(bye.message.find(row.reason), std::string::npos) << bye.message;
    EXPECT_EQ(daemon.finish(), 1);
    EXPECT_EQ(recorder.calls(), "");
  }
}

TEST(CppSdk, LeavesWhenTheGreetingDoesNotFit) {
  const wire::Welcome good{1, "", "", "", 0, "one", "string", "partition", 1, 1, {}};
  wire::Welcome version = good, cardinality = good;
  version.protocol = 2;
  cardinality.cardinality = "many";
  const std::string batch = frame_of(delivery(1, {rec(1, "a")}));
  for (const auto& [bytes, code] : {std::pair{frame_of(version), "protocol_unsupported"},
                                    {frame_of(cardinality), "cardinality_mismatch"},
                                    {batch, "protocol_error"}}) {
    Recorder recorder;
    Daemon daemon;
    daemon.start(recorder.one());
    daemon.next<wire::Hello>();
    daemon.send_bytes(bytes);
    EXPECT_EQ(daemon.next<wire::Bye>().code, code);
    EXPECT_EQ(daemon.finish(), 1);
  }
}

TEST(CppSdk, LeavesWhenTheDaemonDoes) {
  const struct {
    std::optional<wire::Bye> bye;
    int status;
  } table[] = {{std::nullopt, 1}, {wire::Bye{"shutdown", ""}, 0}, {wire::Bye{"protocol_error", "why"}, 1}};
  for (const auto& row : table) {
    Recorder recorder;
    Daemon daemon;
    daemon.start(recorder.one(), "one");
    if (row.bye) daemon.send(*row.bye);
    if (!row.bye) daemon.hang_up();
    EXPECT_EQ(daemon.status(), row.status);
  }
}

// The daemon dies while the handler runs: nothing more is started.
TEST(CppSdk, StartsNothingAfterTheDaemonDied) {
  Recorder recorder;
  recorder.stop_at = "runs";
  Daemon daemon;
  daemon.start(recorder.many(), "many");
  daemon.batch(1, {rec(1, "runs")});
  daemon.batch(2, {rec(2, "next")});
  recorder.wait_until_stopped();
  daemon.hang_up();
  recorder.let_go();
  EXPECT_EQ(daemon.status(), 1);
  EXPECT_EQ(recorder.calls(), "runs");
}

TEST(CppSdk, WithoutADaemonSaysSo) {
  for (const char* value : {"", "x", "-1", "99999", "3 "}) {
    ::setenv("TRIGGERD_FD", value, 1);
    testing::internal::CaptureStderr();
    EXPECT_EQ(run([](const Record&) {}), 64) << value;
    EXPECT_NE(testing::internal::GetCapturedStderr().find("TRIGGERD_FD"), std::string::npos);
  }
  ::unsetenv("TRIGGERD_FD");
  EXPECT_EQ(run([](Records) {}), 64);
}

}  // namespace
}  // namespace triggerd::worker_sdk
