#include "trigger/keep_alive.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace triggerd::trigger {
namespace {

using namespace std::chrono_literals;
using Loops = std::vector<std::size_t>;

TimePoint at(Duration since) { return TimePoint{} + since; }

TEST(KeepAlive, FedOnceEveryLoopHasTurned) {
  KeepAlive alive(3);
  const auto round = alive.ask(at(0s));
  ASSERT_TRUE(round);
  EXPECT_FALSE(alive.turned(*round, 1));
  EXPECT_FALSE(alive.turned(*round, 1)) << "one that turns twice is not two";
  EXPECT_FALSE(alive.turned(*round, 0));
  EXPECT_TRUE(alive.turned(*round, 2));
  EXPECT_FALSE(alive.turned(*round, 2)) << "one feed for one round";
}

TEST(KeepAlive, AStuckLoopStopsTheFeedUntilItTurns) {
  KeepAlive alive(2);
  const auto first = alive.ask(at(0s));
  EXPECT_FALSE(alive.turned(*first, 0));
  for (int beat = 1; beat < 100; ++beat) {
    EXPECT_FALSE(alive.ask(at(std::chrono::seconds(beat)))) << "no second question to who has not answered";
  }
  EXPECT_TRUE(alive.turned(*first, 1));
  const auto second = alive.ask(at(100s));
  ASSERT_TRUE(second);
  EXPECT_FALSE(alive.turned(*second, 1));
  EXPECT_TRUE(alive.turned(*second, 0));
}

TEST(KeepAlive, AnAnswerToAnEarlierRoundCountsForNothing) {
  KeepAlive alive(1);
  const auto first = alive.ask(at(0s));
  EXPECT_TRUE(alive.turned(*first, 0));
  const auto second = alive.ask(at(1s));
  EXPECT_FALSE(alive.turned(*first, 0));
  EXPECT_TRUE(alive.turned(*second, 0));
}

TEST(KeepAlive, NamesWhoIsStuckOnceARound) {
  KeepAlive alive(3);
  EXPECT_EQ(alive.stuck(at(1h), 5s), Loops{}) << "nobody was asked";
  const auto round = alive.ask(at(0s));
  alive.turned(*round, 1);
  EXPECT_EQ(alive.stuck(at(4s), 5s), Loops{});
  EXPECT_EQ(alive.stuck(at(5s), 5s), (Loops{0, 2}));
  EXPECT_EQ(alive.stuck(at(6s), 5s), Loops{});
  alive.turned(*round, 0);
  EXPECT_TRUE(alive.turned(*round, 2));
  const auto next = alive.ask(at(7s));
  alive.turned(*next, 0);
  EXPECT_EQ(alive.stuck(at(12s), 5s), (Loops{1, 2}));
}

}  // namespace
}  // namespace triggerd::trigger
