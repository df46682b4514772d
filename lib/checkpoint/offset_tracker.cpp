#include "checkpoint/offset_tracker.hpp"

#include <algorithm>
#include <iterator>

namespace triggerd::checkpoint {

OffsetTracker::OffsetTracker(Offset start, const std::vector<Interval>& done)
    : cursor_(start.value), received_end_(start.value), done_(done) {
  for (const Interval& interval : done_) islands_[interval.first.value] = {interval.end.value, 0};
  advance();
}

bool OffsetTracker::done_before(Offset offset) const {
  if (done_.empty() || offset >= done_.back().end) return false;
  const auto after = std::ranges::upper_bound(done_, offset, {}, &Interval::first);
  return after != done_.begin() && offset < std::prev(after)->end;
}

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

void OffsetTracker::passed(Offset position) {
  received_end_ = std::max(received_end_, position.value);
  advance();
}

bool OffsetTracker::was_received(std::int64_t offset) const {
  // The runs are sorted; the one that could hold it is the last that begins at or below it.
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), offset,
                                      [](std::int64_t value, const Run& run) { return value < run.first; });
  return after != runs_.begin() && offset < std::prev(after)->end;
}

OffsetTracker::Settled OffsetTracker::settle(Offset first_offset, Offset end_offset, std::uint64_t records) {
  std::int64_t first = first_offset.value;
  std::int64_t end = end_offset.value;
  if (first >= end || end > received_end_) return Settled::unknown;
  if (end <= cursor_) return Settled::duplicate;
  first = std::max(first, cursor_);
  if (!was_received(first)) return Settled::unknown;
  if (first == cursor_) {
    settled_ += records;
    cursor_ = end;
    advance();
    return Settled::accepted;
  }
  // Join with the islands it touches.
  auto next = islands_.upper_bound(first);
  Island joined{end, records};
  if (next != islands_.begin()) {
    auto before = std::prev(next);
    if (before->second.end >= end) return Settled::duplicate;
    if (before->second.end >= first) {
      first = before->first;
      next = before;
    }
  }
  settled_ += records;
  while (next != islands_.end() && next->first <= joined.end) {
    joined.end = std::max(joined.end, next->second.end);
    joined.records += next->second.records;
    next = islands_.erase(next);
  }
  islands_.emplace_hint(next, first, joined);
  return Settled::accepted;
}

std::vector<Interval> OffsetTracker::beyond() const {
  std::vector<Interval> out;
  out.reserve(islands_.size());
  for (const auto& [first, island] : islands_) out.push_back({Offset{first}, Offset{island.end}});
  return out;
}

std::uint64_t OffsetTracker::settled_past(Offset offset) const {
  std::uint64_t records = 0;
  for (auto it = islands_.rbegin(); it != islands_.rend() && it->second.end > offset.value; ++it)
    records += it->second.records;
  return records;
}

void OffsetTracker::advance() {
  while (true) {
    while (!islands_.empty() && islands_.begin()->first <= cursor_) {
      cursor_ = std::max(cursor_, islands_.begin()->second.end);
      islands_.erase(islands_.begin());
    }
    while (!runs_.empty() && runs_.front().end <= cursor_) runs_.pop_front();
    // Nothing was received before the next run, or behind the last one.
    const std::int64_t next = runs_.empty() ? received_end_ : runs_.front().first;
    if (cursor_ >= next) return;
    cursor_ = next;
  }
}

}  // namespace triggerd::checkpoint
