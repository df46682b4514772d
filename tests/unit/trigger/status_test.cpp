#include "trigger/status.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace triggerd::trigger {
namespace {

Status working() {
  Status s;
  s.trigger = "orders";
  s.group = "billing";
  s.state = State::running;
  s.joined = true;
  s.pool.ready = 1;
  return s;
}

pipeline::PartitionStatus partition(std::vector<pipeline::StuckLane> stuck) {
  pipeline::PartitionStatus p;
  p.source = {Topic("orders"), Partition{3}};
  p.stuck = std::move(stuck);
  return p;
}

pipeline::StuckLane lane(std::int64_t offset, bool blocked, bool alarmed) {
  return {Offset{offset}, TimePoint{}, 4, blocked, alarmed, "no luck"};
}

TEST(NotReady, NamesEachReasonOnce) {
  EXPECT_TRUE(not_ready(working()).empty());

  Status s = working();
  s.joined = false;
  s.pool.ready = 0;
  s.last_error = "1/1 brokers are down";
  EXPECT_EQ(not_ready(s),
            (std::vector<std::string>{"orders: has not joined group billing: 1/1 brokers are down",
                                      "orders: no worker is ready"}));

  s = working();
  s.state = State::draining;
  EXPECT_EQ(not_ready(s), std::vector<std::string>{"orders: draining"});
}

TEST(NotReady, NamesTopicPartitionAndOffsetOfAStuckLane) {
  Status s = working();
  s.partitions = {
      {partition({}), {}, {}},
      {partition({lane(17, true, false), lane(19, false, false), lane(23, false, true)}), {}, {}}};
  EXPECT_EQ(not_ready(s), (std::vector<std::string>{
                              "orders: orders[3] is blocked at offset 17 after 4 attempts: no luck",
                              "orders: orders[3] makes no progress at offset 23 after 4 attempts: no luck"}))
      << "one that is retried is no reason yet";
}

TEST(NotReady, SaysHowAWorkerInACrashLoopEnded) {
  Status s = working();
  s.pool.crash_looping = 1;
  s.pool.last_crash = "exit status 3 before Hello: no module named billing";
  EXPECT_EQ(not_ready(s),
            std::vector<std::string>{"orders: 1 worker process is in a crash loop; the last ended: "
                                     "exit status 3 before Hello: no module named billing"});
  s.pool.crash_looping = 2;
  s.pool.ready = 0;
  ASSERT_EQ(not_ready(s).size(), 2U);
  EXPECT_TRUE(not_ready(s)[1].starts_with("orders: 2 worker processes are in a crash loop; "));
}

TEST(StatusJson, ShowsRecyclesAndCrashLoops) {
  Status s = working();
  s.pool.crash_looping = 1;
  s.pool.last_crash = "signal 9 (Killed)";
  s.pool.restarts = 6;
  s.pool.recycled_for_requests = 7;
  s.pool.recycled_for_memory = 8;
  const auto json = to_json(s);
  const auto& workers = json.at("workers").as_object();
  EXPECT_EQ(workers.at("crashLooping").to_number<int>(), 1);
  EXPECT_EQ(workers.at("lastCrash").as_string(), "signal 9 (Killed)");
  EXPECT_EQ(workers.at("restarts").to_number<int>(), 6);
  EXPECT_EQ(workers.at("recycled").at("requests").to_number<int>(), 7);
  EXPECT_EQ(workers.at("recycled").at("memory").to_number<int>(), 8);
}

TEST(StatusJson, SaysUnknownAsNullAndNeverAsZero) {
  Status s = working();
  s.partitions = {{partition({}), std::nullopt, std::nullopt},
                  {partition({lane(17, true, false)}), Offset{20}, 5}};
  const auto json = to_json(s);
  const auto& partitions = json.at("partitions").as_array();
  EXPECT_TRUE(partitions[0].at("lag").is_null());
  EXPECT_TRUE(partitions[0].at("end").is_null());
  EXPECT_TRUE(partitions[0].at("committed").is_null());
  EXPECT_EQ(partitions[1].at("lag").as_int64(), 5);
  EXPECT_TRUE(partitions[0].at("stuck").as_array().empty());
  const auto& stuck = partitions[1].at("stuck").as_array().at(0).as_object();
  EXPECT_EQ(stuck.at("offset").as_int64(), 17);
  EXPECT_EQ(stuck.at("attempts").to_number<int>(), 4);
  EXPECT_TRUE(stuck.at("blocked").as_bool());
  EXPECT_FALSE(stuck.at("alarmed").as_bool());
  EXPECT_EQ(stuck.at("reason").as_string(), "no luck");
  EXPECT_EQ(json.at("state").as_string(), "running");
  EXPECT_EQ(json.at("workers").at("ready").to_number<int>(), 1);
}

}  // namespace
}  // namespace triggerd::trigger
