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
#include <vector>

#include "base/types.hpp"
#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {

class OffsetTracker {
 public:
  // `start`: where reading begins; nothing below it is ours to settle. `done`: settled by an earlier owner,
  // rising and not below `start`; their records count as settled before they are received.
  explicit OffsetTracker(Offset start, const std::vector<Interval>& done = {});

  // The records with each offset from `first` to `last` were received, after all before them; a hole between
  // two records parts two calls. False (and nothing changes) where `first` was received already: the same
  // records read again.
  bool received(Offset first, Offset last);
  // Reading has come as far as `position` without another record: control records, or what compaction left.
  void passed(Offset position);
  // An earlier owner settled it: it is not to be delivered. Only for offsets at or beyond position().
  bool done_before(Offset offset) const;
  // So many of those were received: they count as settled().
  void count_done(std::uint64_t records) { settled_ += records; }

  enum class Settled { accepted, duplicate, unknown };
  // All received records in [first, end) are settled, whatever holes are between or behind them: `records` of
  // them. duplicate: they were before. unknown: `first` is no received record, or `end` is past the last.
  Settled settle(Offset first, Offset end, std::uint64_t records = 1);

  // The offset of the first received record that is not settled, or the position.
  Offset committable() const { return Offset{cursor_}; }
  // One past the last record received, or what was passed behind it; reading goes on here.
  Offset position() const { return Offset{received_end_}; }
  bool all_settled() const { return cursor_ >= received_end_; }
  // Stretches settled beyond the first gap, rising.
  std::size_t islands() const { return islands_.size(); }
  std::vector<Interval> beyond() const;
  // Records settled so far, and those of them that lie in stretches which end past this offset.
  std::uint64_t settled() const { return settled_; }
  std::uint64_t settled_past(Offset offset) const;

 private:
  struct Run {
    std::int64_t first, end;
  };
  void advance();
  bool was_received(std::int64_t offset) const;

  std::int64_t cursor_;        // everything received below is settled
  std::int64_t received_end_;  // or what was passed behind it
  std::deque<Run> runs_;       // received at or beyond the cursor, with the holes between reads
  struct Island {
    std::int64_t end = 0;
    std::uint64_t records = 0;
  };
  std::map<std::int64_t, Island> islands_;  // by first offset, beyond the cursor; disjoint, not touching
  std::uint64_t settled_ = 0;
  std::vector<Interval> done_;  // by an earlier owner; those at or beyond the position matter
};

}  // namespace triggerd::checkpoint
