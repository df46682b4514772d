// The lag source against the mock cluster, which describes topics, lists offsets and has commits, but knows
// nothing of members, times, deleted topics and transactions (tests/e2e/lag_source_test.py).
#include "kafka/lag_source.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mock/loop.hpp"
#include "support/mock_cluster.hpp"

// The mock cluster cannot describe groups, by either request. Where a coordinator cannot, librdkafka 2.15.1
// keeps one reference to the client's queue of operations too many, so that it is left over: 192 bytes a
// client, whatever was asked how often. With a real broker (25 refreshes under LeakSanitizer) nothing is.
extern "C" const char* __lsan_default_suppressions() { return "leak:rd_kafka_q_new0"; }

namespace triggerd::kafka {
namespace {

using namespace std::chrono_literals;
using testing::Api;
using Kind = config::StartFrom::Kind;

TopicPartition source(const std::string& topic, std::int32_t partition) {
  return {Topic(topic), Partition{partition}};
}

class LagSourceTest : public ::testing::Test {
 protected:
  explicit LagSourceTest(int brokers = 1) : cluster(brokers) { cluster.create_topic("orders", 2); }
  ~LagSourceTest() override {
    if (!lag) return;
    if (!closed) lag->close();
    EXPECT_TRUE(loop.until([&] { return closed; }));
    lag.reset();
    loop.end_janitor();
  }

  LagGroup group(const std::string& trigger, std::vector<std::string> topics = {"orders"},
                 Kind kind = Kind::earliest) {
    return {trigger, "group-" + trigger, std::move(topics), {kind, 0}, true};
  }
  // Refreshes come when they are asked for.
  void start(std::vector<LagGroup> groups, Duration interval = 1h, Duration timeout = 20s) {
    LagSourceSpec spec;
    spec.connection.broker_list = cluster.bootstrap();
    spec.name = "lag";
    spec.interval = interval;
    spec.timeout = timeout;
    lag = std::make_unique<LagSource>(loop.context(), loop.janitor(), spec,
                                      LagSource::Sink{[this](lag::Snapshot snapshot) {
                                                        EXPECT_FALSE(closed);
                                                        taken[snapshot.trigger] = std::move(snapshot);
                                                      },
                                                      [this](const LagRefresh& refresh) {
                                                        EXPECT_FALSE(closed);
                                                        last = refresh;
                                                        ++refreshes;
                                                      },
                                                      [this] { closed = true; }});
    for (LagGroup& one : groups) lag->add(std::move(one));
    lag->start();
    EXPECT_TRUE(loop.until([this] { return refreshes == 1; }));
  }
  void refresh() {
    const int before = refreshes;
    lag->refresh_now();
    EXPECT_TRUE(loop.until([&] { return refreshes > before; }));
  }
  lag::PartitionLag of(const std::string& trigger, const TopicPartition& wanted) {
    for (const lag::PartitionLag& each : taken[trigger].partitions) {
      if (each.source == wanted) return each;
    }
    ADD_FAILURE() << trigger << " has no " << to_string(wanted);
    return {};
  }
  std::optional<std::int64_t> lag_of(const std::string& trigger, const TopicPartition& wanted) {
    return of(trigger, wanted).lag;
  }

