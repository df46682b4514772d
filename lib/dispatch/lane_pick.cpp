// What of a partition goes out next: lanes that waited first, then the flow.
#include <algorithm>

#include "base/invariant.hpp"
#include "dispatch/lane_queue.hpp"

namespace triggerd::dispatch {
namespace {

// Records of the flow looked at in one pick, most of them perhaps to find their lanes busy: a turn stays
// short.
constexpr std::uint32_t kLookedAtMost = 1000;
// Ready lanes passed over because their attempt differs from the frame's.
constexpr std::uint32_t kPassedOverMost = 16;

bool plain(const Held& held) { return !held.is(Chunk::kExhausted) && !held.is(Chunk::kSuspect); }

}  // namespace

// Records for one frame, from several lanes: where they lie one after the other the frame shares their chunk,
// else they are copied.
class LaneQueue::Gather {
 public:
  explicit Gather(const PickLimits& limits) : limits_(limits), attempt_(limits.attempt) {}

  bool full() const { return held_.size() >= limits_.records || bytes_ >= limits_.bytes; }
  // May it come next?
  bool accepts(Held held) const {
    if (full() || !plain(held) || (attempt_ && *attempt_ != held.failed() + 1)) return false;
    return bytes_ + held.bytes() <= (held_.empty() ? limits_.first_bytes : limits_.bytes);
  }
  // False: no frame carries it together with those before it (their times lie too far apart).
  bool add(Held held, Lane* lane) {
    if (!held_.empty() && !copy_ &&
        (held.chunk != held_.back().chunk || held.index != held_.back().index + 1)) {
      copy_ = std::make_shared<wire::RecordBatch>();
      for (const Held& before : held_) copy(before);
    }
    if (copy_ && !copy(held)) return false;
    attempt_ = held.failed() + 1;
    bytes_ += held.bytes();
    held_.push_back(held);
    lanes_.push_back(lane);
    return true;
  }
  void set_last_lane(Lane* lane) { lanes_.back() = lane; }
  WorkerId worker() const { return limits_.worker; }
  bool empty() const { return held_.empty(); }

  Pick pick(std::uint32_t run) {
    Pick out;
    out.count = static_cast<std::uint32_t>(held_.size());
    out.bytes = bytes_;
    out.attempt = *attempt_;
    out.run = run;
    out.lanes = std::move(lanes_);
    out.begin = held_.front();
    if (copy_) {
      out.batch = std::move(copy_);
      out.held = std::move(held_);
    } else {
      out.batch = out.begin.chunk->batch;
      out.first = out.begin.index;
    }
    return out;
  }

 private:
  bool copy(Held held) {
    const wire::RecordBatch& from = *held.chunk->batch;
    const std::vector<wire::HeaderView> headers = from.headers(held.index);
    return copy_->append({from.offset(held.index), from.timestamp(held.index), from.key(held.index),
                          from.value(held.index), headers});
  }

