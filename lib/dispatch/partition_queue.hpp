// The records of one partition that the daemon holds, in offset order: appended as they are read, taken as
// they are delivered, forgotten as they are settled. Pure.
//
// Records lie in chunks, each of which becomes one frame where nothing goes wrong. A cursor parts what was
// delivered from what was not; a failure or a lost worker rewinds it to the first record that is not settled,
// in a new run (PROTOCOL.md §9). Each record has a sequence number (its place among those read), so that
// counts stay exact however many holes the offsets have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::dispatch {

struct Chunk {
  std::shared_ptr<wire::RecordBatch> batch = std::make_shared<wire::RecordBatch>();
  std::uint64_t first_sequence = 0;
  TimePoint arrived{};  // of its first record
  std::uint32_t unsettled = 0;
  bool sealed = false;                  // delivered once, or cut: nothing is appended any more
  std::vector<bool> settled;            // or dropped; empty: none is, or (unsettled == 0) all are
  std::vector<std::uint32_t> failures;  // failed attempts by record; empty: none failed

  // A chunk is only settled after it was sealed, so 0 unsettled means all of it.
  bool is_settled(std::uint32_t index) const {
    return unsettled == 0 || (!settled.empty() && settled[index]);
  }
  std::uint32_t failed(std::uint32_t index) const { return failures.empty() ? 0 : failures[index]; }
};

// Consecutive records of one chunk with the same number of failures.
struct Slice {
  std::shared_ptr<Chunk> chunk;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::size_t bytes = 0;
};

// Where a sequence of records stands: by offset and by count.
struct Place {
  Offset offset;
  std::uint64_t sequence = 0;
};

class PartitionQueue {
 public:
  struct Caps {
    std::uint32_t records = 64;     // in a chunk
    std::uint64_t bytes = 4 << 20;  // in a chunk of more than one record
  };
  PartitionQueue(Caps caps, Offset start) : caps_(caps), end_{start, 0} {}

  // The next record read. False: no frame could carry it (kMaxRecordBytes, RecordBatch::append); nothing was
  // appended.
  bool append(const wire::RecordView& record, TimePoint now);

  // What would be delivered next: at most so many records, and bytes unless one record alone has more.
  std::optional<Slice> peek(std::uint32_t max_records, std::uint64_t max_bytes);
  void take(const Slice& slice);
  // The handler may have seen these, so they count as delivered even when they come back.
  void ran(const Chunk& chunk, std::uint32_t first, std::uint32_t count);
  // Nothing is out any more: deliver again from the first unsettled record.
  void rewind();
  // Forgets what was not delivered, or is to be delivered again.
  void drop_undelivered();
  // Forgets the record with this offset and all after it; only where nothing is out.
  void drop_from(Offset offset);

  // Marks records of a chunk settled; what they cover, for the offset tracker. Each record once.
  struct Covered {
    Offset first, end;
  };
  Covered settle(Chunk& chunk, std::uint32_t first, std::uint32_t count);
  // Counts a failed attempt; how many there are now.
  static std::uint32_t fail(Chunk& chunk, std::uint32_t index);

  std::uint64_t undelivered() const { return end_.sequence - delivered_; }
  std::uint64_t undelivered_bytes() const { return undelivered_bytes_; }
  // The first record of the next run of records has waited since; only where undelivered() > 0.
  TimePoint waiting_since();
  // One past the furthest record that was delivered and did not come back unseen.
  std::uint64_t delivered_most() const { return delivered_most_; }
  // Records before that one which are to be delivered again.
  std::uint64_t again() const { return delivered_most_ > delivered_ ? delivered_most_ - delivered_ : 0; }
  // The first record held that is not settled, or the end where there is none.
  Place first_unsettled() const;
  std::size_t held_records() const { return held_records_; }
  std::size_t held_bytes() const { return held_bytes_; }
  std::uint32_t run() const { return run_; }

 private:
  void skip_settled();
  void forget_settled_front();
  void cut(std::size_t chunk, std::uint32_t record);
  void count_undelivered_bytes();

  Caps caps_;
  std::deque<std::shared_ptr<Chunk>> chunks_;
  std::size_t cursor_chunk_ = 0;     // next to deliver: an index into chunks_ …
  std::uint32_t cursor_record_ = 0;  // … and into it
  std::uint64_t delivered_ = 0;      // sequence of the cursor
  std::uint64_t delivered_most_ = 0;
  std::uint64_t ran_most_ = 0;
  Place end_;  // one past the last record read
  std::size_t held_records_ = 0;
  std::size_t held_bytes_ = 0;
  std::uint64_t undelivered_bytes_ = 0;
  std::size_t last_chunk_bytes_ = 0;
  std::uint32_t run_ = 1;
};

// The largest record a frame carries: PROTOCOL.md's payload limit with room for head, columns and topic.
inline constexpr std::size_t kMaxRecordBytes = 240u << 20;

}  // namespace triggerd::dispatch