  testing::MockCluster cluster;
  testing::Loop loop;
  std::unique_ptr<LagSource> lag;
  std::map<std::string, lag::Snapshot> taken;
  LagRefresh last;
  int refreshes = 0;
  bool closed = false;
};

TEST_F(LagSourceTest, SnapshotsOfAllTriggersComeFromOneSetOfQuestions) {
  cluster.create_topic("bills", 1);
  cluster.produce_numbers("orders", 0, 0, 10);
  cluster.produce_numbers("bills", 0, 0, 7);
  cluster.commit("group-a", "orders", 0, 4);
  LagGroup uncommitted = group("c", {"orders"}, Kind::latest);
  uncommitted.read_committed = false;
  start({group("a"), group("b", {"orders", "bills"}), uncommitted, group("d", {"bills"}, Kind::error)});
  for (const auto& [trigger, snapshot] : taken) {
    EXPECT_TRUE(snapshot.complete) << trigger << (snapshot.errors.empty() ? "" : snapshot.errors[0]);
    EXPECT_EQ(snapshot.errors, std::vector<std::string>{}) << trigger;
    EXPECT_TRUE(snapshot.taken) << trigger;
  }
  EXPECT_EQ(lag_of("a", source("orders", 0)), 6);
  EXPECT_EQ(of("a", source("orders", 0)).committed, Offset{4});
  EXPECT_EQ(lag_of("a", source("orders", 1)), 0);
  EXPECT_EQ(lag_of("b", source("orders", 0)), 10);
  EXPECT_EQ(lag_of("b", source("bills", 0)), 7);
  EXPECT_EQ(lag_of("c", source("orders", 0)), 0) << "latest begins at the end";
  EXPECT_FALSE(lag_of("d", source("bills", 0))) << "nobody knows";
  EXPECT_FALSE(last.unreachable);
  EXPECT_FALSE(last.timed_out);
  EXPECT_EQ(last.requests["metadata"], 1u);
  EXPECT_EQ(last.requests["offset_fetch"], 4u);
  EXPECT_EQ(last.requests["list_offsets"], 3u) << "starts, and ends of both isolation levels";

  cluster.produce_numbers("orders", 0, 10, 5);
  cluster.delete_records("orders", 0, 8);
  refresh();
  EXPECT_EQ(lag_of("a", source("orders", 0)), 7) << "retention past the commit";
  EXPECT_EQ(lag_of("c", source("orders", 0)), 5) << "since first sight";
}

TEST_F(LagSourceTest, WhatWeOwnIsKnownWithoutAsking) {
  cluster.produce_numbers("orders", 0, 0, 10);
  cluster.commit("group-a", "orders", 0, 1);
  start({group("a")});
  EXPECT_EQ(lag_of("a", source("orders", 0)), 9);
  const WallMillis old = std::chrono::duration_cast<std::chrono::milliseconds>(
                             (std::chrono::system_clock::now() - 1min).time_since_epoch())
                             .count();
  lag->own("a", {{source("orders", 0), Offset{7}, Offset{1}, Offset{9}, old},
                 {source("orders", 1), {}, Offset{0}, Offset{0}, {}}});
  refresh();
  EXPECT_EQ(lag_of("a", source("orders", 0)), 3);
  EXPECT_GE(*of("a", source("orders", 0)).behind, 1min);
  EXPECT_EQ(of("a", source("orders", 0)).owner, lag::Owner::us);
  EXPECT_EQ(last.requests.count("offset_fetch"), 0u);
  EXPECT_EQ(last.requests.count("describe_groups"), 0u);
  lag->own("a", {});
  refresh();
  EXPECT_EQ(lag_of("a", source("orders", 0)), 9);
  EXPECT_EQ(last.requests["describe_groups"], 1u) << "who owns it now?";
}

TEST_F(LagSourceTest, ARegexFindsTopicsThatAppearAndMatchesWholeNames) {
  cluster.create_topic("orders-eu", 1);
  cluster.create_topic("old-orders", 1);
  start({group("a", {"^orders(-.*)?"}), group("b", {"^("})});
  EXPECT_EQ(taken["a"].partitions.size(), 3u);
  EXPECT_TRUE(taken["a"].complete);
  EXPECT_FALSE(taken["b"].complete);
  cluster.create_topic("orders-us", 2);
  refresh();
  EXPECT_EQ(taken["a"].partitions.size(), 5u);
  EXPECT_EQ(taken["a"].partitions.back().source, source("orders-us", 1));
}

TEST_F(LagSourceTest, TriggersComeAndGo) {
  start({group("a")});
  lag->add(group("b"));
  EXPECT_TRUE(loop.until([&] { return taken.contains("b"); }));
  lag->remove("a");
  taken.clear();
  refresh();
  EXPECT_FALSE(taken.contains("a"));
  EXPECT_TRUE(taken.contains("b"));
}

TEST_F(LagSourceTest, ATopicThatIsNotThereIsBelievedTheThirdTime) {
  start({group("a", {"nothing"})});
  EXPECT_FALSE(taken["a"].complete);
  EXPECT_EQ(taken["a"].errors.size(), 1u);
  refresh();
  EXPECT_FALSE(taken["a"].complete);
  refresh();
  EXPECT_TRUE(taken["a"].complete);
  EXPECT_TRUE(taken["a"].partitions.empty());
}

TEST_F(LagSourceTest, ErrorsHoldTheValuesAndTheNextRefreshIsRight) {
  struct Row {
    Api api;
    rd_kafka_resp_err_t error;
    const char* name;
  };
  const Row rows[] = {
      {Api::list_offsets, RD_KAFKA_RESP_ERR_NOT_LEADER_OR_FOLLOWER, "NOT_LEADER_FOR_PARTITION"},
      {Api::list_offsets, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "TOPIC_AUTHORIZATION_FAILED"},
      {Api::offset_fetch, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, "NOT_COORDINATOR"},
      {Api::offset_fetch, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "GROUP_AUTHORIZATION_FAILED"},
  };
  cluster.commit("group-a", "orders", 0, 0);
  start({group("a")});
  int end = 0;
  for (const Row& row : rows) {
    cluster.produce_numbers("orders", 0, end++, 1);
    const auto whole = taken["a"].taken;
    cluster.fail_next(row.api, std::vector(8, row.error));
    refresh();
    cluster.stop_failing(row.api);
    EXPECT_FALSE(taken["a"].complete) << row.name;
    EXPECT_EQ(taken["a"].taken, whole) << row.name;
    EXPECT_FALSE(taken["a"].errors.empty()) << row.name;
    EXPECT_TRUE(of("a", source("orders", 0)).failed) << row.name;
    EXPECT_EQ(lag_of("a", source("orders", 0)), end - 1) << row.name;
    EXPECT_EQ(last.errors.count(row.name), 1u) << row.name;
    EXPECT_FALSE(last.unreachable) << row.name;
    refresh();
    EXPECT_TRUE(taken["a"].complete) << row.name << (taken["a"].errors.empty() ? "" : taken["a"].errors[0]);
    EXPECT_EQ(lag_of("a", source("orders", 0)), end) << row.name;
  }
}

TEST_F(LagSourceTest, ABrokerThatIsDownIsToldAndItsReturnSeen) {
  cluster.produce_numbers("orders", 0, 0, 3);
  start({group("a")}, 100ms, 2s);
  cluster.set_broker_up(false);
  EXPECT_TRUE(loop.until([&] { return last.unreachable; }));
  EXPECT_TRUE(last.timed_out);
  EXPECT_FALSE(taken["a"].complete);
  EXPECT_EQ(lag_of("a", source("orders", 0)), 3);
  EXPECT_TRUE(of("a", source("orders", 0)).failed);
  cluster.set_broker_up(true);
  cluster.produce_numbers("orders", 0, 3, 2);
  EXPECT_TRUE(loop.until([&] { return lag_of("a", source("orders", 0)) == 5; }));
  EXPECT_TRUE(taken["a"].complete);
  EXPECT_FALSE(last.unreachable);
}

class LagSourceOnTwoBrokersTest : public LagSourceTest {
 protected:
  LagSourceOnTwoBrokersTest() : LagSourceTest(2) {}
};

// librdkafka 2.15.1 asks for the new one only every five minutes.
TEST_F(LagSourceOnTwoBrokersTest, AControllerThatChangesAfterItsBrokerHasGoneIsFound) {
  cluster.set_controller(1);
  start({group("a")}, 100ms, 1500ms);
  cluster.set_broker_up(false, 1);
  EXPECT_TRUE(loop.until([&] { return last.unreachable; }));
  cluster.set_controller(2);
  EXPECT_TRUE(loop.until([&] { return last.requests.contains("offset_fetch"); }));  // after the topics
}

// librdkafka 2.15.1 ends the process where such a request times out before the coordinator is found.
TEST_F(LagSourceTest, ACoordinatorThatIsFoundTooLateIsSurvived) {
  cluster.produce_numbers("orders", 0, 0, 3);
  for (int i = 0; i < 4; ++i) cluster.delay_next(Api::find_coordinator, 1200);
  start({group("a"), group("b")}, 1h, 500ms);
  EXPECT_TRUE(last.timed_out);
  EXPECT_FALSE(taken["a"].complete);
  EXPECT_TRUE(loop.until([&] {
    refresh();
    return taken["a"].complete;
  }));
  EXPECT_EQ(lag_of("a", source("orders", 0)), 3);
}

TEST_F(LagSourceTest, RefreshesRepeatAndNeverOverlap) {
  start({group("a")}, 50ms);
  EXPECT_TRUE(loop.until([&] { return refreshes >= 5; }));
  cluster.delay_next(Api::list_offsets, 1000);
  EXPECT_TRUE(loop.until([&] { return last.took > 900ms; }));
  EXPECT_TRUE(taken["a"].complete);
}

TEST_F(LagSourceTest, CloseWhileARefreshRunsEndsSoon) {
  start({group("a"), group("b", {"^orders.*"})});
  cluster.delay_next(Api::list_offsets, 5000);
  lag->refresh_now();
  loop.run_for(200ms);
  const int before = refreshes;
  lag->close();
  EXPECT_TRUE(loop.until([&] { return closed; }, 4s));
  EXPECT_EQ(refreshes, before);
}

TEST_F(LagSourceTest, MayBeDroppedWithoutClose) {
  start({group("a", {"^orders.*"})});
  lag->refresh_now();
  loop.run_for(5ms);
  lag.reset();
  loop.run_for(50ms);
  loop.end_janitor();
}

TEST_F(LagSourceTest, AClientThatIsRefusedIsAnErrorOfEachTrigger) {
  LagSourceSpec spec;
  spec.connection.broker_list = cluster.bootstrap();
  spec.connection.kafka = {{"no.such.property", "1"}};
  spec.interval = 1h;
  lag = std::make_unique<LagSource>(
      loop.context(), loop.janitor(), spec,
      LagSource::Sink{[this](lag::Snapshot snapshot) { taken[snapshot.trigger] = std::move(snapshot); },
                      [this](const LagRefresh& refresh) { last = refresh, ++refreshes; },
                      [this] { closed = true; }});
  lag->add(group("a"));
  lag->start();
  EXPECT_TRUE(loop.until([this] { return refreshes == 1; }));
  EXPECT_EQ(last.errors["configuration_refused"], 1u);
  EXPECT_FALSE(taken["a"].complete);
  EXPECT_EQ(taken["a"].errors.size(), 1u);
}

}  // namespace
}  // namespace triggerd::kafka
