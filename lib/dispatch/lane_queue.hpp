// The records of one partition that the daemon holds, and which of them may go to which worker. Pure.
//
// Records come in at the end of a flow and are looked at once, in offset order, when a worker has room: a
// record whose lane is free (or busy at the same worker) is delivered, any other waits in its lane. What
// comes back (failed, released, its worker lost) waits in its lane too, before what came later. So one lane
// that stands holds up nobody else, and no record is looked at twice. With `ordering: partition` the whole
// flow is one lane; with `none` only records that came back have one. Invariants: a lane's records are at one
// worker at a time, in order, never past one that came back; what goes out again does so in a higher run than
// it came back in (PROTOCOL.md §9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/schema.hpp"
#include "dispatch/lane.hpp"
#include "dispatch/pick.hpp"

namespace triggerd::dispatch {

class LaneQueue {
 public:
  struct Caps {
    std::uint32_t records = 64;     // in a chunk
    std::uint64_t bytes = 4 << 20;  // in a chunk of more than one record
  };
  LaneQueue(config::Ordering ordering, Caps caps);

  // The next record read, with attempts that failed in an earlier assignment. False: no frame could carry it
  // (kMaxRecordBytes, RecordBatch::append); without its value and headers it is held, exhausted from the
  // start.
  bool append(const wire::RecordView& record, std::uint32_t failures, TimePoint now);

  // The worker that has records of it, where there can be only one.
  std::optional<WorkerId> pinned() const {
    return whole_.out > 0 ? std::optional(whole_.worker) : std::nullopt;
  }
  // Something may be delivered now, to some worker.
  bool deliverable() const;
  // Takes what may go to this worker in one frame.
  std::optional<Pick> pick(const PickLimits& limits);
  // A record that may have ended its worker, alone. For a worker that has nothing else.
  bool has_suspect() const;
  std::optional<Pick> pick_suspect(WorkerId worker);
  // A pick gave up after looking at many records: there is more to look at.
  bool more_to_look_at() const { return looked_enough_; }

  // So many records were settled by an earlier owner, and are not appended.
  void count_done(std::uint64_t records) { delivered_ += records; }

  // What becomes of records that are out; each once.
  void settle(const Pick& pick, std::uint32_t first, std::uint32_t count);
  struct Back {
    bool suspect = false;                   // it may have ended its worker
    bool failed = false;                    // an attempt, which is counted
    bool exhausted = false;                 // … and was the last
    std::optional<TimePoint> not_before{};  // its lane is parked until then
  };
  // The record waits in its lane again, which is returned.
  Lane& come_back(const Pick& pick, std::uint32_t index, const Back& back);
  void note_trouble(Lane& lane, Trouble trouble);

  // Lanes whose first record has no attempt left, since the last call; they stand until it is settled.
  std::vector<Lane*> take_standing() { return std::exchange(newly_standing_, {}); }
  // The first records of a standing lane that are exhausted.
  static std::vector<Held> exhausted(const Lane& lane);
  // The lane in trouble whose first record this is, with nothing out.
  Lane* stuck_at(Offset offset) const;
  // Settles a record that waits in its lane.
  void settle_waiting(Lane& lane, Offset offset);
  // The lane stands no longer. again: exhausted records of it get another attempt, where a frame carries
  // them. not_before: only then; where it is parked for another record it stays so.
  struct Resume {
    bool again = false;
    std::optional<TimePoint> not_before{};
  };
  void resume(Lane& lane, const Resume& how);

  void unpark(TimePoint now);
  std::optional<TimePoint> next_unpark() const;
  // Lanes in trouble since then or before that were not told of yet; and since when the next is.
  std::vector<const Lane*> alarms(TimePoint since);
  std::optional<TimePoint> next_trouble() const;
  // Those told of first, longest in trouble first.
  std::vector<const Lane*> troubled(std::size_t most) const;

  // The fresh records are left where they are, because work done beyond gaps cannot be remembered any more.
  void hold_flow(bool hold) { flow_held_ = hold; }

