#include "worker/session.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "unit/worker/batches.hpp"

namespace triggerd::worker {
namespace {

using std::chrono::milliseconds;

// A session, its events, and the worker's end of its socket.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ours_ = Fd(ends[0]);
    theirs_ = Fd(ends[1]);
  }
  void start() {
    session_ = std::make_shared<Session>(loop_, std::move(ours_), timings_,
                                         [this](SessionEvent event) { events_.push_back(std::move(event)); });
    session_->start();
  }
  // With Hello said and heard.
  void open() {
    start();
    say(hello());
    run();
    ASSERT_EQ(events_.size(), 1U);
    events_.clear();
  }
  static wire::Hello hello() {
    wire::Hello value;
    value.sdk = "test/1";
    value.credit = {10, 1000};
    return value;
  }
  static wire::Welcome welcome() {
    wire::Welcome value;
    value.daemon = "triggerd/test";
    value.trigger = value.group = "orders";
    value.cardinality = "one";
    value.data_type = "string";
    value.ordering = "partition";
    value.max_batch_size = 1;
    value.timeout_ms = 1000;
    return value;
  }
  template <typename Message>
  void say(const Message& message) {
    std::string bytes;
    wire::encode(bytes, message);
    say_bytes(bytes);
  }
  void say_bytes(std::string_view bytes) {
    EXPECT_EQ(send(theirs_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Everything that can happen now.
  void run() {
    loop_.restart();
    while (loop_.poll() > 0) loop_.restart();
  }
  void run_for(Duration duration) {
    loop_.restart();
    loop_.run_for(duration);
  }
  // What came, as the names of the frames; "end" where the stream has ended.
  std::string received() {
    std::string names;
    for (;;) {
      const auto room = decoder_.prepare();
      const ssize_t got = recv(theirs_.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) names += "end ";
      if (got <= 0) return names;
      decoder_.commit(static_cast<std::size_t>(got));
      for (auto frame = decoder_.next(); frame.value(); frame = decoder_.next()) {
        names += name_of(wire::parse(**frame).value()) + " ";
      }
    }
  }
  static std::string name_of(const wire::Message& message) {
    if (const auto* batch = std::get_if<wire::Batch>(&message))
      return "batch" + std::to_string(batch->delivery.id.value);
    if (const auto* bye = std::get_if<wire::Bye>(&message)) return "bye:" + bye->code;
    if (std::holds_alternative<wire::Welcome>(message)) return "welcome";
    if (std::holds_alternative<wire::Cancel>(message)) return "cancel";
    if (std::holds_alternative<wire::Drain>(message)) return "drain";
    if (std::holds_alternative<wire::Ping>(message)) return "ping";
    return std::holds_alternative<wire::Pong>(message) ? "pong" : "other";
  }
  SessionEnd end() const { return std::get<SessionEnd>(events_.at(events_.size() - 1)); }

  boost::asio::io_context loop_;
  Timings timings_;
  Fd ours_, theirs_;
  wire::FrameDecoder decoder_{wire::kMaxDaemonPayload};
  std::vector<SessionEvent> events_;
  std::shared_ptr<Session> session_;
};

TEST_F(SessionTest, EventsComeInTheOrderOfTheFrames) {
  open();
  session_->send({delivery_of(1, 2)});
  say(wire::Credit{{5, 50}});
  say(wire::Ack{BatchId{1}, {}});
  say(wire::Log{"info", "x"});
  run();
  ASSERT_EQ(events_.size(), 3U);
  EXPECT_EQ(std::get<wire::Window>(events_[0]), (wire::Window{5, 50}));
  EXPECT_EQ(std::get<wire::Ack>(events_[1]).id, BatchId{1});
  EXPECT_EQ(std::get<wire::Log>(events_[2]).message, "x");
}

TEST_F(SessionTest, WhatIsSentInOneTurnLeavesInOrder) {
  open();
  session_->send(welcome());
  session_->send({delivery_of(1, 1), delivery_of(2, 1)});
  session_->send(wire::Cancel{{Topic("t"), Partition{0}}, Epoch{1}});
  session_->send({delivery_of(3, 1)});
  EXPECT_EQ(received(), "") << "nothing is written from inside a call";
  run();
  EXPECT_EQ(received(), "welcome batch1 batch2 cancel batch3 ");
}

TEST_F(SessionTest, PingIsAnswered) {
  open();
  say(wire::Ping{7});
  run();
  EXPECT_EQ(received(), "pong ");
}

TEST_F(SessionTest, NothingFollowsDrain) {
  timings_.ping_after = milliseconds(2);
  open();
  session_->send(wire::Drain{1000});
  session_->send({delivery_of(1, 1)});
  session_->send(wire::Cancel{{Topic("t"), Partition{0}}, Epoch{1}});
  say(wire::Ping{7});
  run_for(milliseconds(50));
  EXPECT_EQ(received(), "drain ");
  EXPECT_TRUE(events_.empty()) << "nor is its silence held against it";
}

TEST_F(SessionTest, AnIdleSilentWorkerIsPingedThenGivenUp) {
  timings_.ping_after = milliseconds(5);
  timings_.pong_within = milliseconds(5);
  open();
  run_for(milliseconds(100));
  EXPECT_EQ(received(), "ping ");
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(end().kind, SessionEnd::Kind::silent);
}

TEST_F(SessionTest, ABrokenRuleIsToldAndEndsIt) {
  open();
  session_->send({delivery_of(4, 1)});
  run();
  say(wire::Ack{BatchId{4}, {{0, 3, wire::Answer::Code::ok, 0, ""}}});
  say(wire::Credit{{5, 50}});
  run();
  EXPECT_EQ(received(), "batch4 bye:protocol_error end ");
  ASSERT_EQ(events_.size(), 1U) << "and nothing after it is heard";
  EXPECT_EQ(end().kind, SessionEnd::Kind::violation);
  EXPECT_EQ(end().text, "Ack: index 3 is outside batch 4 of 1 records");
}

TEST_F(SessionTest, TheByeComesAfterWhatWasBeingWritten) {
  open();
  session_->send({delivery_of(1, batch_of({std::string(4 << 20, 'x')}))});
  run();
  say_bytes(std::string(16, '\xff'));
  run();
  std::string names;
  for (int turn = 0; turn < 10'000 && names.find("end") == std::string::npos; ++turn) {
    names += received();
    run();
  }
  EXPECT_EQ(names, "batch1 bye:protocol_error end ");
}

TEST_F(SessionTest, TheOwnersRefusal) {
  open();
  session_->refuse("protocol_unsupported", "version 9");
  EXPECT_EQ(end().kind, SessionEnd::Kind::violation);
  EXPECT_EQ(end().code, "protocol_unsupported");
  session_->refuse("again", "");
  session_->send({delivery_of(1, 1)});
  run();
  EXPECT_EQ(received(), "bye:protocol_unsupported end ");
  EXPECT_EQ(events_.size(), 1U);
}

TEST_F(SessionTest, ByeAndEndOfFile) {
  open();
  say(wire::Bye{"drained", "done"});
  theirs_.reset();
  run();
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(end().kind, SessionEnd::Kind::bye);
  EXPECT_EQ(end().code, "drained");
  EXPECT_EQ(end().text, "done");
}

TEST_F(SessionTest, EndOfFileInAFrame) {
  open();
  say_bytes(std::string_view("\x08\0\0\0\x05", 5));
  theirs_.reset();
  run();
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(end().kind, SessionEnd::Kind::closed);
}

TEST_F(SessionTest, WhatADeadWorkerWroteIsStillRead) {
  open();
  session_->send({delivery_of(1, 3)});
  run();
  say(wire::Ack{BatchId{1}, {{0, 1, wire::Answer::Code::ok, 0, ""}}});
  theirs_.reset();
  session_->read_rest();
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(std::get<wire::Ack>(events_[0]).answers.size(), 1U);
  EXPECT_EQ(end().kind, SessionEnd::Kind::closed);
  run();
  EXPECT_EQ(events_.size(), 2U);
}

TEST_F(SessionTest, ClosedIsSilent) {
  open();
  session_->send({delivery_of(1, 3)});
  say(wire::Credit{{5, 50}});
  session_->close();
  run();
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(received(), "end ");
}

TEST_F(SessionTest, AChattyWorkerDoesNotKeepTheLoop) {
  open();
  const int large = 4 << 20;
  setsockopt(theirs_.get(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
  std::string bytes;
  while (bytes.size() < 180'000) wire::encode(bytes, wire::Credit{{5, 50}});
  say_bytes(bytes);
  loop_.restart();
  loop_.poll_one();  // one turn
  EXPECT_GT(events_.size(), 1000U);
  EXPECT_LT(events_.size(), 150'000U / 32) << "and something is left for the next";
  run();
  EXPECT_EQ(events_.size(), bytes.size() / 32);
}

}  // namespace
}  // namespace triggerd::worker
