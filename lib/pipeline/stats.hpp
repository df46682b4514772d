// What a trigger has done and how it stands, for metrics and pages. No decision reads it back. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::pipeline {

struct Stats {
  // Since the trigger began.
  std::uint64_t records_read = 0;
  std::uint64_t records_read_again = 0;  // below the position: dropped
  std::uint64_t records_unassigned = 0;  // of a partition that is not ours, or going: dropped
  std::uint64_t records_done_before =
      0;                                // settled by an earlier owner, as the commit's metadata says: dropped
  std::uint64_t records_delivered = 0;  // redeliveries count again
  std::uint64_t batches_delivered = 0;
  std::uint64_t settled_ok = 0;
  std::uint64_t settled_dead_letter = 0;
  std::uint64_t settled_drop = 0;
  std::uint64_t settled_skip = 0;
  std::uint64_t skips_refused = 0;
  std::uint64_t attempts_failed = 0;
  std::uint64_t released = 0;
  std::uint64_t suspects_delivered = 0;   // alone, because they may have ended a worker
  std::uint64_t dead_letters_failed = 0;  // writes; each is tried again
  std::uint64_t answers_stale = 0;        // for a partition given up meanwhile
  std::uint64_t answers_duplicate = 0;
  std::uint64_t answers_unknown = 0;
  std::uint64_t commits_ok = 0;
  std::uint64_t commits_failed = 0;
  std::uint64_t attempts_timed_out = 0;
  // Now.
  std::uint64_t in_flight = 0;             // records delivered and not covered by a commit
  std::uint64_t undelivered = 0;           // records read, to be delivered (again)
  std::uint64_t undelivered_standing = 0;  // of these: in lanes that stand still
  std::uint64_t standing_bytes = 0;        // of those
  std::uint64_t held_records = 0;          // records read, not settled
  std::uint64_t held_bytes = 0;
  std::uint64_t dead_letters = 0;  // on their way
  std::uint32_t lanes_parked = 0;  // until their next attempt
  std::uint32_t lanes_blocked =
      0;  // no attempt is left; dead letters that are not written yet are among them
  std::uint32_t lanes_alarmed = 0;   // in trouble for longer than alarmAfter
  std::uint32_t lanes_troubled = 0;  // in trouble for a shorter time
  std::uint32_t partitions_paused = 0;
  bool reading = false;

  // What is now, of partitions that are gone.
  void forget_shares() {
    in_flight = undelivered = undelivered_standing = standing_bytes = held_records = held_bytes =
        dead_letters = 0;
    lanes_parked = lanes_blocked = lanes_alarmed = lanes_troubled = partitions_paused = 0;
  }
  std::uint64_t settled() const { return settled_ok + settled_dead_letter + settled_drop + settled_skip; }
};

// A lane in trouble: its first record that failed and is not settled.
struct StuckLane {
  Offset offset;
  TimePoint since;
  std::uint32_t attempts = 0;
  bool blocked = false;  // no attempt is left
  bool alarmed = false;
  std::string reason;
};

struct PartitionStatus {
  TopicPartition source;
  Epoch epoch;
  Offset begun;  // where reading began
  std::optional<Offset> committed;
  Offset committable;
  Offset position;                   // one past the last record read
  std::optional<WallMillis> oldest;  // when the oldest record that is read and not settled was written
  std::uint64_t undelivered = 0;
  bool paused = false;
  std::vector<StuckLane> stuck;  // those longest in trouble; at most kStuckLanesTold
};
inline constexpr std::size_t kStuckLanesTold = 8;

}  // namespace triggerd::pipeline
