#include "checkpoint/later_partitions.hpp"

#include <gtest/gtest.h>

#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {
namespace {

constexpr std::uint64_t kNow = 1'800'000'000;

TopicPartition at(const char* topic, std::int32_t partition) { return {Topic(topic), Partition{partition}}; }

GroupCommit commit(const char* topic, std::optional<std::uint64_t> born = std::nullopt) {
  return {at(topic, 0), Offset{7}, encode({.base = Offset{7}, .born = born}).text};
}

struct Case {
  const char* name;
  std::vector<GroupCommit> commits;
  TopicPartition without_commit;
  bool later;
};

class LaterPartitions : public testing::TestWithParam<Case> {};

// Subscribed to: orders, and ^eu-.*
TEST_P(LaterPartitions, Tells) {
  const std::set<TopicPartition> open{GetParam().without_commit};
  EXPECT_EQ(later_partitions(open, GetParam().commits, {"orders", "^eu-.*"}, kNow),
            GetParam().later ? open : std::set<TopicPartition>{})
      << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(
    Table, LaterPartitions,
    testing::Values(Case{"a group that begins", {}, at("orders", 1), false},
                    Case{"the topic grew", {commit("orders")}, at("orders", 1), true},
                    Case{"a topic added to the list", {commit("bills")}, at("orders", 1), false},
                    Case{"a topic that came to the regex", {commit("eu-a")}, at("eu-b", 0), true},
                    Case{"the first by regex", {commit("orders")}, at("eu-b", 0), false},
                    Case{"by name, beside a regex", {commit("eu-a")}, at("orders", 0), false},
                    Case{
                        "a member that began just now", {commit("orders", kNow - 1)}, at("orders", 1), false},
                    Case{"whose clock is ahead", {commit("orders", kNow + 5)}, at("orders", 1), false},
                    Case{"at the end of the beginning",
                         {commit("orders", kNow - kGroupBeginsFor + 1)},
                         at("orders", 1),
                         false},
                    Case{"a group that began a while ago",
                         {commit("orders", kNow - kGroupBeginsFor)},
                         at("orders", 1),
                         true},
                    Case{"old and new commits together",
                         {commit("orders", kNow - 1), commit("orders", kNow - 99)},
                         at("orders", 1),
                         true},
                    Case{"another program's metadata",
                         {{at("orders", 0), Offset{7}, "checked by hand"}},
                         at("orders", 1),
                         true}));

}  // namespace
}  // namespace triggerd::checkpoint
