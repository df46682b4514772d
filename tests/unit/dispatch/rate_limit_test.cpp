// At most so many records a second, in virtual time.
#include "dispatch/rate_limit.hpp"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace triggerd::dispatch {
namespace {

using std::chrono::milliseconds;

TimePoint at(int ms) { return TimePoint{} + milliseconds(ms); }

// At a time: what is available, what is taken, and when the next `wanted` may go; -1: now.
struct Step {
  int ms;
  std::uint64_t available, take, wanted;
  int when_ms;
};
struct Row {
  const char* name;
  std::uint32_t per_second;
  std::vector<Step> steps;
};

class RateLimitStory : public testing::TestWithParam<Row> {};

TEST_P(RateLimitStory, Holds) {
  RateLimit limit(GetParam().per_second);
  for (const Step& step : GetParam().steps) {
    SCOPED_TRACE(std::to_string(step.ms) + " ms");
    EXPECT_EQ(limit.available(at(step.ms)), step.available);
    limit.took(step.take);
    const auto when = limit.when(step.wanted, at(step.ms));
    ASSERT_EQ(when.has_value(), step.when_ms >= 0);
    if (!when) continue;
    EXPECT_GE(*when, at(step.when_ms));
    EXPECT_LT(*when, at(step.when_ms) + milliseconds(1));
    RateLimit then = limit;
    EXPECT_GE(then.available(*when), 1u) << "never woken too early";
  }
}

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

const Row kRows[] = {
    {"none", 0, {{0, kAny, 1'000'000, 1'000'000, -1}, {1, kAny, 5, 1, -1}}},
    {"a_tenth_of_a_second_at_once", 1000, {{0, 100, 0, 100, -1}, {500, 100, 100, 1, 501}}},
    {"refills_with_time", 1000, {{0, 100, 100, 50, 50}, {30, 30, 30, 10, 40}, {1000, 100, 0, 5, -1}}},
    {"no_more_is_waited_for_than_the_bucket_holds", 1000, {{0, 100, 100, 5000, 100}}},
    {"few_a_second_go_one_by_one", 2, {{0, 1, 1, 1, 500}, {499, 0, 0, 1, 500}, {500, 1, 1, 9, 1000}}},
    {"a_bucket_that_is_no_whole_number", 15, {{0, 1, 1, 1, 33}, {100, 1, 1, 7, 133}}},
    {"overdrawn_is_nothing", 100, {{0, 10, 30, 1, 210}, {100, 0, 0, 1, 210}, {300, 10, 0, 1, -1}}},
};

INSTANTIATE_TEST_SUITE_P(Table, RateLimitStory, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(RateLimit, AddsUpToTheRate) {
  RateLimit limit(5000);
  std::uint64_t sent = 0;
  for (int ms = 0; ms < 10'000; ms += 7) {
    const std::uint64_t some = std::min<std::uint64_t>(limit.available(at(ms)), 64);
    limit.took(some);
    sent += some;
  }
  EXPECT_GE(sent, 49'900u);
  EXPECT_LE(sent, 50'500u) << "the bucket it began with";
}

TEST(RateLimit, ATimeThatStandsStillGivesNothing) {
  RateLimit limit(10);
  limit.took(1);
  EXPECT_EQ(limit.available(at(5)), 0u) << "the clock starts when it is first asked";
  EXPECT_EQ(limit.available(at(5)), 0u);
  EXPECT_EQ(limit.available(at(4)), 0u);
  EXPECT_EQ(limit.available(at(105)), 1u);
}

}  // namespace
}  // namespace triggerd::dispatch
