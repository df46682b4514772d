// What holds of every decision, whatever the policy, the lag and the outages.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "scale/demand.hpp"
#include "scale/pool_size.hpp"
#include "scale/scaler.hpp"

namespace triggerd::scale {
namespace {

using config::ScalePolicy;
using std::chrono::seconds;

constexpr Duration kRefresh = seconds(5);

bool coin() { return *rc::gen::arbitrary<bool>(); }

ScalePolicy any_policy() {
  ScalePolicy p;
  p.mode = coin() ? ScalePolicy::Mode::lag : ScalePolicy::Mode::rate;
  p.lag_threshold = *rc::gen::inRange<std::int64_t>(1, 2'000);
  p.activation_lag_threshold = coin() ? 0 : *rc::gen::inRange<std::int64_t>(0, 3'000);
  p.min_instances = *rc::gen::inRange<std::uint32_t>(0, 4);
  p.max_instances = std::max(1U, p.min_instances) + *rc::gen::inRange<std::uint32_t>(0, 40);
  if (coin()) p.target_lag = seconds(*rc::gen::inRange(1, 60));
  p.exclude_persistent_lag = coin();
  p.limit_to_partitions_with_lag = coin();
  p.allow_idle_consumers = !p.limit_to_partitions_with_lag && coin();
  p.even_distribution = !p.limit_to_partitions_with_lag && coin();
  p.scale_down_window = seconds(*rc::gen::inRange(0, 400));
  p.cooldown = seconds(*rc::gen::inRange(0, 400));
  return p;
}

struct Turn {
  lag::Snapshot snapshot;
  Inputs inputs;
  TimePoint now;
};

// A story of one trigger: lag comes and goes, refreshes fail, instances follow or do not.
std::vector<Turn> any_story() {
  const auto partitions = *rc::gen::inRange(1, 30);
  lag::Snapshot s;
  s.trigger = "t";
  const Topic topic("t");
  for (int i = 0; i < partitions; ++i) {
    lag::PartitionLag p;
    p.source = {topic, Partition{i}};
    p.owner = lag::Owner::us;
    p.lag = 0;
    p.end = Offset{0};
    s.partitions.push_back(p);
  }
  std::vector<Turn> story;
  TimePoint now{seconds(1'000)};
  std::uint32_t current = *rc::gen::inRange<std::uint32_t>(0, 12);
  const int turns = *rc::gen::inRange(1, 80);
  for (int t = 0; t < turns; ++t) {
    now += seconds(*rc::gen::weightedElement<int>({{20, 5}, {3, 1}, {2, 60}, {1, 400}}));
    const bool answered = *rc::gen::inRange(0, 6) > 0;
    s.complete = answered;
    if (answered) {
      s.taken = now;
      const std::int64_t lag =
          *rc::gen::weightedElement<std::int64_t>({{3, 0}, {2, 1}, {2, 800}, {2, 20'000}, {1, 1LL << 61}});
      for (lag::PartitionLag& p : s.partitions) {
        const std::int64_t before = *p.lag;
        p.lag = coin() ? lag : 0;
        if (p.lag != before) p.moved = now;
        p.sampled = now;
        p.behind = seconds(*p.lag > 0 ? 90 : 0);
      }
    }
    Inputs inputs;
    inputs.current = current;
    inputs.in_flight = coin() ? 0 : 5;
    if (coin()) inputs.rate_handled = *rc::gen::inRange(0, 500);
    inputs.busy = *rc::gen::inRange(0, 100) / 100.0;
    story.push_back({s, inputs, now});
    if (*rc::gen::inRange(0, 4) == 0) current = *rc::gen::inRange<std::uint32_t>(0, 12);
  }
  return story;
}

Scaler any_scaler(const ScalePolicy& policy) { return Scaler(policy, kRefresh); }

bool is_hold(Rule rule) {
  return rule == Rule::stale_hold || rule == Rule::incomplete_hold || rule == Rule::no_data_hold;
}

void expect(bool holds) { EXPECT_TRUE(holds); }

TEST(ScalerProperty, WithinItsBoundsAndNeverDownInTheDark) {
  expect(rc::check([] {
    const ScalePolicy policy = any_policy();
    Scaler scaler = any_scaler(policy);
    std::optional<std::uint32_t> before;
    std::uint32_t caps = policy.max_instances;  // the greatest that was ever allowed: windows look back
    for (const Turn& turn : any_story()) {
      const Decision d = scaler.decide(turn.snapshot, turn.inputs, turn.now);
      RC_ASSERT(d.target >= policy.min_instances);
      RC_ASSERT(d.target <= policy.max_instances);
      RC_ASSERT(d.vote == (d.target > d.current) - (d.target < d.current));
      RC_ASSERT(!d.text.empty());
      const bool fresh = turn.snapshot.taken && turn.now - *turn.snapshot.taken <= 3 * kRefresh;
      RC_ASSERT((is_hold(d.reason) == !(fresh && turn.snapshot.complete)));
      if (is_hold(d.reason)) {
        RC_ASSERT(d.target >= std::min(d.current, policy.max_instances));
        RC_ASSERT((!before || d.target >= *before));
        RC_ASSERT((d.vote >= 0 || d.current > policy.max_instances));
      } else if (before && d.target > *before) {
        RC_ASSERT(d.target <= std::max(d.cap.value_or(caps), policy.min_instances));
      }
      if (before && *before == 0 && d.target > 0 && !is_hold(d.reason)) RC_ASSERT(d.evidence.active);
      if (!is_hold(d.reason) && d.evidence.active) RC_ASSERT(d.target > 0);
      before = d.target;
    }
  }));
}

TEST(ScalerProperty, StepsAreWithinTheirLimits) {
  expect(rc::check([] {
    const ScalePolicy policy = any_policy();
    Scaler scaler = any_scaler(policy);
    struct Told {
      TimePoint end;  // until when it stood
      std::uint32_t target;
    };
    std::vector<Told> told;
    for (const Turn& turn : any_story()) {
      const Decision d = scaler.decide(turn.snapshot, turn.inputs, turn.now);
      if (!told.empty()) told.back().end = turn.now;
      std::uint32_t fewest = told.empty() ? d.target : told.back().target, most = fewest;
      for (const Told& t : told) {
        if (t.target > 0 && turn.now - t.end < seconds(15)) fewest = std::min(fewest, t.target);
        if (turn.now - t.end < seconds(60)) most = std::max(most, t.target);
      }
      if (!told.empty() && !is_hold(d.reason)) {
        RC_ASSERT((fewest == 0 || d.target <= std::max({fewest + 4, 2 * fewest, told.back().target})));
        RC_ASSERT((most <= 1 || 2 * d.target >= most));
      }
      told.push_back({turn.now, d.target});
    }
  }));
}

TEST(ScalerProperty, TheSameStoryIsToldTheSameWay) {
  expect(rc::check([] {
    const ScalePolicy policy = any_policy();
    Scaler one(policy, kRefresh), other = one;
    for (const Turn& turn : any_story()) {
      const Decision a = one.decide(turn.snapshot, turn.inputs, turn.now);
      const Decision b = other.decide(turn.snapshot, turn.inputs, turn.now);
      RC_ASSERT(same(a, b));
      RC_ASSERT(a.text == b.text);
    }
    RC_ASSERT(one.history().size() == other.history().size());
    RC_ASSERT(one.history().size() <= Scaler::kRemembered);
  }));
}

TEST(EvenProperty, NeverMoreInstancesNorMorePartitionsAtOne) {
  expect(rc::check([] {
    const auto partitions = *rc::gen::inRange<std::uint32_t>(1, 2'000);
    const auto asked = *rc::gen::inRange<std::uint32_t>(1, 2'000);
    const std::uint32_t instances = even(asked, partitions);
    const auto most = [&](std::uint32_t n) { return (partitions + n - 1) / n; };
    RC_ASSERT((instances >= 1 && instances <= asked));
    RC_ASSERT(most(instances) == most(asked));
    RC_ASSERT((instances == 1 || asked > partitions || most(instances - 1) > most(asked)));
  }));
}

TEST(PoolSizeProperty, WithinItsLimitsAtMostTwiceAndDownByOne) {
  expect(rc::check([] {
    const auto least = *rc::gen::inRange<std::uint32_t>(1, 5);
    const auto most = least + *rc::gen::inRange<std::uint32_t>(0, 30);
    PoolSize size(least, most);
    PoolInputs in;
    in.wanted = least;
    TimePoint now{};
    for (int i = 0; i < 60; ++i) {
      now += seconds(*rc::gen::inRange(1, 30));
      in.ready = coin() || coin() ? in.wanted : *rc::gen::inRange<std::uint32_t>(0, in.wanted + 1);
      in.busy = *rc::gen::inRange(0, 101) / 100.0;
      in.waiting = *rc::gen::inRange<std::uint64_t>(0, 5'000);
      in.rate = *rc::gen::inRange(0, 500);
      if (coin()) in.useful = *rc::gen::inRange<std::uint32_t>(0, 20);
      in.process_bytes = 100;
      in.free_bytes = *rc::gen::inRange<std::uint64_t>(0, 1'000);
      const PoolDecision d = size.decide(in, now);
      RC_ASSERT((d.target >= least && d.target <= most));
      RC_ASSERT(d.target <= 2 * in.wanted);
      RC_ASSERT(d.target + 1 >= in.wanted);
      if (in.ready < in.wanted) RC_ASSERT(d.target == in.wanted);
      if (d.target > in.wanted) {
        RC_ASSERT(in.busy > 0.8);
        RC_ASSERT((d.target - in.wanted) * *in.process_bytes <= *in.free_bytes);
        RC_ASSERT((!in.useful || d.target <= *in.useful));
      }
      in.wanted = d.target;
    }
  }));
}

}  // namespace
}  // namespace triggerd::scale
