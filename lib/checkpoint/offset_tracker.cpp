#include "checkpoint/offset_tracker.hpp"

#include <algorithm>
#include <iterator>

namespace triggerd::checkpoint {

bool OffsetTracker::received(Offset first, Offset last) {
  if (first.value < received_end_) return false;
  if (!runs_.empty() && runs_.back().end == first.value) {
    runs_.back().end = last.value + 1;
  } else {
    runs_.push_back({first.value, last.value + 1});
  }
  received_end_ = last.value + 1;
  advance();  // a cursor waiting at the end of the run before steps over the hole
  return true;
}

bool OffsetTracker::was_received(std::int64_t offset) const {
  // The runs are sorted; the one that could hold it is the last that begins at or below it.
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), offset,
                                      [](std::int64_t value, const Run& run) { return value < run.first; });
  return after != runs_.begin() && offset < std::prev(after)->end;
}

OffsetTracker::Settled OffsetTracker::settle(Offset first_offset, Offset end_offset) {
  std::int64_t first = first_offset.value;
  std::int64_t end = end_offset.value;
  if (first >= end || end > received_end_) return Settled::unknown;
  if (end <= cursor_) return Settled::duplicate;
  first = std::max(first, cursor_);
  if (!was_received(first)) return Settled::unknown;
  if (first == cursor_) {
    cursor_ = end;
    advance();
    return Settled::accepted;
  }
  // Join with the islands it touches.
  auto next = islands_.upper_bound(first);
  if (next != islands_.begin()) {
    auto before = std::prev(next);
    if (before->second >= end) return Settled::duplicate;
    if (before->second >= first) {
      first = before->first;
      next = before;
    }
  }
  while (next != islands_.end() && next->first <= end) {
    end = std::max(end, next->second);
    next = islands_.erase(next);
  }
  islands_.emplace_hint(next, first, end);
  return Settled::accepted;
}

void OffsetTracker::advance() {
  while (true) {
    while (!islands_.empty() && islands_.begin()->first <= cursor_) {
      cursor_ = std::max(cursor_, islands_.begin()->second);
      islands_.erase(islands_.begin());
    }
    while (!runs_.empty() && runs_.front().end <= cursor_) runs_.pop_front();
    if (runs_.empty() || cursor_ >= runs_.front().first) return;
    cursor_ = runs_.front().first;  // nothing was received between the runs
  }
}

}  // namespace triggerd::checkpoint