  std::uint64_t undelivered() const { return flow_records_ + waiting_records_; }
  std::uint64_t undelivered_bytes() const { return flow_bytes_ + waiting_bytes_; }
  // Of these: in lanes that stand, behind one that does, or left in a flow that is held; and the bytes they
  // keep.
  std::uint64_t standing_records() const;
  std::uint64_t standing_bytes() const;
  // Records delivered, ever, but for those that came back and were not delivered again: whoever begins from
  // the commit gives those to a handler as we would.
  std::uint64_t delivered() const { return delivered_; }
  TimePoint waiting_since() const;
  std::size_t held_records() const { return held_records_; }
  std::size_t held_bytes() const { return held_bytes_; }
  std::uint32_t lanes_parked() const { return static_cast<std::uint32_t>(parked_.size()); }
  std::uint32_t lanes_standing() const { return standing_; }
  std::uint32_t lanes_told() const { return static_cast<std::uint32_t>(told_.size()); }
  std::uint32_t lanes_troubled() const { return static_cast<std::uint32_t>(troubled_.size()); }
  // Records with failed attempts that are not settled.
  const std::map<Offset, std::uint32_t>& attempts() const { return attempts_; }
  std::uint64_t attempts_changed() const { return attempts_changed_; }

 private:
  class Gather;

  // lane_queue.cpp: what is held, and what came back
  Chunk* place(const wire::RecordView& record, TimePoint now);
  void forget(Held held);
  void release(Chunk& chunk);
  Held copy_aside(Lane& lane, Held held);
  void settled(Held held);
  void drop_attempts(Offset first, Offset end);
  Lane& lane_of(Held held);
  void enter(Lane& lane, Held held);
  Held leave(Lane& lane, std::size_t at);
  void park(Lane& lane, TimePoint until);
  void set_standing(Lane& lane, bool standing);
  void stand_aside(Lane& lane);
  void unready(Lane& lane);
  void reconsider(Lane& lane);
  void dissolve(Lane& lane);
  void end_trouble(Lane& lane);
  void count(Lane& lane);

  // lane_pick.cpp: what goes out
  bool open_to(const Lane& lane, WorkerId worker) const;
  std::optional<Pick> pick_partition(const PickLimits& limits);
  std::optional<Pick> pick_waiting(Lane& lane, const PickLimits& limits);
  std::optional<Pick> pick_flow(const PickLimits& limits, Lane* lane);
  void gather_ready(Gather& gather);
  void gather_flow(Gather& gather);
  bool skip_exhausted();
  void advance(std::uint32_t count, std::size_t bytes);
  void begin_run(Lane& lane);
  void out(Held held, std::uint32_t count);
  void out(Lane& lane, WorkerId worker, std::uint32_t count);

  const config::Ordering ordering_;
  const Caps caps_;
  // Never looked at, in offset order; the first chunk from cursor_ on.
  std::deque<std::unique_ptr<Chunk>> flow_;
  std::uint32_t cursor_ = 0;
  // Looked at, or aside, and not settled completely.
  std::unordered_map<Chunk*, std::unique_ptr<Chunk>> kept_;
  Lane whole_;  // ordering: partition
  std::unordered_map<std::string, std::unique_ptr<Lane>, KeyHash, std::equal_to<>> keyed_;
  std::unordered_map<Lane*, std::unique_ptr<Lane>> single_;
  std::deque<Lane*> ready_, ready_suspects_;
  // By time, then by age: never by address, so that a run can be repeated.
  using Times = std::map<std::pair<TimePoint, std::uint64_t>, Lane*>;
  Times parked_, troubled_, told_;
  std::uint32_t standing_ = 0;
  std::uint64_t next_lane_ = 1;
  std::vector<Lane*> newly_standing_;
  std::map<Offset, std::uint32_t> attempts_;
  std::uint64_t attempts_changed_ = 0;
  std::uint32_t run_ = 1;
  bool flow_held_ = false, looked_enough_ = false;
  std::uint64_t flow_records_ = 0, flow_bytes_ = 0, waiting_records_ = 0, waiting_bytes_ = 0;
  std::uint64_t standing_records_ = 0, standing_bytes_ = 0, delivered_ = 0;
  std::size_t held_records_ = 0, held_bytes_ = 0, last_chunk_bytes_ = 0;
};

}  // namespace triggerd::dispatch
