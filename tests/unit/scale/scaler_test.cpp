#include "scale/scaler.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "unit/scale/snapshots.hpp"

namespace triggerd::scale {
namespace {

using config::ScalePolicy;
using std::chrono::seconds;

constexpr Duration kRefresh = seconds(5);

// A scaler that is told of a lag every 5 s, and what it said last.
struct Fleet {
  ScalePolicy policy = {};
  Scaler scaler{policy, kRefresh};
  double now = 0;
  Inputs inputs = {};

  explicit Fleet(const ScalePolicy& p = {}) : policy(p) {}

  const Decision& tell(const lag::Snapshot& s) { return scaler.decide(s, inputs, at(now)); }
  std::string said(const Decision& d) const { return std::to_string(d.target) + " " + name(d.reason); }
  // For so long, the last time counts; instances follow the target at once.
  std::string during(double duration, std::initializer_list<std::int64_t> lags) {
    std::string last;
    for (const double end = now + duration; now < end; now += 5) {
      const Decision& d = tell(snapshot(lags, at(now)));
      inputs.current = d.target;
      last = said(d);
    }
    return last;
  }
};

ScalePolicy to_zero() {
  ScalePolicy policy;
  policy.min_instances = 0;
  return policy;
}

TEST(Scaler, OneRuleEach) {
  struct Row {
    const char* rule;
    ScalePolicy policy;
    std::initializer_list<std::int64_t> lags;
    const char* after_a_minute;
  };
  ScalePolicy two_to_six;
  two_to_six.min_instances = 2;
  two_to_six.max_instances = 6;
  ScalePolicy with_lag;
  with_lag.limit_to_partitions_with_lag = true;
  ScalePolicy idle;
  idle.allow_idle_consumers = true;
  ScalePolicy evenly;
  evenly.even_distribution = true;
  ScalePolicy activation = to_zero();
  activation.activation_lag_threshold = 500;
  const Row rows[] = {
      {"nothing to do", {}, {0, 0, 0, 0}, "1 min_instances"},
      {"enough for one", {}, {400, 400, 0, 0}, "1 steady"},
      {"lag for three", {}, {800, 800, 900, 0}, "3 steady"},
      {"capped by the partitions", {}, {9'000, 0, 0}, "3 capped_by_partitions"},
      {"capped by those with lag", with_lag, {9'000, 9'000, 0}, "2 capped_by_partitions"},
      {"more consumers than partitions are allowed", idle, {9'000, 0, 0}, "9 steady"},
      {"even: 4 of 6 have 2 each at most, as 3 have", evenly, {600, 600, 600, 600, 600, 600}, "3 steady"},
      {"minInstances", two_to_six, {100, 0, 0, 0, 0, 0, 0}, "2 min_instances"},
      {"maxInstances", two_to_six, {9'000, 0, 0, 0, 0, 0, 0}, "6 max_instances"},
      {"no partitions", {}, {}, "1 min_instances"},
      {"at the activation threshold", activation, {500}, "0 idle_to_zero"},
      {"above it", activation, {501}, "1 steady"},
  };
  for (const Row& row : rows) {
    Fleet fleet(row.policy);
    fleet.inputs.current = row.policy.min_instances;
    EXPECT_EQ(fleet.during(60, row.lags), row.after_a_minute) << row.rule;
  }
}

TEST(Scaler, TheVoteComparesWithWhatThereIs) {
  Fleet fleet;
  fleet.during(400, {900, 900, 900});
  for (const auto& [current, vote] : {std::pair{2U, 1}, {3U, 0}, {4U, -1}}) {
    fleet.inputs.current = current;
    EXPECT_EQ(fleet.tell(snapshot({900, 900, 900}, at(fleet.now))).vote, vote) << current;
  }
}

TEST(Scaler, ToZeroOnlyAfterTheCooldown) {
  Fleet fleet(to_zero());
  EXPECT_EQ(fleet.during(60, {900}), "1 steady");
  EXPECT_EQ(fleet.during(290, {0}), "1 cooldown");
  EXPECT_EQ(fleet.during(20, {0}), "0 idle_to_zero");
  EXPECT_EQ(fleet.during(900, {0}), "0 idle_to_zero");
  EXPECT_EQ(fleet.during(5, {1}), "1 lag") << "the first record wakes it";
  EXPECT_EQ(fleet.during(290, {0}), "1 cooldown");
}

// The activation threshold is for waking and going to rest, not for how many there are in between.
TEST(Scaler, BelowTheActivationThresholdItScalesUntilTheCooldownIsOver) {
  ScalePolicy policy = to_zero();
  policy.activation_lag_threshold = 5'000;
  policy.scale_down_window = seconds(0);
  policy.cooldown = seconds(600);
  Fleet fleet(policy);
  EXPECT_EQ(fleet.during(595, {1'500, 1'500, 0}), "3 steady");
  EXPECT_EQ(fleet.during(300, {1'500, 1'500, 0}), "0 idle_to_zero");
}

TEST(Scaler, TimeInTheDarkIsNoRest) {
  ScalePolicy policy = to_zero();
  policy.scale_down_window = seconds(0);
  Fleet fleet(policy);
  fleet.during(100, {0});
  const lag::Snapshot old = snapshot({0}, at(fleet.now));
  for (const double end = fleet.now + 600; fleet.now < end; fleet.now += 5) fleet.tell(old);
  EXPECT_EQ(fleet.during(290, {0}), "1 cooldown") << "it counts anew";
  EXPECT_EQ(fleet.during(20, {0}), "0 idle_to_zero");
}

TEST(Scaler, FromZeroAtOnceToWhatIsNeeded) {
  Fleet fleet(to_zero());
  fleet.inputs.current = 0;
  EXPECT_EQ(fleet.during(60, {0, 0, 0, 0, 0, 0, 0, 0, 0}), "0 idle_to_zero");
  EXPECT_EQ(fleet.during(5, {9'000, 0, 0, 0, 0, 0, 0, 0, 0}), "9 lag");
}

TEST(Scaler, NotToZeroWhileRecordsAreInFlight) {
  Fleet fleet(to_zero());
  fleet.during(60, {900});
  fleet.inputs.in_flight = 1;
  EXPECT_EQ(fleet.during(900, {0}), "1 activation") << "the handler is at it, though no lag is seen";
}

TEST(Scaler, NotToZeroWithAStuckPartition) {
  Fleet fleet(to_zero());
  for (; fleet.now < 900; fleet.now += 5) {
    lag::Snapshot s = snapshot({5'000, 0, 0, 0, 0, 0}, at(fleet.now));
    s.partitions[0].moved = at(0);
    fleet.inputs.current = fleet.tell(s).target;
  }
  const Decision& d = fleet.scaler.history().back();
  EXPECT_EQ(fleet.said(d), "1 activation");
  EXPECT_EQ(d.evidence.stuck_partitions, 1U);
  EXPECT_EQ(d.evidence.lag, 0);
  EXPECT_EQ(d.text, "5000 records of lag and 0 in flight keep 1 instance");
}

// keda#4098, and the original's KafkaMetricsProvider, which takes an exception for no lag.
TEST(Scaler, AnOutageIsNoLackOfLag) {
  Fleet fleet(to_zero());
  const std::initializer_list<std::int64_t> lags{9'000, 0, 0, 0, 0, 0};
  fleet.during(60, lags);
  lag::Snapshot old = snapshot({0, 0, 0, 0, 0, 0}, at(fleet.now));
  old.complete = false;
  EXPECT_EQ(fleet.said(fleet.tell(old)), "6 incomplete_hold");
  old.complete = true;
  old.partitions[2].failed = true;
  EXPECT_EQ(fleet.said(fleet.tell(old)), "6 incomplete_hold");
  old.partitions[2].failed = false;
  const double began = fleet.now;
  for (; fleet.now <= began + 2'000; fleet.now += 5) {
    const Decision& d = fleet.tell(old);
    EXPECT_GE(d.target, 6U);
    EXPECT_EQ(d.reason == Rule::stale_hold, fleet.now > began + 15) << fleet.now - began;
  }
  EXPECT_EQ(fleet.scaler.history().back().text,
            "the lag was last known in full 2000 s ago; 6 instances stay");
  EXPECT_EQ(fleet.during(290, {0, 0, 0, 0, 0, 0}), "6 scale_down_window") << "the window counts anew";
  EXPECT_EQ(fleet.during(60, {0, 0, 0, 0, 0, 0}), "3 step_limit");
}

TEST(Scaler, InTheDarkNothingIsStoppedAndNothingStarted) {
  Fleet fleet;
  fleet.inputs.current = 3;
  lag::Snapshot nothing = snapshot({90'000}, at(0));
  nothing.taken.reset();
  EXPECT_EQ(fleet.said(fleet.tell(nothing)), "3 no_data_hold");
  EXPECT_TRUE(fleet.tell(nothing).evidence.active) << "there may be work";
  fleet.inputs.current = 5;  // somebody started two
  EXPECT_EQ(fleet.said(fleet.tell(nothing)), "5 no_data_hold");
  EXPECT_EQ(fleet.scaler.history().back().vote, 0);
  fleet.inputs.current = 2;  // or three of them died
  EXPECT_EQ(fleet.tell(nothing).vote, 1);
  EXPECT_EQ(fleet.scaler.history().back().text, "no lag is known yet; 5 instances stay");
}

TEST(Scaler, AtStartWhatThereIsCountsAsAskedFor) {
  Fleet fleet;
  fleet.inputs.current = 8;
  EXPECT_EQ(fleet.during(300, {0, 0, 0, 0, 0, 0, 0, 0, 0}), "8 scale_down_window");
  EXPECT_EQ(fleet.during(10, {0, 0, 0, 0, 0, 0, 0, 0, 0}), "4 step_limit");
}

// azure-functions-kafka-extension#222: lag that is never 0 must not keep what it does not need.
TEST(Scaler, ALowTrickleScalesIn) {
  Fleet fleet;
  EXPECT_EQ(fleet.during(120, {2'000, 2'000, 2'000, 2'000}), "4 capped_by_partitions");
  EXPECT_EQ(fleet.during(600, {1, 2, 0, 3}), "1 steady");
}

// druid#16689: HPA's tolerance kept 22 of 24.
TEST(Scaler, ReachesTheCap) {
  ScalePolicy policy;
  policy.max_instances = 24;
  policy.allow_idle_consumers = true;
  Fleet fleet(policy);
  fleet.inputs.current = 22;
  EXPECT_EQ(fleet.during(300, {60'000}), "24 max_instances");
}

TEST(Scaler, ByRateOnceItIsWarm) {
  ScalePolicy policy;
  policy.mode = ScalePolicy::Mode::rate;
  Fleet fleet(policy);
  const auto play = [&](double until) {
    for (; fleet.now <= until; fleet.now += 5) {
      const auto end = static_cast<std::int64_t>(fleet.now * 400);
      lag::Snapshot s = snapshot({0, 0, 0, 0, 0, 0, 0, 0}, at(fleet.now));
      s.partitions[0].end = Offset{end};
      fleet.inputs.rate_handled =
          400.0 / fleet.inputs.current;  // they handle what comes, and can do 100 each
      fleet.inputs.busy = std::min(4.0 / fleet.inputs.current, 1.0);
      if (fleet.inputs.current < 4) fleet.inputs.rate_handled = 100;
      fleet.inputs.current = fleet.tell(s).target;
    }
    return fleet.said(fleet.scaler.history().back());
  };
  EXPECT_EQ(play(30), "1 min_instances");
  EXPECT_EQ(fleet.scaler.history().back().wants.lag, 0U);
  EXPECT_EQ(play(900), "5 steady") << "400 / (100 · 0.8), and it stays so";
  EXPECT_EQ(fleet.scaler.history().back().text,
            "400 records a second and 0 records of lag ask for 5 instances, each of 100 a second; 5 "
            "instances stay");
}

TEST(Scaler, SetByHandUntilItIsTakenBack) {
  ScalePolicy policy;
  policy.max_instances = 10;
  Fleet fleet(policy);
  fleet.during(400, {900});
  fleet.scaler.set_manual(Manual{7, "ann"});
  EXPECT_EQ(fleet.during(5, {900}), "7 manual");
  EXPECT_EQ(fleet.scaler.history().back().text, "7 instances are set by hand, by ann");
  lag::Snapshot stale = snapshot({0}, at(0));
  EXPECT_EQ(fleet.said(fleet.tell(stale)), "7 manual");
  fleet.scaler.set_manual(Manual{70, "ann"});
  EXPECT_EQ(fleet.during(5, {900}), "10 manual") << "within its bounds";
  fleet.scaler.set_manual(std::nullopt);
  EXPECT_EQ(fleet.during(5, {900}), "7 scale_down_window") << "what was held in the dark counts as asked for";
}

TEST(Scaler, RemembersAHundredDecisionsAndFoldsThoseThatAreAlike) {
  Fleet fleet;
  fleet.during(50, {900});  // the rate is known from 35 s on, which is news
  ASSERT_EQ(fleet.scaler.history().size(), 2U);
  EXPECT_EQ(fleet.scaler.history().front().count, 7U);
  EXPECT_EQ(fleet.scaler.history().back().count, 3U);
  EXPECT_EQ(fleet.scaler.history().back().first, at(35));
  EXPECT_EQ(fleet.scaler.history().back().now, at(45));
  for (std::int64_t i = 0; i < 300; ++i) fleet.during(5, {i});
  EXPECT_EQ(fleet.scaler.history().size(), 100U);
  EXPECT_EQ(fleet.scaler.history().front().evidence.lag, 200);
}

TEST(Scaler, EachReasonIsASentence) {
  ScalePolicy policy;
  policy.target_lag = seconds(30);
  policy.max_instances = 4;
  Decision d;
  d.target = 3;
  d.evidence.lag = 2'500;
  d.evidence.lag_with_stuck = 7'500;
  d.evidence.stuck_partitions = 1;
  d.evidence.partitions = 3;
  d.evidence.behind_seconds = 45;
  d.wants.lag = 3;
  d.reason = Rule::lag;
  const std::string asks =
      "2500 records of lag, at 1000 an instance, ask for 3 instances "
      "(not counted: 5000 records of 1 stuck partition)";
  EXPECT_EQ(explain(d, policy, ""), asks);
  d.reason = Rule::max_instances;
  EXPECT_EQ(explain(d, policy, ""), asks + "; maxInstances is 4");
  d.wants.lag_seconds = 6;
  d.reason = Rule::capped_by_partitions;
  d.evidence.stuck_partitions = 0;
  EXPECT_EQ(explain(d, policy, ""),
            "the oldest record is 45 s old, above 30 s, and asks for 6 instances; more than 3 "
            "instances would have no partition to read");
  std::set<std::string> names;
  for (int rule = 0; rule <= static_cast<int>(Rule::manual); ++rule) {
    d.reason = static_cast<Rule>(rule);
    EXPECT_FALSE(explain(d, policy, "").empty()) << rule;
    EXPECT_TRUE(names.insert(name(d.reason)).second) << rule;
  }
}

}  // namespace
}  // namespace triggerd::scale
