#include "dispatch/retry.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace triggerd::dispatch {
namespace {

using config::RetryPolicy;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::optional<Duration> kGiveUp;

TEST(RetryDelay, Table) {
  RetryPolicy fixed;
  fixed.strategy = RetryPolicy::Strategy::fixed_delay;
  fixed.delay_interval = seconds(3);
  RetryPolicy exponential;
  exponential.minimum_interval = milliseconds(100);
  exponential.maximum_interval = seconds(10);
  struct Row {
    RetryPolicy policy;
    std::uint32_t failures;
    double unit;
    std::optional<Duration> delay;
  };
  const Row rows[] = {
      {fixed, 1, 0, seconds(3)},
      {fixed, 1, 0.99, seconds(3)},
      {fixed, 1000, 0.5, seconds(3)},
      {exponential, 1, 0.5, milliseconds(100)},
      {exponential, 2, 0.5, milliseconds(200)},
      {exponential, 5, 0.5, milliseconds(1600)},
      {exponential, 1, 0, milliseconds(80)},
      {exponential, 3, 0, milliseconds(320)},
      {exponential, 7, 0.5, milliseconds(6400)},
      {exponential, 8, 0.5, seconds(10)},
      {exponential, 8, 0, seconds(10)},  // 12.8 s · 0.8: the maximum is the maximum
      {exponential, 64, 0.5, seconds(10)},
      {exponential, std::numeric_limits<std::uint32_t>::max(), 0.999, seconds(10)},
  };
  for (const Row& row : rows) {
    const auto delay = retry_delay(row.policy, row.failures, row.unit);
    ASSERT_TRUE(delay);
    EXPECT_NEAR(static_cast<double>(delay->count()), static_cast<double>(row.delay->count()), 10.0)
        << row.failures << " failures, unit " << row.unit;
  }
}

TEST(RetryDelay, TheJitterIsATwentyPercentBandAroundTheWait) {
  RetryPolicy policy;
  policy.minimum_interval = milliseconds(100);
  for (const double unit : {0.0, 0.25, 0.5, 0.75, 0.999}) {
    const auto delay = *retry_delay(policy, 1, unit);
    EXPECT_GE(delay, milliseconds(80));
    EXPECT_LT(delay, milliseconds(120));
  }
}

TEST(RetryDelay, RetriesAreCountedAfterTheFirstAttempt) {
  for (const auto strategy :
       {RetryPolicy::Strategy::fixed_delay, RetryPolicy::Strategy::exponential_backoff}) {
    RetryPolicy policy;
    policy.strategy = strategy;
    policy.max_retry_count = 2;
    EXPECT_NE(retry_delay(policy, 1, 0.5), kGiveUp);
    EXPECT_NE(retry_delay(policy, 2, 0.5), kGiveUp);
    EXPECT_EQ(retry_delay(policy, 3, 0.5), kGiveUp);
    policy.max_retry_count = 0;
    EXPECT_EQ(retry_delay(policy, 1, 0.5), kGiveUp);
    policy.max_retry_count = -1;
    EXPECT_NE(retry_delay(policy, 1'000'000, 0.5), kGiveUp);
  }
}

TEST(RetryDelay, AMinimumOverTheMaximumIsTheMaximum) {
  RetryPolicy policy;
  policy.minimum_interval = seconds(60);
  policy.maximum_interval = seconds(1);
  EXPECT_EQ(retry_delay(policy, 1, 0.5), Duration(seconds(1)));
}

}  // namespace
}  // namespace triggerd::dispatch
