// Keys that go over their defaults in their own way, or that look at other triggers or the environment.
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

using namespace std::chrono_literals;

TEST(Policies, OnFailureGoesOverTheDefaultAsAWhole) {
  using Kind = FailurePolicy::Kind;
  struct Row {
    const char* by_default;
    const char* own;  // empty: the key is not there
    FailurePolicy policy;
  };
  for (const Row& row :
       std::vector<Row>{{"block", "", {Kind::block, "", 5s}},
                        {"drop", "", {Kind::drop, "", 5s}},
                        {"{deadLetter: all}", "", {Kind::dead_letter, "all", 5s}},
                        {"{deadLetter: all}", "block", {Kind::block, "", 5s}},
                        {"{deadLetter: all}", "drop", {Kind::drop, "", 5s}},
                        {"{deadLetter: all}", "{deadLetter: mine}", {Kind::dead_letter, "mine", 5s}},
                        {"drop", "{deadLetter: mine}", {Kind::dead_letter, "mine", 5s}},
                        {"drop", "BLOCK", {Kind::block, "", 5s}}}) {
    const std::string own = *row.own == '\0' ? "" : std::string(", onFailure: ") + row.own;
    const Fleet fleet = good(
        std::string("defaults: {brokerList: 'k:1', alarmAfter: 5s, worker: {command: [w]}, onFailure: ") +
        row.by_default + "}\ntriggers: {t: {topic: t" + own + "}}\n");
    EXPECT_EQ(fleet.triggers.at(0).on_failure, row.policy) << row.by_default << " " << row.own;
  }
}

TEST(Policies, ScaleGoesOverTheDefaultKeyByKey) {
  const Fleet fleet = good(
      "defaults: {brokerList: 'k:1', worker: {command: [w]}, scale: {lagThreshold: 7, maxInstances: 5}}\n"
      "triggers: {a: {topic: a}, b: {topic: b, scale: {maxInstances: 6, limitToPartitionsWithLag: true}}}\n");
  ScalePolicy policy;
  policy.lag_threshold = 7;
  policy.max_instances = 5;
  EXPECT_EQ(fleet.triggers.at(0).scale, policy);
  policy.max_instances = 6;
  policy.limit_to_partitions_with_lag = true;
  EXPECT_EQ(fleet.triggers.at(1).scale, policy);
}

TEST(Policies, TheStateDirectoryIsTheFilesElseTheFirstOfTheEnvironment) {
  struct Row {
    const char* key;
    std::optional<std::string> given;
    const char* directory;
  };
  for (const Row& row : std::vector<Row>{{"", std::nullopt, ""},
                                         {"", "", ""},
                                         {"", "/var/lib/triggerd", "/var/lib/triggerd"},
                                         {"", "/var/lib/triggerd:/var/lib/other", "/var/lib/triggerd"},
                                         {"stateDirectory: /srv/state\n", "/var/lib/triggerd", "/srv/state"},
                                         {"stateDirectory: /srv/a:b\n", std::nullopt, "/srv/a:b"},
                                         {"stateDirectory: state\n", std::nullopt, "/etc/t/state"},
                                         {"stateDirectory: '${env:STATE_DIRECTORY}/x'\n", "/s", "/s/x"}}) {
    World world{{{"/etc/t/fleet.yaml", row.key + kSmallest}}, {}};
    if (row.given) world.environment["STATE_DIRECTORY"] = *row.given;
    const Loaded loaded = load("/etc/t/fleet.yaml", world.sources());
    ASSERT_TRUE(loaded.fleet) << lines(loaded.diagnostics);
    EXPECT_EQ(loaded.fleet->state_directory, row.directory) << row.key;
  }
}

// One name in all triggers' groups is what `defaults` is for; the clusters' names do not matter, their
// brokers do.
TEST(Policies, StaticMembersAreUniqueInAGroupOfACluster) {
  const std::string start =
      "clusters: {main: {brokerList: 'k:1'}, also: {brokerList: 'k:1'}, other: {brokerList: 'k:2'}}\n"
      "defaults: {cluster: main, groupInstanceId: '${env:HOST}', worker: {command: [w]}}\n";
  const World world{{}, {{"HOST", "vm1"}}};
  const auto refused = [&](const std::string& triggers) {
    return !load_text(start + "triggers: {" + triggers + "}\n", world).fleet;
  };
  EXPECT_FALSE(refused("a: {topic: a}, b: {topic: b}"));
  EXPECT_FALSE(refused("a: {topic: a, consumerGroup: g}, b: {topic: b, cluster: other, consumerGroup: g}"));
  EXPECT_FALSE(
      refused("a: {topic: a, consumerGroup: g}, b: {topic: a, consumerGroup: g, groupInstanceId: vm2}"));
  EXPECT_TRUE(refused("a: {topic: a, consumerGroup: g}, b: {topic: b, consumerGroup: g}"));
  EXPECT_TRUE(refused("a: {topic: a, consumerGroup: g}, b: {topic: b, cluster: also, consumerGroup: g}"));
  EXPECT_TRUE(
      refused("a: {topic: a, consumerGroup: g}, b: {topic: a, consumerGroup: g, groupInstanceId: vm1}"));
}

TEST(Policies, TheFleetsBudgetHoldsTheLargestBatch) {
  const std::string rest =
      "defaults: {brokerList: 'k:1', worker: {command: [w]}}\n"
      "triggers: {a: {topic: a, maxBatchBytes: 8MiB}, b: {topic: b}}\n";
  EXPECT_EQ(good("maxInFlightBytes: 8MiB\n" + rest).max_in_flight_bytes, 8u << 20);
  EXPECT_EQ(lines(load_text("maxInFlightBytes: 8388607\n" + rest).diagnostics),
            "f.yaml:1:1: maxInFlightBytes: must be at least 8MiB, the maxBatchBytes of trigger \"a\" (got "
            "8388607B)\n");
}

}  // namespace
}  // namespace triggerd::config
