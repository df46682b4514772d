// How many records of a partition the group has still to settle. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.hpp"

namespace triggerd::lag {

// What is known of a partition. Offsets that are not known are absent, never zero.
struct PartitionOffsets {
  std::optional<Offset> end;        // one past the last record
  std::optional<Offset> committed;  // the group's commit
  Offset begun;                     // where we began to read; stands in while there is no commit
};

// end − (committed or begun), never below 0: a commit may be newer than the end we know. Absent where the end
// is not known: an unknown lag is no lag of 0.
std::optional<std::int64_t> records(const PartitionOffsets& offsets);

// The same where all is known: 0 … end − start, because what retention took is no lag, and a commit may be
// newer than the end, or of a log that is no more.
std::int64_t records(Offset start, Offset end, Offset base);

}  // namespace triggerd::lag
