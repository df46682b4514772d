#include "worker/restart.hpp"

#include <gtest/gtest.h>

namespace triggerd::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr double kMiddle = 0.5;  // no jitter

struct Life {
  bool ready;
  Duration lifetime;
  Duration expected;
};

TEST(RestartDelay, GrowsWithFailuresAndQuickExitsOnly) {
  const Life lives[] = {
      {false, milliseconds(20), milliseconds(200)},
      {false, seconds(30), milliseconds(400)},  // a start that failed late is still a failure
      {true, seconds(9), milliseconds(800)},
      {true, seconds(11), milliseconds(1600)},  // a while: neither better nor worse
      {true, seconds(59), milliseconds(1600)},
      {true, seconds(1), milliseconds(1600)},
      {true, seconds(1), milliseconds(3200)},
      {true, seconds(60), milliseconds(200)},  // healthy: from the beginning
      {true, seconds(1), milliseconds(200)},
      {true, seconds(1), milliseconds(400)},
  };
  RestartDelay delay{Timings{}};
  int number = 0;
  for (const Life& life : lives) {
    EXPECT_EQ(delay.after(life.ready, life.lifetime, kMiddle), life.expected) << "life " << number++;
  }
}

TEST(RestartDelay, StopsAtTheMaximum) {
  RestartDelay delay{Timings{}};
  Duration last{};
  for (int i = 0; i < 100; ++i) last = delay.after(false, Duration{}, 0.99);
  EXPECT_EQ(last, seconds(30));
}

TEST(RestartDelay, JitterIsAFifthEitherWay) {
  RestartDelay low{Timings{}};
  RestartDelay high{Timings{}};
  EXPECT_EQ(low.after(false, {}, 0.0), milliseconds(160));
  EXPECT_LT(high.after(false, {}, 0.999), milliseconds(240));
  EXPECT_GT(high.after(false, {}, 0.999), milliseconds(470));
}

TEST(RestartDelay, FiveFailuresWithoutAHealthyLifeAreACrashLoop) {
  const Life lives[] = {
      {false, milliseconds(20), {}},
      {true, seconds(1), {}},
      {true, seconds(30), {}},  // neither better nor worse
      {false, seconds(30), {}},
      {true, seconds(9), {}},
      {false, {}, {}},
  };
  RestartDelay delay{Timings{}};
  for (const Life& life : lives) {
    EXPECT_FALSE(delay.crash_looping()) << delay.failures();
    delay.after(life.ready, life.lifetime, kMiddle);
  }
  EXPECT_TRUE(delay.crash_looping());
  EXPECT_EQ(delay.failures(), 5U);
  delay.after(true, seconds(30), kMiddle);
  EXPECT_TRUE(delay.crash_looping()) << "a while is not enough";
  delay.after(true, seconds(60), kMiddle);
  EXPECT_FALSE(delay.crash_looping());
}

TEST(RestartDelay, HealthIsSaidBeforeTheEndToo) {
  RestartDelay delay{Timings{}};
  for (int i = 0; i < 7; ++i) delay.after(false, {}, kMiddle);
  EXPECT_TRUE(delay.crash_looping());
  delay.healthy();
  EXPECT_FALSE(delay.crash_looping());
  EXPECT_EQ(delay.after(false, {}, kMiddle), milliseconds(200)) << "from the beginning";
}

}  // namespace
}  // namespace triggerd::worker
