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

pipeline::PartitionStatus partition(std::optional<Offset> blocked_at) {
  pipeline::PartitionStatus p;
  p.source = {Topic("orders"), Partition{3}};
  p.blocked_at = blocked_at;
  return p;
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

TEST(NotReady, NamesTopicPartitionAndOffsetOfABlockedLane) {
  Status s = working();
  s.partitions = {{partition(std::nullopt), {}, {}}, {partition(Offset{17}), {}, {}}};
  EXPECT_EQ(not_ready(s), std::vector<std::string>{"orders: orders[3] is blocked at offset 17"});
}

TEST(StatusJson, SaysUnknownAsNullAndNeverAsZero) {
  Status s = working();
  s.partitions = {{partition(std::nullopt), std::nullopt, std::nullopt},
                  {partition(Offset{17}), Offset{20}, 5}};
  const auto json = boost::json::parse(to_json(s)).as_object();
  const auto& partitions = json.at("partitions").as_array();
  EXPECT_TRUE(partitions[0].at("lag").is_null());
  EXPECT_TRUE(partitions[0].at("end").is_null());
  EXPECT_TRUE(partitions[0].at("committed").is_null());
  EXPECT_EQ(partitions[1].at("lag").as_int64(), 5);
  EXPECT_EQ(partitions[1].at("blockedAt").as_int64(), 17);
  EXPECT_EQ(json.at("state").as_string(), "running");
  EXPECT_EQ(json.at("workers").at("ready").to_number<int>(), 1);
}

}  // namespace
}  // namespace triggerd::trigger
