#include "worker/conversation.hpp"

#include <gtest/gtest.h>

#include "unit/worker/batches.hpp"

namespace triggerd::worker {
namespace {

using std::chrono::seconds;
using Silence = Conversation::Silence;

const TimePoint kStart{std::chrono::hours(1)};

wire::Hello hello() {
  wire::Hello value;
  value.sdk = "test/1";
  value.credit = {10, 1000};
  return value;
}

// Feeds a message as the bytes of its frame.
template <typename Message>
Result<Conversation::Heard> hear(Conversation& conversation, const Message& message, TimePoint now = kStart) {
  std::string bytes;
  wire::encode(bytes, message);
  wire::FrameDecoder decoder(wire::kMaxWorkerPayload);
  const auto room = decoder.prepare();
  std::copy(bytes.begin(), bytes.end(), room.begin());
  decoder.commit(bytes.size());
  return conversation.on_frame(*decoder.next().value(), now);
}

Conversation open_conversation(TimePoint now = kStart) {
  Conversation conversation{Timings{}};
  EXPECT_TRUE(hear(conversation, hello(), now));
  return conversation;
}

TEST(Conversation, TellsWhatEachFrameMeans) {
  Conversation conversation{Timings{}};
  EXPECT_EQ(std::get<wire::Hello>(hear(conversation, hello()).value()), hello());
  EXPECT_EQ(std::get<wire::Window>(hear(conversation, wire::Credit{{5, 50}}).value()), (wire::Window{5, 50}));
  EXPECT_EQ(std::get<wire::Log>(hear(conversation, wire::Log{"info", "x"}).value()),
            (wire::Log{"info", "x"}));
  EXPECT_EQ(std::get<wire::Ping>(hear(conversation, wire::Ping{9}).value()), wire::Ping{9});
  EXPECT_TRUE(std::holds_alternative<std::monostate>(hear(conversation, wire::Pong{9}).value()));
  EXPECT_EQ(std::get<wire::Bye>(hear(conversation, wire::Bye{"drained", ""}).value()),
            (wire::Bye{"drained", ""}));
}

TEST(Conversation, AcksOfItsBatchesArePassedOn) {
  Conversation conversation = open_conversation();
  conversation.delivered(delivery_of(3, 2));
  EXPECT_FALSE(conversation.idle());
  const auto heard = hear(conversation, wire::Ack{BatchId{3}, {}});
  EXPECT_EQ(std::get<wire::Ack>(heard.value()).id, BatchId{3});
  EXPECT_TRUE(conversation.idle());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(hear(conversation, wire::Ack{BatchId{3}, {}}).value()));
  EXPECT_EQ(conversation.ignored_answers(), 1U);
}

// What an answer means is the pipeline's to know.
TEST(Conversation, EveryKindOfAnswerIsPassedOnAsItCame) {
  using Code = wire::Answer::Code;
  Conversation conversation = open_conversation();
  conversation.delivered(delivery_of(3, 8));
  const wire::Ack ack{BatchId{3},
                      {{0, 1, Code::ok, 0, ""},
                       {2, 2, Code::retry, 1500, "busy"},
                       {3, 4, Code::dead_letter, 0, "no such account"},
                       {5, 5, Code::drop, 0, "a test's order"},
                       {6, 7, Code::release, 0, ""}}};
  EXPECT_EQ(std::get<wire::Ack>(hear(conversation, ack).value()), ack);
  EXPECT_TRUE(conversation.idle()) << "each of them is an answer";
  EXPECT_EQ(conversation.ignored_answers(), 0U);
}

TEST(Conversation, AWorkerThatCannotStartMaySayByeFirst) {
  Conversation conversation{Timings{}};
  EXPECT_EQ(std::get<wire::Bye>(hear(conversation, wire::Bye{"no_handler", "x"}).value()).code, "no_handler");
}

TEST(Conversation, BrokenRules) {
  Conversation fresh{Timings{}};
  EXPECT_EQ(hear(fresh, wire::Credit{{1, 1}}).error().message, "the first frame must be Hello");
  EXPECT_EQ(hear(fresh, wire::Ping{1}).error().message, "the first frame must be Hello");
  Conversation conversation = open_conversation();
  EXPECT_EQ(hear(conversation, hello()).error().message, "Hello comes once");
  EXPECT_EQ(hear(conversation, wire::Welcome{}).error().message, "only the daemon sends Welcome");
  EXPECT_EQ(hear(conversation, wire::Drain{}).error().message, "only the daemon sends Drain");
  EXPECT_EQ(hear(conversation, wire::Cancel{{Topic("t"), Partition{0}}, Epoch{1}}).error().message,
            "only the daemon sends Cancel");
  conversation.delivered(delivery_of(1, 1));
  EXPECT_EQ(
      hear(conversation, wire::Ack{BatchId{1}, {{0, 1, wire::Answer::Code::ok, 0, ""}}}).error().message,
      "Ack: index 1 is outside batch 1 of 1 records");
}

TEST(Conversation, ABatchFromAWorkerIsNotEvenParsed) {
  Conversation conversation = open_conversation();
  const wire::Frame frame{{8, wire::FrameType::batch, 0, 1}, "notabatch"};
  EXPECT_EQ(conversation.on_frame(frame, kStart).error().message, "only the daemon sends Batch");
}

TEST(Conversation, AnIdleSilentWorkerIsPingedOnceThenLost) {
  Conversation conversation = open_conversation();
  EXPECT_EQ(conversation.next_check(kStart), kStart + seconds(15));
  EXPECT_EQ(conversation.check(kStart + seconds(14)), Silence::none);
  EXPECT_EQ(conversation.check(kStart + seconds(15)), Silence::ping);
  EXPECT_EQ(conversation.next_check(kStart + seconds(15)), kStart + seconds(30));
  EXPECT_EQ(conversation.check(kStart + seconds(29)), Silence::none);
  EXPECT_EQ(conversation.check(kStart + seconds(30)), Silence::lost);
}

TEST(Conversation, AnyFrameEndsTheSilence) {
  Conversation conversation = open_conversation();
  EXPECT_EQ(conversation.check(kStart + seconds(15)), Silence::ping);
  EXPECT_TRUE(hear(conversation, wire::Log{"info", "x"}, kStart + seconds(29)));
  EXPECT_EQ(conversation.check(kStart + seconds(30)), Silence::none);
  EXPECT_EQ(conversation.next_check(kStart + seconds(30)), kStart + seconds(44));
  EXPECT_EQ(conversation.check(kStart + seconds(44)), Silence::ping);
}

TEST(Conversation, ABusyWorkerMayBeSilent) {
  Conversation conversation = open_conversation();
  EXPECT_EQ(conversation.check(kStart + seconds(15)), Silence::ping);
  conversation.delivered(delivery_of(1, 1));  // it may be in its handler before it reads the ping
  EXPECT_EQ(conversation.check(kStart + seconds(30)), Silence::none);
  EXPECT_EQ(conversation.check(kStart + std::chrono::hours(5)), Silence::none);
  const TimePoint later = kStart + std::chrono::hours(5);
  EXPECT_EQ(conversation.next_check(later), later + seconds(15));
  EXPECT_TRUE(hear(conversation, wire::Ack{BatchId{1}, {}}, later));
  EXPECT_EQ(conversation.check(later + seconds(14)), Silence::none);
  EXPECT_EQ(conversation.check(later + seconds(15)), Silence::ping);
}

TEST(Conversation, BeforeHelloTheStartTimeoutApplies) {
  Conversation conversation{Timings{}};
  EXPECT_EQ(conversation.check(kStart + std::chrono::hours(1)), Silence::none);
}

}  // namespace
}  // namespace triggerd::worker
