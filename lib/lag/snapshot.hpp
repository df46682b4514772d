// What is known of a trigger's lag at one moment, as a value: made by the lag source, read by the scaler,
// /api and metrics. Pure.
//
// What is not known is absent, never zero. A refresh that failed leaves the values before it, with their age.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::lag {

// How a partition fares (condition.hpp).
enum class Condition { ok, warning, stalled, stopped, rewound };
// Who reads the partition: this daemon, another member of the group, nobody.
enum class Owner { unknown, nobody, us, other };

struct PartitionLag {
  TopicPartition source;
  // Of the log; end: the last stable offset where committed records are read.
  std::optional<Offset> start, end;
  std::optional<Offset> committed;  // by the group
  std::optional<Offset> base;       // what lag is counted from: the commit, or where reading would begin
  std::optional<std::int64_t> lag;  // records; 0 … end − start. An upper bound: offsets have holes
  std::optional<Duration> behind;   // age of the oldest record that is not settled; 0 where there is none
  TimePoint moved{};                // when base last changed, or was first known
  TimePoint sampled{};              // when end and base were last answered
  bool unread = false;              // startFrom: error and no commit: nobody may begin, so lag is not known
  bool failed = false;              // the last refresh brought nothing for it: these are older values
  Condition condition = Condition::ok;
  Owner owner = Owner::unknown;
};

struct Snapshot {
  std::string trigger;
  std::optional<TimePoint> taken;        // the newest refresh in which every partition was answered
  bool complete = false;                 // that was the last refresh
  std::vector<PartitionLag> partitions;  // sorted by source
  std::vector<std::string> errors;       // why the last refresh was not complete, each in one sentence
  std::optional<std::uint32_t> members;  // of the group; absent where nobody has asked or answered
};

}  // namespace triggerd::lag
