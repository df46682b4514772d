// A tracker with the answers it is given, for its tests.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lag/tracker.hpp"

namespace triggerd::lag {
using Kind = config::StartFrom::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr WallMillis kWall = 1'790'000'000'000;

inline TopicPartition source(const std::string& topic, std::int32_t partition) {
  return {Topic(topic), Partition{partition}};
}
inline CommitAnswer committed(std::int64_t offset, bool just_begun = false) {
  return {Offset{offset}, just_begun, {}};
}
inline CommitAnswer no_commit() { return {}; }
inline LogAnswer log_of(std::int64_t start, std::int64_t end) { return {Offset{start}, Offset{end}, {}, {}}; }
inline LogAnswer log_failed() { return {{}, {}, {}, "not leader"}; }

// A trigger that reads "orders" (one partition, unless said otherwise), refreshed every 5 s.
class Rig {
 public:
  explicit Rig(Kind kind = Kind::earliest, std::set<std::string> named = {"orders"})
      : tracker("t", std::move(named), {kind, 1000}) {}

  Snapshot refresh() {
    now += seconds(5);
    wall += 5000;
    tracker.begin(owned);
    asked = tracker.topics(topics, unlisted);
    return tracker.finish(answers, now, wall);
  }
  PartitionLag one() {
    const Snapshot snapshot = refresh();
    EXPECT_EQ(snapshot.partitions.size(), 1u);
    return snapshot.partitions.empty() ? PartitionLag{} : snapshot.partitions[0];
  }
  // Partition 0 of orders.
  Rig& set(CommitAnswer commit, LogAnswer log) {
    answers.commits[source("orders", 0)] = std::move(commit);
    answers.logs[source("orders", 0)] = std::move(log);
    return *this;
  }
  Rig& own(std::optional<Offset> commit, std::int64_t begun, std::optional<WallMillis> oldest = {}) {
    owned = {{source("orders", 0), commit, Offset{begun}, Offset{begun}, oldest}};
    answers.commits.clear();
    return *this;
  }

  Tracker tracker;
  std::vector<TopicAnswer> topics{{"orders", "id1", 1, {}}};
  std::string unlisted;
  std::vector<Owned> owned;
  Answers answers;
  std::vector<TopicPartition> asked;
  TimePoint now{};
  WallMillis wall = kWall;
};

}  // namespace triggerd::lag
