#include "worker/outstanding.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"

namespace triggerd::worker {
namespace {

using wire::Ack;
using wire::Answer;

Answer answer(std::uint32_t first, std::uint32_t last) { return {first, last, Answer::Code::ok, 0, ""}; }
Ack ack(std::uint64_t id, std::vector<Answer> answers = {}) { return {BatchId{id}, std::move(answers)}; }

TEST(Outstanding, AnAckWithoutAnswersFinishesABatch) {
  Outstanding outstanding;
  EXPECT_TRUE(outstanding.empty());
  outstanding.add(BatchId{7}, 3);
  EXPECT_FALSE(outstanding.empty());
  EXPECT_TRUE(outstanding.answer(ack(7)).value());
  EXPECT_TRUE(outstanding.empty());
  EXPECT_EQ(outstanding.ignored(), 0U);
}

TEST(Outstanding, ABatchIsFinishedWhenEachRecordHasAnAnswer) {
  Outstanding outstanding;
  outstanding.add(BatchId{1}, 200);
  // Across the words of the bit set, in any order, twice.
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(63, 64), answer(199, 199)})).value());
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(0, 62)})).value());
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(60, 70)})).value());
  EXPECT_EQ(outstanding.ignored(), 0U) << "that one said something new";
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(0, 0), answer(64, 70)})).value());
  EXPECT_EQ(outstanding.ignored(), 2U);
  EXPECT_FALSE(outstanding.empty());
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(71, 198)})).value());
  EXPECT_TRUE(outstanding.empty());
}

TEST(Outstanding, HandledRecordsAreCountedOnceAndReleasedOnesNotAtAll) {
  Outstanding outstanding;
  outstanding.add(BatchId{1}, 10);
  Answer failed = answer(4, 5);
  failed.code = Answer::Code::retry;
  Answer released = answer(6, 7);
  released.code = Answer::Code::release;
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(0, 3), failed, released})).value());
  EXPECT_EQ(outstanding.handled(), 6U);
  EXPECT_TRUE(outstanding.answer(ack(1, {answer(0, 7)})).value());
  EXPECT_EQ(outstanding.handled(), 6U) << "a second answer";
  EXPECT_TRUE(outstanding.answer(ack(1)).value());
  EXPECT_EQ(outstanding.handled(), 8U) << "ok for the rest";
  EXPECT_FALSE(outstanding.answer(ack(1)).value());
  EXPECT_EQ(outstanding.handled(), 8U);
}

TEST(Outstanding, UnknownAndFinishedIdsAreCountedNotPassedOn) {
  Outstanding outstanding;
  outstanding.add(BatchId{1}, 1);
  EXPECT_FALSE(outstanding.answer(ack(2)).value());
  EXPECT_FALSE(outstanding.answer(ack(2, {answer(5, 9)})).value()) << "its size is not known";
  EXPECT_TRUE(outstanding.answer(ack(1)).value());
  EXPECT_FALSE(outstanding.answer(ack(1)).value());
  EXPECT_EQ(outstanding.ignored(), 3U);
}

TEST(Outstanding, BrokenRulesNameTheBatch) {
  const struct {
    std::vector<Answer> answers;
    const char* rule;
  } rows[] = {
      {{answer(0, 3)}, "Ack: index 3 is outside batch 4 of 3 records"},
      {{answer(2, 1)}, "Ack: index 1 is outside batch 4 of 3 records"},
      {{answer(0, 0), answer(4'000'000'000, 4'294'967'295)},
       "Ack: index 4294967295 is outside batch 4 of 3 records"},
      {{answer(0, 2), answer(0, 0)}, "Ack: more answers than batch 4 of 3 records"},
  };
  for (const auto& row : rows) {
    Outstanding outstanding;
    outstanding.add(BatchId{4}, 3);
    const auto result = outstanding.answer(ack(4, row.answers));
    ASSERT_FALSE(result) << row.rule;
    EXPECT_EQ(result.error().message, row.rule);
  }
}

TEST(OutstandingDeathTest, ABatchIdTwiceIsOurBug) {
  Outstanding outstanding;
  outstanding.add(BatchId{1}, 1);
  EXPECT_DEATH(outstanding.add(BatchId{1}, 1), "a batch id is used once");
}

}  // namespace
}  // namespace triggerd::worker
