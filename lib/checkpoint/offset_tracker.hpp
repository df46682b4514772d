// Which offset of one partition may be committed while its records are settled in any order. Pure.
//
// Only records that were received count. Offsets between two received records belong to nothing we could read
// (compaction, transaction markers), so they are never waited for; they are never invented either.
// Invariants: committable() never passes a received record that is not settled, and never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

#include "base/types.hpp"

namespace triggerd::checkpoint {

class OffsetTracker {
 public:
  // `start`: where reading begins; nothing below it is ours to settle.
  explicit OffsetTracker(Offset start) : cursor_(start.value), received_end_(start.value) {}

  // The records with each offset from `first` to `last` were received, after all before them; a hole between
  // two records parts two calls. False (and nothing changes) where `first` was received already: the same
  // records read again.
  bool received(Offset first, Offset last);

  enum class Settled { accepted, duplicate, unknown };
  // All received records in [first, end) are settled, whatever holes are between or behind them. duplicate:
  // they were before. unknown: `first` is no received record, or `end` is past the last.
  Settled settle(Offset first, Offset end);

  // The offset of the first received record that is not settled, or one past the last received.
  Offset committable() const { return Offset{cursor_}; }
  // One past the last record received; reading goes on here.
  Offset position() const { return Offset{received_end_}; }
  bool all_settled() const { return cursor_ == received_end_; }
  // Stretches settled beyond the first gap.
  std::size_t islands() const { return islands_.size(); }

 private:
  struct Run {
    std::int64_t first, end;
  };
  void advance();
  bool was_received(std::int64_t offset) const;

  std::int64_t cursor_;  // everything received below is settled
  std::int64_t received_end_;
  std::deque<Run> runs_;  // received at or beyond the cursor, with the holes between reads
  // settled [first, end) beyond the cursor; disjoint, not touching
  std::map<std::int64_t, std::int64_t> islands_;
};

}  // namespace triggerd::checkpoint
