// A sequence of records that must run in order: a partition, one key of it, or a single record (PROTOCOL.md
// §9). Pure data; LaneQueue keeps it.
//
//   free → out → (returning →) waiting → ready → out …      a record came back, or came while the lane was
//   busy
//                                  ↓↑
//                          parked | standing                 it waits for its next attempt, or for somebody
//                          to act
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/types.hpp"
#include "dispatch/chunk.hpp"

namespace triggerd::dispatch {

// Why a lane makes no progress, for people: its first record that failed and is not settled.
struct Trouble {
  Offset offset;
  TimePoint since;  // its first failure
  std::uint32_t attempts = 0;
  std::string reason{};
  bool told = false;  // the alarm was raised
};

struct Lane {
  std::uint64_t id = 0;  // in the order they came to be
  std::string key{};     // of a keyed lane
  bool keyed = false;    // it stands in the queue's map under its key
  // To be delivered before anything of the lane that was never looked at, in offset order.
  std::deque<Held> waiting{};
  std::uint32_t out = 0;  // records at `worker` without an answer
  WorkerId worker{};
  std::uint32_t run = 0;   // of its frames that are out, or were last
  bool came_back = false;  // records came back in that run: they go out in a higher one
  bool returning = false;  // … and more may follow: nothing is delivered while something is out
  bool ready = false;      // stands in a ready list
  bool standing = false;   // its first record has no attempt left
  std::optional<TimePoint> parked_until{};
  // While it stands: its dead letters that have no answer yet, why one failed, and how often in a row.
  std::uint32_t dead_letters = 0;
  std::optional<std::string> dead_letter_error{};
  std::uint32_t dead_letter_tries = 0;
  std::optional<Trouble> trouble{};
  Chunk* own = nullptr;  // the last chunk aside, while more fits in
  // Its share of the queue's counts, as last added.
  std::uint64_t counted_records = 0, counted_bytes = 0;
  std::uint64_t waiting_bytes = 0;

  bool stands() const { return standing || parked_until.has_value(); }
};

// Of a lane's key, also where it lies in a batch.
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

}  // namespace triggerd::dispatch
