// Records of one partition that the daemon holds, and what is known of each. Pure data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::dispatch {

// The largest record a frame carries: PROTOCOL.md's payload limit with room for head, columns and topic.
inline constexpr std::size_t kMaxRecordBytes = 240u << 20;

struct Lane;

// A stretch of records as they were read, which becomes one frame where nothing goes wrong; or, aside,
// records of one lane that stands still, copied out so that they pin nobody else's memory.
struct Chunk {
  // Of one record.
  enum Flag : std::uint8_t {
    kSettled = 1,    // or copied to another chunk: this one need not keep it
    kInFlight = 2,   // counted as delivered and not covered by a commit
    kRefused = 4,    // no frame carries it: what is held is not the whole record, and is never delivered
    kSuspect = 8,    // it may have ended the worker that had it: it is delivered alone
    kExhausted = 16  // no attempt is left
  };
  std::shared_ptr<wire::RecordBatch> batch = std::make_shared<wire::RecordBatch>();
  TimePoint arrived{};  // of its first record
  std::uint32_t unsettled = 0;
  Lane* aside_of = nullptr;             // the lane it was copied out for
  bool sealed = false;                  // its batch is shared with frames: nothing is appended any more
  std::vector<std::uint8_t> flags;      // by record; empty: all 0
  std::vector<std::uint32_t> failures;  // failed attempts by record; empty: none failed

  bool is(Flag flag, std::uint32_t index) const { return index < flags.size() && (flags[index] & flag) != 0; }
  void set(Flag flag, std::uint32_t index, std::uint32_t count = 1) {
    if (flags.size() < batch->size()) flags.resize(batch->size());
    for (std::uint32_t i = index; i < index + count; ++i)
      flags[i] = static_cast<std::uint8_t>(flags[i] | flag);
  }
  void clear(Flag flag, std::uint32_t index) {
    if (index < flags.size()) flags[index] = static_cast<std::uint8_t>(flags[index] & ~flag);
  }
  std::uint32_t failed(std::uint32_t index) const { return index < failures.size() ? failures[index] : 0; }
  void set_failed(std::uint32_t index, std::uint32_t count) {
    if (failures.size() <= index) failures.resize(batch->size());
    failures[index] = count;
  }
};

// One record of a chunk. The chunk lives at least until the record is settled.
struct Held {
  Chunk* chunk = nullptr;
  std::uint32_t index = 0;

  Offset offset() const { return chunk->batch->offset(index); }
  std::size_t bytes() const { return chunk->batch->bytes(index, 1); }
  std::uint32_t failed() const { return chunk->failed(index); }
  bool is(Chunk::Flag flag) const { return chunk->is(flag, index); }
};

}  // namespace triggerd::dispatch
