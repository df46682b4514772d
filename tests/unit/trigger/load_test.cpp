#include "trigger/load.hpp"

#include <gtest/gtest.h>

namespace triggerd::trigger {
namespace {

using namespace std::chrono_literals;

Status status(Duration at, Duration busy, std::uint64_t settled, std::uint32_t ready = 1) {
  Status s;
  s.at = TimePoint(at);
  s.busy = busy;
  s.stats.settled_ok = settled;
  s.pool.ready = ready;
  return s;
}

TEST(LoadMeter, TellsWhatHappenedBetweenTwoStatuses) {
  LoadMeter meter(1s);
  EXPECT_FALSE(meter.took(status(10s, 5s, 100)));
  EXPECT_FALSE(meter.took(status(10500ms, 5s, 100))) << "too soon";
  const auto load = meter.took(status(12s, 6s, 300));
  ASSERT_TRUE(load);
  EXPECT_DOUBLE_EQ(load->handled, 100);
  EXPECT_DOUBLE_EQ(load->busy, 0.5);
}

TEST(LoadMeter, BusyIsAShareOfAllReadyWorkers) {
  LoadMeter meter(1s);
  meter.took(status(0s, 0s, 0));
  EXPECT_DOUBLE_EQ(meter.took(status(1s, 3s, 0, 4))->busy, 0.75);
  EXPECT_DOUBLE_EQ(meter.took(status(2s, 6s, 0, 1))->busy, 1) << "those that left count no more";
  EXPECT_DOUBLE_EQ(meter.took(status(3s, 6s, 0, 0))->busy, 0);
}

TEST(LoadMeter, ATriggerThatBeganAnewSaysNothingOnce) {
  LoadMeter meter(1s);
  meter.took(status(0s, 9s, 900));
  EXPECT_FALSE(meter.took(status(2s, 1s, 950)));
  EXPECT_FALSE(meter.took(status(4s, 2s, 100)));
  EXPECT_DOUBLE_EQ(meter.took(status(6s, 3s, 120))->handled, 10);
}

}  // namespace
}  // namespace triggerd::trigger
