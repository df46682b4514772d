// A LaneQueue told step by step: what goes out is text ("0-2 5 run 2 attempt 3": offsets, then run and
// attempt where they are not the first), and what becomes of a record is said by its offset.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dispatch/lane_queue.hpp"

namespace triggerd::dispatch::test {

using config::Ordering;
using Lines = std::vector<std::string>;

inline TimePoint at(int ms) { return TimePoint{} + std::chrono::milliseconds(ms); }

inline std::string text(const Pick& pick) {
  std::string out;
  for (std::uint32_t i = 0; i < pick.count;) {
    std::uint32_t last = i;
    const auto offset = [&](std::uint32_t at) { return pick.batch->offset(pick.first + at).value; };
    while (last + 1 < pick.count && offset(last + 1) == offset(last) + 1) ++last;
    out += (out.empty() ? "" : " ") + std::to_string(offset(i));
    if (last > i) out += "-" + std::to_string(offset(last));
    i = last + 1;
  }
  if (pick.run > 1) out += " run " + std::to_string(pick.run);
  if (pick.attempt > 1) out += " attempt " + std::to_string(pick.attempt);
  return out;
}

class Queue {
 public:
  explicit Queue(Ordering ordering, LaneQueue::Caps caps = {10, 1000}) : queue(ordering, caps) {}

  // Records without a key.
  void append(std::int64_t first, std::int64_t last, std::size_t bytes = 1, int ms = 0) {
    for (std::int64_t offset = first; offset <= last; ++offset) append_one(offset, {}, bytes, ms, 0);
  }
  // A record for each character, which is its key; '-' has none. A byte more than `bytes` with a key.
  void keyed(std::int64_t first, std::string_view keys, std::size_t bytes = 1) {
    for (const char& key : keys)
      append_one(first++, key == '-' ? std::nullopt : std::optional(std::string_view(&key, 1)), bytes, 0, 0);
  }
  void failed_before(std::int64_t offset, std::uint32_t failures) { append_one(offset, {}, 1, 0, failures); }
  void append_one(std::int64_t offset, std::optional<std::string_view> key, std::size_t bytes, int ms,
                  std::uint32_t failures) {
    const std::string value(bytes, 'x');
    wire::RecordView record;
    record.offset = Offset{offset};
    record.key = key;
    record.value = value;
    ASSERT_TRUE(queue.append(record, failures, at(ms)));
  }

  // What this worker gets; empty: nothing.
  std::string take(std::uint32_t worker = 1, std::uint32_t records = 1000, std::uint64_t bytes = 1000) {
    return taken(queue.pick({.worker = WorkerId{worker},
                             .records = records,
                             .bytes = bytes,
                             .first_bytes = 1'000'000,
                             .attempt = {}}));
  }
  std::string take(const PickLimits& limits) { return taken(queue.pick(limits)); }
  std::string take_suspect(std::uint32_t worker = 1) { return taken(queue.pick_suspect(WorkerId{worker})); }
  // Until nothing is left.
  Lines take_all(std::uint32_t worker = 1, std::uint32_t records = 1000, std::uint64_t bytes = 1000) {
    Lines lines;
    for (std::string line = take(worker, records, bytes); !line.empty(); line = take(worker, records, bytes))
      lines.push_back(line);
    return lines;
  }

  // Of records that went out in one pick.
  void ok(std::int64_t first, std::int64_t last) {
    const Place begin = places.at(first);
    const std::uint32_t count = places.at(last).index - begin.index + 1;
    queue.settle(picks[begin.pick], begin.index, count);
  }
  void ok(std::int64_t offset) { ok(offset, offset); }
  Lane& back(std::int64_t offset, const LaneQueue::Back& how = {}) {
    const Place place = places.at(offset);
    return queue.come_back(picks[place.pick], place.index, how);
  }
  // An attempt, and the next not before `ms`.
  Lane& fail(std::int64_t offset, int ms) { return back(offset, {.failed = true, .not_before = at(ms)}); }
  Lane& exhaust(std::int64_t offset) { return back(offset, {.failed = true, .exhausted = true}); }
  Lane& suspect(std::int64_t offset) { return back(offset, {.suspect = true}); }
  const Pick& pick_of(std::int64_t offset) const { return picks[places.at(offset).pick]; }
  // Offsets of the first records of the lanes that have come to stand.
  std::vector<std::int64_t> standing() {
    std::vector<std::int64_t> offsets;
    for (const Lane* lane : queue.take_standing()) offsets.push_back(lane->waiting.front().offset().value);
    return offsets;
  }

  LaneQueue queue;

 private:
  struct Place {
    std::size_t pick;
    std::uint32_t index;
  };
  std::string taken(std::optional<Pick> pick) {
    if (!pick) return "";
    EXPECT_GT(pick->count, 0u);
    EXPECT_EQ(pick->bytes, pick->batch->bytes(pick->first, pick->count));
    for (std::uint32_t i = 0; i < pick->count; ++i) {
      EXPECT_EQ(pick->at(i).offset(), pick->batch->offset(pick->first + i));
      places[pick->at(i).offset().value] = {picks.size(), i};
    }
    picks.push_back(std::move(*pick));
    return text(picks.back());
  }
  std::deque<Pick> picks;
  std::map<std::int64_t, Place> places;
};

}  // namespace triggerd::dispatch::test
