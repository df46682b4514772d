#include "dispatch/durations.hpp"

#include <gtest/gtest.h>

namespace triggerd::dispatch {
namespace {

using namespace std::chrono_literals;

TEST(Durations, AreCountedUpToTheirBound) {
  Durations d;
  for (const Duration took :
       {Duration(0), Duration(1ms), Duration(1ms + 1ns), Duration(300s), Duration(301s)})
    d.add(took);
  EXPECT_EQ(d.counts[0], 2U);
  EXPECT_EQ(d.counts[1], 1U);
  EXPECT_EQ(d.counts[Durations::kBoundsMs.size() - 1], 1U);
  EXPECT_EQ(d.counts[Durations::kBoundsMs.size()], 1U);
  EXPECT_EQ(d.sum, 601s + 2ms + 1ns);
}

TEST(Durations, AQuantileIsTheBoundThatHoldsIt) {
  Durations d;
  EXPECT_EQ(d.quantile(0.99), 0ms);
  for (int i = 0; i < 99; ++i) d.add(3ms);
  d.add(40ms);
  EXPECT_EQ(d.quantile(0.5), 5ms);
  EXPECT_EQ(d.quantile(0.99), 5ms);
  EXPECT_EQ(d.quantile(1), 50ms);
  d.add(400s);
  EXPECT_EQ(d.quantile(1), 600s) << "the last bound is none of it";
}

TEST(Durations, SinceAnEarlierValue) {
  Durations d;
  d.add(3ms);
  const Durations before = d;
  d.add(70ms);
  EXPECT_EQ(d.since(before).count(), 1U);
  EXPECT_EQ(d.since(before).sum, 70ms);
  EXPECT_EQ(d.since(before).quantile(0.5), 100ms);
}

}  // namespace
}  // namespace triggerd::dispatch
