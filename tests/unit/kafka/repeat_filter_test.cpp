#include <gtest/gtest.h>

#include "kafka/client_log.hpp"

namespace triggerd::kafka {
namespace {

using namespace std::chrono_literals;

TEST(RepeatFilter, LetsAFewLinesThroughAndCountsTheRest) {
  RepeatFilter filter;
  RepeatFilter::Clock::time_point now{1h};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(filter.admit("FAIL", now), 0U);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(filter.admit("FAIL", now + 1s), std::nullopt);
  EXPECT_EQ(filter.admit("MAXPOLL", now + 1s), 0U) << "another facility";
  EXPECT_EQ(filter.admit("FAIL", now + 9s), std::nullopt);
  EXPECT_EQ(filter.admit("FAIL", now + 10s), 41U);
  EXPECT_EQ(filter.admit("FAIL", now + 10s), 0U);
  EXPECT_EQ(filter.admit("FAIL", now + 30s), 0U) << "nothing was left out";
}

}  // namespace
}  // namespace triggerd::kafka
