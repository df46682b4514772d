// What a trigger has done and how it stands, for metrics and pages. No decision reads it back. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/types.hpp"

namespace triggerd::pipeline {

struct Stats {
  // Since the trigger began.
  std::uint64_t records_read = 0;
  std::uint64_t records_read_again = 0;  // below the position: dropped
  std::uint64_t records_unassigned = 0;  // of a partition that is not ours, blocked or going: dropped
  std::uint64_t records_delivered = 0;   // redeliveries count again
  std::uint64_t batches_delivered = 0;
  std::uint64_t settled_ok = 0;
  std::uint64_t attempts_failed = 0;
  std::uint64_t released = 0;
  std::uint64_t answers_stale = 0;  // for a partition given up meanwhile
  std::uint64_t answers_duplicate = 0;
  std::uint64_t answers_unknown = 0;
  std::uint64_t commits_ok = 0;
  std::uint64_t commits_failed = 0;
  std::uint64_t attempts_timed_out = 0;
  // Now.
  std::uint64_t in_flight = 0;           // records delivered and not covered by a commit
  std::uint64_t undelivered = 0;         // records read, not delivered
  std::uint64_t undelivered_parked = 0;  // of these: behind a record that waits for its retry
  std::uint64_t held_records = 0;        // records read, not settled
  std::uint64_t held_bytes = 0;
  std::uint32_t lanes_parked = 0;
  std::uint32_t lanes_blocked = 0;
  bool reading = false;
};

struct PartitionStatus {
  TopicPartition source;
  Epoch epoch;
  Offset begun;  // where reading began
  std::optional<Offset> committed;
  Offset committable;
  Offset position;  // one past the last record read
  std::uint64_t undelivered = 0;
  bool parked = false;
  std::optional<Offset> blocked_at;
};

}  // namespace triggerd::pipeline
