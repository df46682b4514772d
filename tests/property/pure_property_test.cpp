// Properties of what may be committed: the tracker against a naive model, and the pipeline under any answers.
#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "checkpoint/offset_tracker.hpp"
#include "dispatch/partition_queue.hpp"
#include "sim/random.hpp"
#include "support/story.hpp"

namespace triggerd {
namespace {

using checkpoint::OffsetTracker;

// All that was received and is not settled, and nothing cleverer.
struct NaiveTracker {
  std::int64_t start;
  std::set<std::int64_t> received, settled;

  std::int64_t committable() const {
    for (const std::int64_t offset : received) {
      if (!settled.contains(offset)) return offset;
    }
    return received.empty() ? start : *received.rbegin() + 1;
  }
  bool all_settled() const { return received.size() == settled.size(); }
};

// Offsets that rise, with holes now and then.
std::vector<std::int64_t> rising(std::int64_t from, std::size_t count) {
  std::vector<std::int64_t> offsets;
  const bool holes = *rc::gen::arbitrary<bool>();
  for (std::size_t i = 0; i < count; ++i) {
    if (holes && *rc::gen::inRange(0, 4) == 0) from += *rc::gen::inRange(1, 6);
    offsets.push_back(from++);
  }
  return offsets;
}

void receive(OffsetTracker& tracker, NaiveTracker& naive, const std::vector<std::int64_t>& offsets) {
  for (std::size_t i = 0; i < offsets.size();) {
    std::size_t last = i;
    while (last + 1 < offsets.size() && offsets[last + 1] == offsets[last] + 1) ++last;
    RC_ASSERT(tracker.received(Offset{offsets[i]}, Offset{offsets[last]}));
    i = last + 1;
  }
  naive.received.insert(offsets.begin(), offsets.end());
}

// Any range from a received record to anywhere not past the last.
void settle(OffsetTracker& tracker, NaiveTracker& naive) {
  if (naive.received.empty()) return;
  const std::vector<std::int64_t> all(naive.received.begin(), naive.received.end());
  const std::int64_t first = all[*rc::gen::inRange<std::size_t>(0, all.size())];
  const std::int64_t end = std::min(all.back() + 1, first + *rc::gen::inRange<std::int64_t>(1, 12));
  bool news = false;
  for (auto it = naive.received.lower_bound(first); it != naive.received.end() && *it < end; ++it)
    news = naive.settled.insert(*it).second || news;
  const auto settled = tracker.settle(Offset{first}, Offset{end});
  RC_ASSERT(settled != OffsetTracker::Settled::unknown);
  if (news) RC_ASSERT(settled == OffsetTracker::Settled::accepted);
}

void expect(bool holds) { EXPECT_TRUE(holds); }

TEST(TrackerProperty, IsTheNaiveOne) {
  expect(rc::check([] {
    NaiveTracker naive{*rc::gen::inRange<std::int64_t>(0, 100), {}, {}};
    OffsetTracker tracker(Offset{naive.start});
    std::int64_t before = naive.start;
    const auto steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
      if (*rc::gen::inRange(0, 3) == 0) {
        receive(tracker, naive, rising(tracker.position().value, *rc::gen::inRange<std::size_t>(1, 12)));
      } else {
        settle(tracker, naive);
      }
      RC_ASSERT(tracker.committable().value == naive.committable());
      RC_ASSERT(tracker.committable().value >= before);
      RC_ASSERT(tracker.all_settled() == naive.all_settled());
      before = tracker.committable().value;
    }
  }));
}

TEST(TrackerProperty, ReachesTheEndWhenAllIsSettledInAnyOrder) {
  expect(rc::check([] {
    NaiveTracker naive{0, {}, {}};
    OffsetTracker tracker(Offset{0});
    receive(tracker, naive, rising(0, *rc::gen::inRange<std::size_t>(1, 80)));
    std::vector<std::int64_t> left(naive.received.begin(), naive.received.end());
    while (!left.empty()) {
      const auto at = *rc::gen::inRange<std::size_t>(0, left.size());
      RC_ASSERT(tracker.settle(Offset{left[at]}, Offset{left[at] + 1}) == OffsetTracker::Settled::accepted);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
    }
    RC_ASSERT(tracker.all_settled());
    RC_ASSERT(tracker.committable() == tracker.position());
    RC_ASSERT(tracker.islands() == 0u);
  }));
}

// The queue delivers every record until it is settled, in order within a run, and its counts are true.
TEST(QueueProperty, DeliversAllThatIsUnsettledInOrder) {
  expect(rc::check([] {
    dispatch::PartitionQueue queue({*rc::gen::inRange(1u, 9u), *rc::gen::inRange<std::uint64_t>(1, 40)},
                                   Offset{0});
    const auto offsets = rising(0, *rc::gen::inRange<std::size_t>(1, 60));
    std::set<std::int64_t> unsettled(offsets.begin(), offsets.end());
    for (const std::int64_t offset : offsets) {
      const std::string value(*rc::gen::inRange<std::size_t>(0, 20), 'x');
      wire::RecordView view;
      view.offset = Offset{offset};
      view.value = value;
      RC_ASSERT(queue.append(view, TimePoint{}));
    }
    for (int run = 0; run < 100 && !unsettled.empty(); ++run) {
      auto next = unsettled.begin();
      std::vector<dispatch::Slice> out;
      RC_ASSERT(queue.held_records() == unsettled.size());
      while (const auto slice =
                 queue.peek(*rc::gen::inRange(1u, 12u), *rc::gen::inRange<std::uint64_t>(1, 60))) {
        for (std::uint32_t i = 0; i < slice->count; ++i)
          RC_ASSERT(slice->chunk->batch->offset(slice->first + i).value == *next++);
        queue.take(*slice);
        out.push_back(*slice);
      }
      RC_ASSERT(next == unsettled.end() && queue.undelivered() == 0u && queue.undelivered_bytes() == 0u);
      for (const dispatch::Slice& slice : out) {
        for (std::uint32_t i = 0; i < slice.count; ++i) {
          if (*rc::gen::inRange(0, 3) == 0) {
            dispatch::PartitionQueue::fail(*slice.chunk, slice.first + i);
            continue;
          }
          unsettled.erase(slice.chunk->batch->offset(slice.first + i).value);
          queue.settle(*slice.chunk, slice.first + i, 1);
        }
      }
      if (!unsettled.empty()) RC_ASSERT(queue.first_unsettled().offset.value == *unsettled.begin());
      queue.rewind();
    }
    RC_ASSERT(!unsettled.empty() || (queue.held_records() == 0u && queue.held_bytes() == 0u));
  }));
}

// One partition, one worker that answers record by record as it likes.
TEST(PipelineProperty, CommittableIsTheFirstUnsettledAndReachesTheEnd) {
  expect(rc::check([] {
    test::Story story;
    story.assigned({0});
    story.ready(1, 8);
    const auto offsets = rising(0, *rc::gen::inRange<std::size_t>(1, 40));
    NaiveTracker naive{0, {}, {}};
    for (std::size_t i = 0; i < offsets.size();) {
      const auto count = std::min<std::size_t>(offsets.size() - i, *rc::gen::inRange<std::size_t>(1, 10));
      const auto begin = offsets.begin() + static_cast<std::ptrdiff_t>(i);
      story.records(0, std::vector<std::int64_t>(begin, begin + static_cast<std::ptrdiff_t>(count)));
      naive.received.insert(begin, begin + static_cast<std::ptrdiff_t>(count));
      i += count;
    }
    std::int64_t before = 0;
    // Batches are answered in any order, a part of a batch at a time; batches are numbered as they are sent.
    // Dice of our own: RapidCheck's small sizes would answer the same record for ever.
    sim::Random dice(*rc::gen::arbitrary<std::uint64_t>());
    while (story.stats().settled_ok < offsets.size()) {
      const auto last = static_cast<std::uint32_t>(story.stats().batches_delivered);
      const std::uint32_t batch = dice.between(last > 12 ? last - 12 : 1, last);
      const std::uint32_t first = dice.between(0, 9);
      const auto settled = story.stats().settled_ok;
      if (dice.chance(50)) story.ok(1, dice.between(1, last));
      story.answer(1, batch, {test::ok(first, first + dice.between(0, 9))});
      const std::int64_t committable = story.partition(0).committable.value;
      RC_ASSERT(committable >= before);
      RC_ASSERT(story.stats().settled_ok >= settled);
      // Not more than settled_ok records may lie below it.
      const auto below = std::distance(naive.received.begin(), naive.received.lower_bound(committable));
      RC_ASSERT(static_cast<std::uint64_t>(below) <= story.stats().settled_ok);
      before = committable;
    }
    RC_ASSERT(story.partition(0).committable.value == offsets.back() + 1);
    RC_ASSERT(story.stats().held_bytes == 0u);
  }));
}

}  // namespace
}  // namespace triggerd
