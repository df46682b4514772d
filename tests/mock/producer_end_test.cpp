// A producer's end, at odd moments too.
#include "mock/producer_fixture.hpp"

namespace triggerd::testing {
namespace {

TEST_F(ProducerTest, CloseAnswersWhatIsOpenAndDoesNotWait) {
  Writer writer(loop, spec());
  EXPECT_TRUE(writer.answer(writer.ask("before")).delivered);
  cluster.set_broker_up(false);
  for (int i = 0; i < 100; ++i) writer.ask("open");
  loop.run_for(100ms);
  EXPECT_EQ(writer.answers.size(), 1U);
  const auto begun = std::chrono::steady_clock::now();
  writer.close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
  ASSERT_EQ(writer.answers.size(), 101U);
  EXPECT_FALSE(writer.answers.rbegin()->second.delivered);
}

// The report is in the client and the loop has not turned since. That it is there has no sign, so one of a
// few is enough; untold reports would never be.
TEST_F(ProducerTest, CloseTellsWhatIsDeliveredAlready) {
  bool told = false;
  for (int i = 0; i < 10 && !told; ++i) {
    Writer writer(loop, spec());
    EXPECT_TRUE(writer.answer(writer.ask("before")).delivered);
    const std::int64_t end = cluster.end_offset(kTopic, 0);
    const auto id = writer.ask("v");
    while (cluster.end_offset(kTopic, 0) == end) {
    }
    cluster.produce_numbers("orders", 0, 0, 1);  // takes its time
    writer.close();
    told = writer.answers.at(id).delivered;
  }
  EXPECT_TRUE(told);
}

TEST_F(ProducerTest, CloseAtAnyTimeEndsAndAnswersAll) {
  {
    Writer writer(loop, spec());
    writer.close();
    EXPECT_TRUE(writer.answers.empty());
  }
  for (const auto pause : {0ms, 1ms, 5ms, 50ms}) {
    Writer writer(loop, spec());
    for (int i = 0; i < 10; ++i) writer.ask("v");
    loop.run_for(pause);
    writer.producer->close();
    writer.producer->close();
    writer.ask("late");
    ASSERT_TRUE(loop.until([&] { return writer.closed; }));
    EXPECT_EQ(writer.answers.size(), 11U);
    EXPECT_FALSE(writer.answers.rbegin()->second.delivered);
  }
}

TEST_F(ProducerTest, CloseInsideAnAnswerEnds) {
  Writer writer(loop, spec());
  writer.on_answer = [&](const pipeline::DeadLettered&) { writer.producer->close(); };
  for (int i = 0; i < 10; ++i) writer.ask("v");
  ASSERT_TRUE(loop.until([&] { return writer.closed; }));
  EXPECT_EQ(writer.answers.size(), 10U);
}

TEST_F(ProducerTest, AnAbandonedProducerSaysNothingAndEnds) {
  for (const auto pause : {0ms, 5ms, 200ms}) {
    cluster.delay_next(Api::produce, 300);
    Writer writer(loop, spec());
    for (int i = 0; i < 10; ++i) writer.ask("v");
    loop.run_for(pause);
    const auto answers = writer.answers.size();
    writer.producer.reset();
    loop.run_for(50ms);
    EXPECT_EQ(writer.answers.size(), answers);
    EXPECT_FALSE(writer.closed);
  }
  const auto begun = std::chrono::steady_clock::now();
  loop.end_janitor();  // waits for the clients to be destroyed
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

}  // namespace
}  // namespace triggerd::testing
