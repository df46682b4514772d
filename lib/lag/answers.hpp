// What one refresh has learned for one trigger, as values. Pure.
//
// The order of asking matters: topics, then commits, and ends last, so that a commit beyond the end is no
// accident of the order. What this daemon owns is taken at the beginning.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::lag {

// A partition that this daemon reads: its commit is known without asking.
struct Owned {
  TopicPartition source;
  std::optional<Offset> committed;
  Offset begun, position;            // where we began to read, and what we read next
  std::optional<WallMillis> oldest;  // timestamp of the oldest record read and not settled
};

struct TopicAnswer {
  std::string topic;
  std::string id;                // differs between two topics of one name; "": not known
  std::uint32_t partitions = 0;  // 0: there is no such topic
  std::string error;             // not answered, and why; "": it was
};

struct CommitAnswer {
  std::optional<Offset> committed;
  bool just_begun = false;  // made because the group begins (checkpoint/later_partitions.hpp)
  std::string error;
};

struct LogAnswer {
  std::optional<Offset> start, end;
  // Of `startFrom`'s time, where that was asked: its first record; the end where the log ends before it.
  std::optional<Offset> at_time;
  std::string error;
};

struct GroupAnswer {
  std::uint32_t members = 0;
  std::set<TopicPartition> assigned{};  // to any of them
  bool moving = false;                  // it rebalances: what is not assigned may be a member's all the same
};

struct Answers {
  std::map<TopicPartition, CommitAnswer> commits;  // of what we do not own; one that is missing has failed
  std::map<TopicPartition, LogAnswer> logs;        // one that is missing has failed
  std::optional<GroupAnswer> group;                // absent: not asked this time, or not answered
};

}  // namespace triggerd::lag