  const PickLimits& limits_;
  std::optional<std::uint32_t> attempt_;
  std::vector<Held> held_;
  std::vector<Lane*> lanes_;
  std::shared_ptr<wire::RecordBatch> copy_;
  std::uint64_t bytes_ = 0;
};

bool LaneQueue::open_to(const Lane& lane, WorkerId worker) const {
  return !lane.stands() && (lane.out == 0 || (!lane.returning && lane.worker == worker && lane.run == run_));
}

bool LaneQueue::deliverable() const {
  const bool flow = flow_records_ > 0 && !flow_held_;
  if (ordering_ != config::Ordering::partition) return flow || !ready_.empty();
  if (whole_.stands() || whole_.returning) return false;
  return whole_.waiting.empty() ? flow : plain(whole_.waiting.front());
}

bool LaneQueue::has_suspect() const {
  if (ordering_ != config::Ordering::partition) return !ready_suspects_.empty();
  return whole_.out == 0 && !whole_.stands() && !whole_.waiting.empty() &&
         whole_.waiting.front().is(Chunk::kSuspect);
}

TimePoint LaneQueue::waiting_since() const {
  return flow_.empty() || !ready_.empty() || !whole_.waiting.empty() ? TimePoint::min()
                                                                     : flow_.front()->arrived;
}

std::optional<Pick> LaneQueue::pick(const PickLimits& limits) {
  looked_enough_ = false;
  if (limits.records == 0) return std::nullopt;
  if (ordering_ == config::Ordering::partition) return pick_partition(limits);
  if (ordering_ == config::Ordering::none && ready_.empty()) return pick_flow(limits, nullptr);
  Gather gather(limits);
  gather_ready(gather);
  gather_flow(gather);
  if (gather.empty()) return std::nullopt;
  Pick out = gather.pick(run_);
  for (Lane* lane : out.lanes) {
    if (lane != nullptr) lane->run = run_;
  }
  return out;
}

std::optional<Pick> LaneQueue::pick_partition(const PickLimits& limits) {
  Lane& lane = whole_;
  if (!open_to(lane, limits.worker)) return std::nullopt;
  if (!lane.waiting.empty()) return pick_waiting(lane, limits);
  return pick_flow(limits, &lane);
}

// Waiting records that lie one after the other.
std::optional<Pick> LaneQueue::pick_waiting(Lane& lane, const PickLimits& limits) {
  Gather gather(limits);
  Held last;
  while (!lane.waiting.empty()) {
    const Held held = lane.waiting.front();
    const bool next = gather.empty() || (held.chunk == last.chunk && held.index == last.index + 1);
    if (!next || !gather.accepts(held)) break;
    gather.add(held, nullptr);
    leave(lane, 0);
    out(held, 1);
    last = held;
  }
  if (gather.empty()) return std::nullopt;
  begin_run(lane);
  Pick pick = gather.pick(run_);
  pick.lanes.clear();
  out(lane, limits.worker, pick.count);
  return pick;
}

std::optional<Pick> LaneQueue::pick_flow(const PickLimits& limits, Lane* lane) {
  if (flow_held_ || !skip_exhausted()) return std::nullopt;
  Chunk& chunk = *flow_.front();
  const std::uint32_t attempt = chunk.failed(cursor_) + 1;
  if (limits.attempt && *limits.attempt != attempt) return std::nullopt;
  const std::uint32_t most = std::min(chunk.batch->size() - cursor_, limits.records);
  std::uint32_t count = 1;
  std::size_t bytes = chunk.batch->bytes(cursor_, 1);
  if (bytes > limits.first_bytes) return std::nullopt;
  const bool same = chunk.failures.empty() && chunk.flags.empty();
  if (const std::size_t all = chunk.batch->bytes(cursor_, most); same && all <= limits.bytes) {
    count = most;
    bytes = all;
  }
  for (; count < most; ++count) {
    const std::size_t more = chunk.batch->bytes(cursor_ + count, 1);
    if (bytes + more > limits.bytes || chunk.failed(cursor_ + count) + 1 != attempt ||
        chunk.is(Chunk::kExhausted, cursor_ + count)) {
      break;
    }
    bytes += more;
  }
  if (lane != nullptr) {
    begin_run(*lane);
    out(*lane, limits.worker, count);
  }
  Pick pick{chunk.batch, cursor_, count, bytes, attempt, run_, {&chunk, cursor_}, {}, {}};
  out(pick.begin, count);
  advance(count, bytes);
  return pick;
}

std::optional<Pick> LaneQueue::pick_suspect(WorkerId worker) {
  if (!has_suspect()) return std::nullopt;
  const bool partition = ordering_ == config::Ordering::partition;
  Lane& lane = partition ? whole_ : *ready_suspects_.front();
  unready(lane);
  const Held held = leave(lane, 0);
  begin_run(lane);
  out(held, 1);
  out(lane, worker, 1);
  Pick pick{held.chunk->batch, held.index, 1, held.bytes(), held.failed() + 1, run_, held, {}, {}};
  if (!partition) pick.lanes.push_back(&lane);
  return pick;
}

// Lanes that waited, oldest first, each as far as it goes.
void LaneQueue::gather_ready(Gather& gather) {
  std::uint32_t passed_over = 0;
  for (std::size_t at = 0; at < ready_.size() && !gather.full() && passed_over < kPassedOverMost;) {
    Lane& lane = *ready_[at];
    bool taken = false;
    while (!lane.waiting.empty() && gather.accepts(lane.waiting.front()) &&
           gather.add(lane.waiting.front(), &lane)) {
      if (!taken) begin_run(lane);
      taken = true;
      out(leave(lane, 0), 1);
      out(lane, gather.worker(), 1);
    }
    if (!taken) {
      ++at;
      ++passed_over;
      continue;
    }
    lane.ready = false;
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

// The flow, record by record: each is delivered, or waits in its lane from now on.
void LaneQueue::gather_flow(Gather& gather) {
  std::uint32_t looked_at = 0;
  while (!flow_held_ && !gather.full() && skip_exhausted()) {
    if (++looked_at > kLookedAtMost) {
      looked_enough_ = true;
      return;
    }
    const Held held{flow_.front().get(), cursor_};
    const std::size_t bytes = held.bytes();
    Lane* lane = nullptr;
    const auto key = held.chunk->batch->key(held.index);
    if (ordering_ == config::Ordering::key && key) {
      const auto found = keyed_.find(*key);
      if (found != keyed_.end()) {
        lane = found->second.get();
        if (!lane->waiting.empty() || !open_to(*lane, gather.worker())) {
          advance(1, bytes);  // first: the chunk may be left to its lanes
          enter(*lane, held);
          continue;
        }
      }
    }
    if (!gather.accepts(held) || !gather.add(held, lane)) return;
    if (ordering_ == config::Ordering::key && key) {
      if (lane == nullptr) {
        lane = &lane_of(held);
        gather.set_last_lane(lane);
      }
      out(*lane, gather.worker(), 1);
    }
    out(held, 1);
    advance(1, bytes);
  }
}

// False: nothing is left in the flow. A record without an attempt left waits in its lane, which will stand.
bool LaneQueue::skip_exhausted() {
  while (flow_records_ > 0 && flow_.front()->is(Chunk::kExhausted, cursor_)) {
    const Held held{flow_.front().get(), cursor_};
    Lane& lane = lane_of(held);
    advance(1, held.bytes());
    enter(lane, held);
    reconsider(lane);
    if (&lane == &whole_) return false;
  }
  return flow_records_ > 0;
}

void LaneQueue::advance(std::uint32_t count, std::size_t bytes) {
  flow_records_ -= count;
  flow_bytes_ -= bytes;
  cursor_ += count;
  std::unique_ptr<Chunk>& front = flow_.front();
  if (cursor_ < front->batch->size()) return;
  front->sealed = true;
  kept_.emplace(front.get(), std::move(front));
  flow_.pop_front();
  cursor_ = 0;
}

// What came back goes out in a higher run than it came back in.
void LaneQueue::begin_run(Lane& lane) {
  if (lane.out == 0 && lane.came_back) {
    if (lane.run >= run_) ++run_;
    lane.came_back = false;
  }
  lane.run = run_;
}

void LaneQueue::out(Held held, std::uint32_t count) {
  Chunk& chunk = *held.chunk;
  chunk.sealed = true;
  delivered_ += count;
  chunk.set(Chunk::kInFlight, held.index, count);
}

void LaneQueue::out(Lane& lane, WorkerId worker, std::uint32_t count) {
  lane.out += count;
  lane.worker = worker;
  lane.run = run_;
}

}  // namespace triggerd::dispatch
