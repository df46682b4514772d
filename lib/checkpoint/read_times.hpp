// When the records of a partition were written, as far as needed to tell the age of the oldest that is not
// settled. Pure.
//
// One entry stands for the records written within kResolution after it, so a full read-ahead of a busy topic
// takes a few dozen.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::checkpoint {

class ReadTimes {
 public:
  static constexpr WallMillis kResolution = 100;

  // In the order of offsets. timestamp: -1 where the record has none.
  void read(Offset offset, WallMillis timestamp) {
    if (!entries_.empty() && timestamp >= entries_.back().timestamp &&
        timestamp - entries_.back().timestamp < kResolution && entries_.back().timestamp >= 0) {
      return;
    }
    entries_.push_back({offset, timestamp});
  }
  // Nobody will ask for a record below.
  void forget_below(Offset offset) {
    while (entries_.size() > 1 && entries_[1].offset <= offset) entries_.pop_front();
  }
  // Of the record with this offset, which was read and not forgotten; up to kResolution too early. Nothing
  // where it has none.
  std::optional<WallMillis> at(Offset offset) const {
    const auto after = std::upper_bound(entries_.begin(), entries_.end(), offset,
                                        [](Offset o, const Entry& e) { return o < e.offset; });
    if (after == entries_.begin() || (after - 1)->timestamp < 0) return std::nullopt;
    return (after - 1)->timestamp;
  }

 private:
  struct Entry {
    Offset offset;
    WallMillis timestamp;
  };
  std::deque<Entry> entries_;
};

}  // namespace triggerd::checkpoint
