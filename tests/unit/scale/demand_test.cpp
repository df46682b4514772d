#include "scale/demand.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "unit/scale/snapshots.hpp"

namespace triggerd::scale {
namespace {

using config::ScalePolicy;
using std::chrono::seconds;

constexpr std::optional<std::uint32_t> kNone;

TEST(SumUp, StuckPartitionsAskForNothingButAreCountedForActivation) {
  lag::Snapshot s = snapshot({5, 0, 700, 30}, at(0));
  s.partitions[2].behind = seconds(900);
  s.partitions[3].behind = seconds(4);
  const std::set<TopicPartition> stuck{s.partitions[2].source};
  ScalePolicy policy;
  Evidence e = sum_up(s, stuck, policy);
  EXPECT_EQ(e.lag, 35);
  EXPECT_EQ(e.lag_with_stuck, 735);
  EXPECT_EQ(e.partitions, 4U);
  EXPECT_EQ(e.partitions_with_lag, 2U);
  EXPECT_EQ(e.stuck_partitions, 1U);
  EXPECT_EQ(e.behind_seconds, 4);
  policy.exclude_persistent_lag = false;
  e = sum_up(s, stuck, policy);
  EXPECT_EQ(e.lag, 735);
  EXPECT_EQ(e.partitions_with_lag, 3U);
  EXPECT_EQ(e.stuck_partitions, 1U) << "named all the same";
  EXPECT_EQ(e.behind_seconds, 900);
}

TEST(SumUp, WhatIsNotKnownIsNoNumber) {
  lag::Snapshot s = snapshot({5, 7}, at(0));
  EXPECT_TRUE(sum_up(s, {}, {}).complete);
  s.partitions[1].lag.reset();
  EXPECT_FALSE(sum_up(s, {}, {}).complete) << "kafka_exporter#28: no commit is no -1, no 0 and no whole log";
  s.partitions[1].unread = true;
  EXPECT_TRUE(sum_up(s, {}, {}).complete) << "which nobody may begin holds up no decision about the others";
  EXPECT_EQ(sum_up(s, {}, {}).lag, 5);
  s = snapshot({5, 7}, at(0));
  s.partitions[0].failed = true;
  EXPECT_FALSE(sum_up(s, {}, {}).complete);
  EXPECT_EQ(sum_up(s, {}, {}).behind_seconds, std::nullopt);
}

TEST(SumUp, NeverBelowZeroNorOver) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(sum_up(snapshot({-3, 5}, at(0)), {}, {}).lag, 5) << "kafka_exporter#437: no negative lag";
  EXPECT_EQ(sum_up(snapshot({kMost, kMost}, at(0)), {}, {}).lag, kMost);
}

Evidence evidence(std::int64_t lag, std::optional<double> behind = {}, std::optional<double> in = {},
                  std::optional<double> each = {}) {
  Evidence e;
  e.lag = e.lag_with_stuck = lag;
  e.behind_seconds = behind;
  e.rate_in = in;
  e.rate_per_instance = each;
  return e;
}

TEST(Wants, Table) {
  ScalePolicy by_lag;
  ScalePolicy by_time = by_lag;
  by_time.target_lag = seconds(30);
  ScalePolicy by_rate = by_lag;
  by_rate.mode = ScalePolicy::Mode::rate;
  by_rate.drain_target = seconds(100);
  struct Row {
    const char* rule;
    ScalePolicy policy;
    Evidence evidence;
    std::uint32_t current;
    Wants wants;
  };
  const Row rows[] = {
      {"lag: none", by_lag, evidence(0), 3, {0U, kNone, kNone}},
      {"lag: the first record asks for one", by_lag, evidence(1), 3, {1U, kNone, kNone}},
      {"lag: exactly", by_lag, evidence(2'000), 3, {2U, kNone, kNone}},
      {"lag: rounded up", by_lag, evidence(2'001), 3, {3U, kNone, kNone}},
      {"lag: any lag is a number", by_lag, evidence(1LL << 62), 3, {1'000'000U, kNone, kNone}},
      {"lag: the age is not asked for", by_lag, evidence(1, 900.0), 3, {1U, kNone, kNone}},
      {"time: within the target", by_time, evidence(1, 30.0), 3, {1U, kNone, kNone}},
      {"time: half as old again", by_time, evidence(1, 45.0), 4, {1U, kNone, 6U}},
      {"time: at most twice as many", by_time, evidence(1, 900.0), 4, {1U, kNone, 8U}},
      {"time: from none, as from one", by_time, evidence(1, 900.0), 0, {1U, kNone, 2U}},
      {"time: not known", by_time, evidence(1), 4, {1U, kNone, kNone}},
      {"rate: what comes in, at 80 % of what they can",
       by_rate,
       evidence(0, {}, 160.0, 100.0),
       1,
       {kNone, 2U, kNone}},
      {"rate: a little more", by_rate, evidence(0, {}, 161.0, 100.0), 1, {kNone, 3U, kNone}},
      {"rate: and the backlog by drainTarget",
       by_rate,
       evidence(16'000, {}, 160.0, 100.0),
       1,
       {kNone, 4U, kNone}},
      {"rate: cold, so by lag", by_rate, evidence(4'500, {}, {}, 100.0), 1, {5U, kNone, kNone}},
      {"rate: no measure of an instance, so by lag",
       by_rate,
       evidence(4'500, {}, 10.0),
       1,
       {5U, kNone, kNone}},
      {"rate: an instance that handles nothing is no measure",
       by_rate,
       evidence(4'500, {}, 10.0, 0.0),
       1,
       {5U, kNone, kNone}},
  };
  for (const Row& row : rows) EXPECT_EQ(wants(row.evidence, row.policy, row.current), row.wants) << row.rule;
}

TEST(Cap, Table) {
  Evidence e;
  e.partitions = 12;
  e.partitions_with_lag = 3;
  ScalePolicy policy;
  EXPECT_EQ(cap_of(e, policy), 12U);
  policy.limit_to_partitions_with_lag = true;
  EXPECT_EQ(cap_of(e, policy), 3U);
  e.partitions_with_lag = 0;
  EXPECT_EQ(cap_of(e, policy), 1U) << "zero is not the cap's business";
  policy.limit_to_partitions_with_lag = false;
  policy.allow_idle_consumers = true;
  EXPECT_EQ(cap_of(e, policy), kNone);
}

TEST(Demand, TheLastRuleThatChangedTheNumberIsNamed) {
  ScalePolicy policy;
  policy.max_instances = 20;
  Evidence e;
  e.partitions = 16;
  const auto rule = [&](const Wants& w, std::optional<std::uint32_t> cap) {
    const Demand d = demand(w, e, cap, policy);
    return std::to_string(d.instances) + " " + name(d.rule);
  };
  EXPECT_EQ(rule({5U, kNone, kNone}, 16), "5 lag");
  EXPECT_EQ(rule({kNone, 6U, kNone}, 16), "6 rate");
  EXPECT_EQ(rule({5U, kNone, 7U}, 16), "7 lag_seconds");
  EXPECT_EQ(rule({5U, kNone, 5U}, 16), "5 lag");
  EXPECT_EQ(rule({17U, kNone, kNone}, 16), "16 capped_by_partitions");
  EXPECT_EQ(rule({17U, kNone, kNone}, kNone), "17 lag");
  EXPECT_EQ(rule({90U, kNone, kNone}, kNone), "20 max_instances");
  policy.max_instances = 10;
  EXPECT_EQ(rule({90U, kNone, kNone}, 16), "10 max_instances");
  policy.even_distribution = true;
  EXPECT_EQ(rule({90U, kNone, kNone}, 16), "8 even_distribution");
  EXPECT_EQ(rule({4U, kNone, kNone}, 16), "4 lag");
}

// keda#7517: with divisors only, 7 of 24 partitions' worth of work become 8, 13 become 24.
TEST(Even, Table) {
  struct Row {
    std::uint32_t asked, partitions, instances;
  };
  const Row rows[] = {{1, 10, 1},     {3, 10, 3},   {4, 10, 4}, {6, 10, 5},   {9, 10, 5},
                      {10, 10, 10},   {11, 10, 11}, {7, 24, 6}, {13, 24, 12}, {9, 24, 8},
                      {100, 126, 63}, {5, 13, 5},   {0, 10, 0}, {3, 0, 3}};
  for (const Row& row : rows)
    EXPECT_EQ(even(row.asked, row.partitions), row.instances) << row.asked << " of " << row.partitions;
  double sum = 0;
  for (std::uint32_t n = 1; n <= 24; ++n) sum += even(n, 24);
  EXPECT_NEAR(sum / 24, 9.5, 0.05) << "as KEDA issue 7517 asks for";
}

}  // namespace
}  // namespace triggerd::scale
