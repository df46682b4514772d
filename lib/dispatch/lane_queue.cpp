#include "dispatch/lane_queue.hpp"

#include <algorithm>

#include "base/invariant.hpp"

namespace triggerd::dispatch {
namespace {

// A key that is kept with a record no frame could carry.
constexpr std::size_t kMaxStubKey = 64 << 10;

}  // namespace

LaneQueue::LaneQueue(config::Ordering ordering, Caps caps) : ordering_(ordering), caps_(caps) {}

bool LaneQueue::append(const wire::RecordView& record, std::uint32_t failures, TimePoint now) {
  wire::RecordView kept = record;
  Chunk* chunk = record.bytes() <= kMaxRecordBytes ? place(kept, now) : nullptr;
  const bool whole = chunk != nullptr;
  if (!whole) {
    kept.value.reset();
    kept.headers = {};
    if (kept.key && kept.key->size() > kMaxStubKey) kept.key.reset();
    chunk = place(kept, now);
    TRIGGERD_INVARIANT(chunk != nullptr, "a record without value and headers fits a frame");
  }
  const std::uint32_t index = chunk->batch->size() - 1;
  if (!whole) {
    chunk->set(Chunk::kRefused, index);
    chunk->set(Chunk::kExhausted, index);
  }
  if (failures > 0) {
    chunk->set_failed(index, failures);
    attempts_[record.offset] = failures;
  }
  ++chunk->unsettled;
  ++held_records_;
  ++flow_records_;
  held_bytes_ += kept.bytes();
  flow_bytes_ += kept.bytes();
  return whole;
}

// At the end of the flow's last chunk, or in a new one; nullptr where no frame could carry it.
Chunk* LaneQueue::place(const wire::RecordView& record, TimePoint now) {
  const std::size_t bytes = record.bytes();
  if (!flow_.empty()) {
    Chunk& last = *flow_.back();
    const bool open =
        !last.sealed && last.batch->size() < caps_.records && last.batch->bytes() + bytes <= caps_.bytes;
    if (open && last.batch->append(record)) return &last;
    last_chunk_bytes_ = last.batch->bytes();
  }
  auto chunk = std::make_unique<Chunk>();
  chunk->arrived = now;
  chunk->batch->reserve(std::min<std::size_t>(caps_.records, 1024), std::max(bytes, last_chunk_bytes_));
  if (!chunk->batch->append(record)) return nullptr;
  if (!flow_.empty()) flow_.back()->sealed = true;
  flow_.push_back(std::move(chunk));
  return flow_.back().get();
}

// This chunk need not keep the record any more.
void LaneQueue::forget(Held held) {
  TRIGGERD_INVARIANT(!held.is(Chunk::kSettled) && held.chunk->unsettled > 0, "a record is settled once");
  held.chunk->set(Chunk::kSettled, held.index);
  if (--held.chunk->unsettled == 0) release(*held.chunk);
}

void LaneQueue::release(Chunk& chunk) {
  held_bytes_ -= chunk.batch->bytes();
  if (chunk.aside_of != nullptr && chunk.aside_of->own == &chunk) chunk.aside_of->own = nullptr;
  kept_.erase(&chunk);
}

// So that a record that stays for long keeps no others in memory.
Held LaneQueue::copy_aside(Lane& lane, Held held) {
  const bool aside = held.chunk->aside_of != nullptr || held.chunk->batch->size() == 1;
  if (aside && held.chunk->unsettled == held.chunk->batch->size()) return held;
  if (lane.own == held.chunk) lane.own = nullptr;
  const wire::RecordBatch& from = *held.chunk->batch;
  const std::uint32_t i = held.index;
  const std::vector<wire::HeaderView> headers = from.headers(i);
  const wire::RecordView view{from.offset(i), from.timestamp(i), from.key(i),
                              from.value(i),  headers,           from.leader_epoch()};
  Chunk* own = lane.own;
  const bool open = own != nullptr && !own->sealed && own->batch->size() < caps_.records &&
                    own->batch->bytes() + view.bytes() <= caps_.bytes;
  if (!open || !own->batch->append(view)) {
    auto chunk = std::make_unique<Chunk>();
    chunk->aside_of = &lane;
    TRIGGERD_INVARIANT(chunk->batch->append(view), "what one batch held fits another");
    own = lane.own = chunk.get();
    kept_.emplace(own, std::move(chunk));
  }
  const std::uint32_t index = own->batch->size() - 1;
  ++own->unsettled;
  held_bytes_ += view.bytes();
  for (const auto flag : {Chunk::kRefused, Chunk::kSuspect, Chunk::kExhausted}) {
    if (held.is(flag)) own->set(flag, index);
  }
  if (held.failed() > 0) own->set_failed(index, held.failed());
  forget(held);
  return {own, index};
}

void LaneQueue::settled(Held held) {
  if (!held.is(Chunk::kInFlight)) ++delivered_;
  --held_records_;
  drop_attempts(held.offset(), Offset{held.offset().value + 1});
  forget(held);
}

void LaneQueue::drop_attempts(Offset first, Offset end) {
  if (attempts_.empty()) return;
  const auto from = attempts_.lower_bound(first);
  const auto to = attempts_.lower_bound(end);
  if (from == to) return;
  attempts_.erase(from, to);
  ++attempts_changed_;
}

void LaneQueue::settle(const Pick& pick, std::uint32_t first, std::uint32_t count) {
  if (pick.held.empty() && pick.lanes.empty()) {
    Chunk& chunk = *pick.begin.chunk;
    const std::uint32_t begin = pick.begin.index + first;
    TRIGGERD_INVARIANT(chunk.unsettled >= count, "a record is settled once");
    const Offset from = chunk.batch->offset(begin);
    const Offset last = chunk.batch->offset(begin + count - 1);
    drop_attempts(from, Offset{last.value + 1});
    held_records_ -= count;
    chunk.set(Chunk::kSettled, begin, count);
    chunk.unsettled -= count;
    if (chunk.unsettled == 0) release(chunk);
    if (ordering_ != config::Ordering::partition) return;
    whole_.out -= count;
    if (whole_.trouble && whole_.trouble->offset >= from && whole_.trouble->offset <= last)
      end_trouble(whole_);
    reconsider(whole_);
    return;
  }
  for (std::uint32_t i = first; i < first + count; ++i) {
    const Held held = pick.at(i);
    const Offset offset = held.offset();
    settled(held);
    Lane* lane = pick.lane(i);
    if (lane == nullptr) continue;
    --lane->out;
    if (lane->trouble && lane->trouble->offset == offset) end_trouble(*lane);
    reconsider(*lane);
  }
}

// The lane a record belongs to when it has to wait.
Lane& LaneQueue::lane_of(Held held) {
  if (ordering_ == config::Ordering::partition) return whole_;
  const auto key = held.chunk->batch->key(held.index);
  const bool keyed = ordering_ == config::Ordering::key && key;
  if (keyed) {
    const auto found = keyed_.find(*key);
    if (found != keyed_.end()) return *found->second;
  }
  auto lane = std::make_unique<Lane>();
  lane->id = next_lane_++;
  Lane* raw = lane.get();
  if (!keyed) return *single_.emplace(raw, std::move(lane)).first->second;
  lane->keyed = true;
  lane->key = *key;
  return *keyed_.emplace(raw->key, std::move(lane)).first->second;
}

Lane& LaneQueue::come_back(const Pick& pick, std::uint32_t index, const Back& back) {
  const Held held = pick.at(index);
  Lane* had = ordering_ == config::Ordering::partition ? &whole_ : pick.lane(index);
  Lane& lane = had != nullptr ? *had : lane_of(held);
  if (had != nullptr) {
    --lane.out;
  } else {
    lane.run = pick.run;
  }
  lane.came_back = true;
  lane.returning = lane.out > 0;
  held.chunk->clear(Chunk::kInFlight, held.index);
  --delivered_;
  held.chunk->clear(Chunk::kSuspect, held.index);
  if (back.suspect) held.chunk->set(Chunk::kSuspect, held.index);
  if (back.failed) {
    held.chunk->set_failed(held.index, held.failed() + 1);
    attempts_[held.offset()] = held.failed();
    ++attempts_changed_;
  }
  if (back.exhausted) held.chunk->set(Chunk::kExhausted, held.index);
  enter(lane, held);
  if (back.not_before) park(lane, *back.not_before);
  reconsider(lane);
  return lane;
}

// Into the lane's waiting records, which are in offset order: what comes back was before what waits.
void LaneQueue::enter(Lane& lane, Held held) {
  if (lane.stands() && &lane != &whole_) held = copy_aside(lane, held);
  const auto after =
      std::upper_bound(lane.waiting.begin(), lane.waiting.end(), held.offset(),
                       [](Offset offset, const Held& other) { return offset < other.offset(); });
  lane.waiting.insert(after, held);
  const std::size_t bytes = held.bytes();
  ++waiting_records_;
  waiting_bytes_ += bytes;
  lane.waiting_bytes += bytes;
  count(lane);
}

Held LaneQueue::leave(Lane& lane, std::size_t at) {
  const Held held = lane.waiting[at];
  lane.waiting.erase(lane.waiting.begin() + static_cast<std::ptrdiff_t>(at));
  const std::size_t bytes = held.bytes();
  --waiting_records_;
  waiting_bytes_ -= bytes;
  lane.waiting_bytes -= bytes;
  count(lane);
  return held;
}

void LaneQueue::park(Lane& lane, TimePoint until) {
  if (lane.parked_until) {
    if (*lane.parked_until >= until) return;
    parked_.erase({*lane.parked_until, lane.id});
  }
  lane.parked_until = until;
  parked_.emplace(std::pair(until, lane.id), &lane);
  stand_aside(lane);
}

void LaneQueue::set_standing(Lane& lane, bool standing) {
  lane.standing = standing;
  if (standing) {
    ++standing_;
    newly_standing_.push_back(&lane);
    stand_aside(lane);
  } else {
    --standing_;
    std::erase(newly_standing_, &lane);
    count(lane);
  }
}

void LaneQueue::stand_aside(Lane& lane) {
  unready(lane);
  if (&lane != &whole_) {
    for (Held& held : lane.waiting) held = copy_aside(lane, held);
  }
  count(lane);
}

void LaneQueue::unready(Lane& lane) {
  if (!lane.ready) return;
  lane.ready = false;
  std::erase(ready_, &lane);
  std::erase(ready_suspects_, &lane);
}

// Something about the lane has changed: what follows.
void LaneQueue::reconsider(Lane& lane) {
  if (lane.out > 0) return;
  lane.returning = false;
  if (lane.stands()) return;
  if (lane.waiting.empty()) return dissolve(lane);
  if (lane.waiting.front().is(Chunk::kExhausted)) return set_standing(lane, true);
  if (lane.ready || &lane == &whole_) return;
  lane.ready = true;
  (lane.waiting.front().is(Chunk::kSuspect) ? ready_suspects_ : ready_).push_back(&lane);
}

void LaneQueue::dissolve(Lane& lane) {
  unready(lane);
  end_trouble(lane);
  if (&lane == &whole_) return;
  // A worker may hold the lane for what came back in that run, though it was settled elsewhere.
  if (lane.keyed && lane.came_back && lane.run >= run_) run_ = lane.run + 1;
  if (lane.keyed) {
    keyed_.erase(keyed_.find(lane.key));
  } else {
    single_.erase(&lane);
  }
}

// What of the lane's records counts as standing still.
void LaneQueue::count(Lane& lane) {
  const std::uint64_t records = lane.stands() ? lane.waiting.size() : 0;
  const std::uint64_t bytes = lane.stands() ? lane.waiting_bytes : 0;
  standing_records_ += records - lane.counted_records;
  standing_bytes_ += bytes - lane.counted_bytes;
  lane.counted_records = records;
  lane.counted_bytes = bytes;
}

std::uint64_t LaneQueue::standing_records() const {
  return whole_.stands() || flow_held_ ? undelivered() : standing_records_;
}
std::uint64_t LaneQueue::standing_bytes() const {
  return whole_.stands() || flow_held_ ? held_bytes_ : standing_bytes_;
}

std::vector<Held> LaneQueue::exhausted(const Lane& lane) {
  const auto end = std::ranges::find_if(lane.waiting, [](const Held& h) { return !h.is(Chunk::kExhausted); });
  return {lane.waiting.begin(), end};
}

Lane* LaneQueue::stuck_at(Offset offset) const {
  for (const auto* set : {&told_, &troubled_}) {
    for (const auto& [since, lane] : *set) {
      if (lane->out == 0 && !lane->waiting.empty() && lane->waiting.front().offset() == offset) return lane;
    }
  }
  return nullptr;
}

void LaneQueue::settle_waiting(Lane& lane, Offset offset) {
  const auto found =
      std::ranges::find_if(lane.waiting, [offset](const Held& h) { return h.offset() == offset; });
  TRIGGERD_INVARIANT(found != lane.waiting.end(), "the record waits in its lane");
  settled(leave(lane, static_cast<std::size_t>(found - lane.waiting.begin())));
  if (lane.trouble && lane.trouble->offset == offset) end_trouble(lane);
}

void LaneQueue::resume(Lane& lane, const Resume& how) {
  if (lane.standing) set_standing(lane, false);
  if (how.again) {
    for (const Held& held : lane.waiting) {
      if (!held.is(Chunk::kRefused)) held.chunk->clear(Chunk::kExhausted, held.index);
    }
  }
  if (how.not_before) park(lane, *how.not_before);
  unready(lane);  // its first record may be another now
  reconsider(lane);
}

void LaneQueue::unpark(TimePoint now) {
  while (!parked_.empty() && parked_.begin()->first.first <= now) {
    Lane& lane = *parked_.begin()->second;
    parked_.erase(parked_.begin());
    lane.parked_until.reset();
    count(lane);
    reconsider(lane);
  }
}

std::optional<TimePoint> LaneQueue::next_unpark() const {
  return parked_.empty() ? std::nullopt : std::optional(parked_.begin()->first.first);
}

void LaneQueue::note_trouble(Lane& lane, Trouble trouble) {
  if (lane.trouble) {
    trouble.since = lane.trouble->since;
    trouble.told = lane.trouble->told;
    trouble.offset = std::min(trouble.offset, lane.trouble->offset);
    lane.trouble = std::move(trouble);
    return;
  }
  troubled_.emplace(std::pair(trouble.since, lane.id), &lane);
  lane.trouble = std::move(trouble);
}

void LaneQueue::end_trouble(Lane& lane) {
  if (!lane.trouble) return;
  (lane.trouble->told ? told_ : troubled_).erase({lane.trouble->since, lane.id});
  lane.trouble.reset();
}

std::vector<const Lane*> LaneQueue::alarms(TimePoint since) {
  std::vector<const Lane*> out;
  while (!troubled_.empty() && troubled_.begin()->first.first <= since) {
    Lane* lane = troubled_.begin()->second;
    lane->trouble->told = true;
    told_.insert(*troubled_.begin());
    troubled_.erase(troubled_.begin());
    out.push_back(lane);
  }
  return out;
}

std::optional<TimePoint> LaneQueue::next_trouble() const {
  return troubled_.empty() ? std::nullopt : std::optional(troubled_.begin()->first.first);
}

std::vector<const Lane*> LaneQueue::troubled(std::size_t most) const {
  std::vector<const Lane*> out;
  for (const auto* set : {&told_, &troubled_}) {
    for (const auto& [since, lane] : *set) {
      if (out.size() == most) return out;
      out.push_back(lane);
    }
  }
  return out;
}

}  // namespace triggerd::dispatch
