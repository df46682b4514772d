// Properties of what may be committed: the tracker against a naive model, and the pipeline under any answers.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "checkpoint/offset_tracker.hpp"
#include "dispatch/lane_queue.hpp"
#include "sim/random.hpp"
#include "support/story.hpp"

namespace triggerd {
namespace {

using checkpoint::OffsetTracker;

// All that was received and is not settled, and nothing cleverer.
struct NaiveTracker {
  std::int64_t start;
  std::set<std::int64_t> received, settled;
  std::vector<checkpoint::Interval> done{};  // by an earlier owner

  bool done_before(std::int64_t offset) const {
    return std::ranges::any_of(done, [offset](const checkpoint::Interval& interval) {
      return offset >= interval.first.value && offset < interval.end.value;
    });
  }
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
  for (const std::int64_t offset : offsets) {
    RC_ASSERT(tracker.done_before(Offset{offset}) == naive.done_before(offset));
    if (naive.done_before(offset)) naive.settled.insert(offset);
  }
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

// Rising, apart from each other.
std::vector<checkpoint::Interval> intervals(std::int64_t from) {
  std::vector<checkpoint::Interval> out;
  const auto count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    const std::int64_t first = from + *rc::gen::inRange<std::int64_t>(i == 0 ? 0 : 1, 8);
    from = first + *rc::gen::inRange<std::int64_t>(1, 6);
    out.push_back({Offset{first}, Offset{from}});
  }
  return out;
}

// Where it is behind what was read, the restored one may be ahead: what it knows to be done it may step over.
TEST(TrackerProperty, IsTheNaiveOneAfterARestart) {
  expect(rc::check([] {
    NaiveTracker naive{*rc::gen::inRange<std::int64_t>(0, 20), {}, {}};
    naive.done = intervals(naive.start);
    OffsetTracker tracker(Offset{naive.start}, naive.done);
    const auto steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
      if (*rc::gen::inRange(0, 3) == 0) {
        receive(tracker, naive, rising(tracker.position().value, *rc::gen::inRange<std::size_t>(1, 12)));
      } else {
        settle(tracker, naive);
      }
      std::int64_t committable = naive.committable();
      while (naive.all_settled() && naive.done_before(committable)) ++committable;
      RC_ASSERT(tracker.committable().value == committable);
      RC_ASSERT(tracker.all_settled() == naive.all_settled());
      const std::vector<checkpoint::Interval> beyond = tracker.beyond();
      for (const std::int64_t offset : naive.received) {
        const bool said = offset < committable ||
                          std::ranges::any_of(
                              beyond,
                              [&](const auto& interval) {
                                return offset >= interval.first.value && offset < interval.end.value;
                              });
        RC_ASSERT(said == naive.settled.contains(offset));
      }
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

// A queue, and what is known of each record from outside.
class QueueModel {
 public:
  QueueModel(config::Ordering ordering, sim::Random& dice)
      : queue_(ordering, {dice.between(1, 9), dice.between(1, 60)}), ordering_(ordering), dice_(dice) {}

  void append(std::int64_t offset) {
    Fate fate;
    const std::uint32_t key = dice_.between(0, 4);
    const std::string name = "k" + std::to_string(key);
    const std::string value(dice_.between(0, 20), 'x');
    wire::RecordView view;
    view.offset = Offset{offset};
    if (key > 0) view.key = name;
    view.value = value;
    fate.lane = ordering_ == config::Ordering::partition        ? 0
                : ordering_ == config::Ordering::key && key > 0 ? key
                                                                : 1000 + offset;
    fate.failures = dice_.chance(50) ? 2 : 0;
    RC_ASSERT(queue_.append(view, fate.failures, now_));
    records_[offset] = fate;
  }

  void pick() {
    const WorkerId worker{dice_.between(1, 3)};
    if (queue_.has_suspect() && dice_.chance(500)) {
      const auto pick = queue_.pick_suspect(worker);
      RC_ASSERT(pick && pick->count == 1);
      return out(*pick, worker);
    }
    const std::uint64_t bytes = dice_.between(1, 80);
    const auto pick = queue_.pick({.worker = worker,
                                   .records = dice_.between(1, 12),
                                   .bytes = bytes,
                                   .first_bytes = 1000,
                                   .attempt = {}});
    if (!pick) return;
    RC_ASSERT(pick->count == 1 || pick->bytes <= bytes);
    out(*pick, worker);
  }

  // Something becomes of some record that is out.
  void answer() {
    if (out_.empty()) return;
    const auto at = out_.begin() + dice_.between(0, static_cast<std::uint32_t>(out_.size()) - 1);
    const auto [pick, index] = *at;
    out_.erase(at);
    const std::int64_t offset = picks_[pick].at(index).offset().value;
    Fate& fate = records_.at(offset);
    fate.worker.reset();
    if (dice_.chance(600)) {
      queue_.settle(picks_[pick], index, 1);
      records_.erase(offset);
      return;
    }
    fate.back = fate.run;
    dispatch::LaneQueue::Back back;
    back.suspect = dice_.chance(200);
    back.failed = !back.suspect && dice_.chance(500);
    back.exhausted = back.failed && dice_.chance(300);
    if (back.failed && !back.exhausted) back.not_before = now_ + Duration(dice_.between(1, 5));
    if (back.failed) ++fate.failures;
    fate.exhausted = back.exhausted;
    dispatch::Lane& lane = queue_.come_back(picks_[pick], index, back);
    if (back.failed) queue_.note_trouble(lane, {Offset{offset}, now_, fate.failures, "no luck"});
  }

  // Somebody sees to what stands: it is given up, or gets another attempt, now or later.
  void attend() {
    for (dispatch::Lane* lane : queue_.take_standing()) {
      const std::int64_t offset = lane->waiting.front().offset().value;
      RC_ASSERT(records_.at(offset).exhausted);
      dispatch::LaneQueue::Resume how;
      if (dice_.chance(500)) {
        queue_.settle_waiting(*lane, Offset{offset});
        records_.erase(offset);
      } else {
        how.again = dice_.chance(500);
        how.not_before = now_ + Duration(3);
      }
      if (how.again) {
        for (const dispatch::Held& held : lane->waiting) records_.at(held.offset().value).exhausted = false;
      }
      queue_.resume(*lane, how);
    }
  }

  void tick() {
    now_ += Duration(1);
    queue_.unpark(now_);
  }

  void check() const {
    RC_ASSERT(queue_.held_records() == records_.size());
    RC_ASSERT(queue_.undelivered() == records_.size() - out_.size());
    RC_ASSERT(queue_.standing_records() <= queue_.undelivered());
    RC_ASSERT((queue_.standing_records() > 0) == (queue_.lanes_parked() + queue_.lanes_standing() > 0));
    std::size_t failed = 0;
    for (const auto& [offset, fate] : records_) {
      if (fate.failures == 0) continue;
      ++failed;
      RC_ASSERT(queue_.attempts().at(Offset{offset}) == fate.failures);
    }
    RC_ASSERT(queue_.attempts().size() == failed);
    RC_ASSERT(queue_.troubled(1000).size() <= failed);
    if (!records_.empty()) return;
    RC_ASSERT(queue_.held_bytes() == 0u && queue_.undelivered_bytes() == 0u);
    RC_ASSERT(queue_.standing_bytes() == 0u && queue_.troubled(1).empty() && !queue_.deliverable());
  }

  bool done() const { return records_.empty(); }

 private:
  struct Fate {
    std::int64_t lane = 0;
    std::uint32_t failures = 0;
    bool exhausted = false;
    std::optional<WorkerId> worker;
    std::uint32_t run = 0, back = 0;  // it is out in this run; it came back in that one
  };

  void out(const dispatch::Pick& pick, WorkerId worker) {
    for (std::uint32_t i = 0; i < pick.count; ++i) {
      const std::int64_t offset = pick.batch->offset(pick.first + i).value;
      RC_ASSERT(pick.at(i).offset().value == offset);
      Fate& fate = records_.at(offset);
      RC_ASSERT(!fate.worker && !fate.exhausted && pick.attempt == fate.failures + 1);
      for (const auto& [before, other] : records_) {
        if (other.lane != fate.lane || ordering_ == config::Ordering::none) continue;
        if (before < offset) RC_ASSERT(other.worker == worker);
        if (other.worker) RC_ASSERT(other.worker == worker && other.run == pick.run);
        RC_ASSERT(other.back < pick.run);
      }
      fate.worker = worker;
      fate.run = pick.run;
      out_.emplace_back(picks_.size(), i);
    }
    picks_.push_back(pick);
  }

  dispatch::LaneQueue queue_;
  config::Ordering ordering_;
  sim::Random& dice_;
  TimePoint now_{};
  std::map<std::int64_t, Fate> records_;  // not settled
  std::vector<dispatch::Pick> picks_;
  std::vector<std::pair<std::size_t, std::uint32_t>> out_;  // pick, and index in it
};

// Every record is delivered until it is settled, each lane in order and at one worker, and counts are true.
TEST(QueueProperty, DeliversAllThatIsUnsettledInTheOrderOfItsLane) {
  expect(rc::check([] {
    const auto ordering =
        *rc::gen::element(config::Ordering::partition, config::Ordering::key, config::Ordering::none);
    sim::Random dice(*rc::gen::arbitrary<std::uint64_t>());
    QueueModel model(ordering, dice);
    const auto offsets = rising(0, *rc::gen::inRange<std::size_t>(1, 60));
    std::size_t next = 0;
    for (int step = 0; step < 20'000 && (next < offsets.size() || !model.done()); ++step) {
      switch (dice.between(0, 4)) {
        case 0:
          if (next < offsets.size()) model.append(offsets[next++]);
          break;
        case 1: model.pick(); break;
        case 2: model.tick(); break;
        default: model.answer();
      }
      model.attend();
      model.check();
    }
    RC_ASSERT(model.done());
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
