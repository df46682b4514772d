#include "trigger/scale_json.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace triggerd::trigger {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

TimePoint at(Duration time) { return TimePoint(time); }

Outlook outlook() {
  Outlook o;
  o.snapshot.trigger = "orders";
  o.snapshot.taken = at(100s);
  o.snapshot.complete = true;
  o.decision.target = 4;
  o.decision.current = 2;
  o.decision.vote = 1;
  o.decision.reason = scale::Rule::lag;
  o.decision.text = "3600 records";
  o.decision.evidence.lag_with_stuck = 3600;
  o.decision.evidence.active = true;
  return o;
}

TEST(ScaleJson, HasWhatAutoscalersRead) {
  EXPECT_EQ(json::parse(scale_json(outlook(), at(101500ms))), json::parse(R"({
    "trigger": "orders", "target": 4, "current": 2, "vote": 1, "active": true, "lag": 3600, "lagSeconds": null,
    "stuckPartitions": 0, "stale": false, "complete": true, "snapshotAgeSeconds": 1.5, "rule": "lag",
    "reason": "3600 records"})"));
}

TEST(ScaleJson, AHoldIsStaleAndAnUnknownLagIsNull) {
  for (const auto rule : {scale::Rule::stale_hold, scale::Rule::incomplete_hold, scale::Rule::no_data_hold}) {
    Outlook o = outlook();
    o.decision.reason = rule;
    EXPECT_TRUE(json::parse(scale_json(o, at(101s))).at("stale").as_bool()) << scale::name(rule);
  }
  Outlook o = outlook();
  o.snapshot.taken.reset();
  const json::value told = json::parse(scale_json(o, at(101s)));
  EXPECT_TRUE(told.at("lag").is_null());
  EXPECT_TRUE(told.at("snapshotAgeSeconds").is_null());
  EXPECT_TRUE(told.at("stale").as_bool());
}

TEST(ScaleJson, DecisionsComeNewestFirstWithTheirInputs) {
  scale::Decision first, second;
  first.first = first.now = at(10s);
  second.first = at(20s);
  second.now = at(25s);
  second.count = 2;
  second.evidence.lag = 7;
  second.wants.lag = 3;
  const json::value told = json::parse(decisions_json("orders", {first, second}, at(30s)));
  const json::array& list = told.at("decisions").as_array();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("secondsAgo").as_double(), 5);
  EXPECT_EQ(list[0].at("firstSecondsAgo").as_double(), 10);
  EXPECT_EQ(list[0].at("count").to_number<int>(), 2);
  EXPECT_EQ(list[0].at("inputs").at("lag").to_number<int>(), 7);
  EXPECT_EQ(list[0].at("inputs").at("wants").at("lag").to_number<int>(), 3);
  EXPECT_TRUE(list[0].at("inputs").at("wants").at("rate").is_null());
  EXPECT_EQ(list[1].at("secondsAgo").as_double(), 20);
}

TEST(ScaleJson, AGroupsPartitionsWithOwnerAndAge) {
  lag::Snapshot s;
  s.taken = at(5s);
  s.members = 2;
  s.errors = {"orders: why"};
  lag::PartitionLag p;
  p.source = {Topic("orders"), Partition{3}};
  p.end = Offset{9};
  p.lag = 4;
  p.behind = 2500ms;
  p.owner = lag::Owner::other;
  p.condition = lag::Condition::stalled;
  p.failed = true;
  s.partitions = {p};
  EXPECT_EQ(json::value(lag_member(s, at(7s))), json::parse(R"({
    "complete": false, "ageSeconds": 2E0, "members": 2, "errors": ["orders: why"], "partitions": [{
      "topic": "orders", "partition": 3, "start": null, "end": 9, "committed": null, "lag": 4, "lagSeconds": 2.5E0,
      "status": "stalled", "owner": "other", "held": true}]})"));
}

}  // namespace
}  // namespace triggerd::trigger
