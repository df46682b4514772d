// What goes to a worker in one frame, and what it may hold. Pure data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/types.hpp"
#include "dispatch/chunk.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::dispatch {

// What one frame will carry. Its records are out until each is settled or comes back.
struct Pick {
  std::shared_ptr<const wire::RecordBatch> batch;
  std::uint32_t first = 0, count = 0;  // of batch
  std::size_t bytes = 0;
  std::uint32_t attempt = 1;
  std::uint32_t run = 0;
  Held begin;                // where they are held: from here on, one after the other …
  std::vector<Held> held;    // … or one by one
  std::vector<Lane*> lanes;  // by record; empty: the partition's, or none

  Held at(std::uint32_t i) const { return held.empty() ? Held{begin.chunk, begin.index + i} : held[i]; }
  Lane* lane(std::uint32_t i) const { return lanes.empty() ? nullptr : lanes[i]; }
};

struct PickLimits {
  WorkerId worker;
  std::uint32_t records = 0;
  std::uint64_t bytes = 0,
                first_bytes = 0;  // the first record may be larger than `bytes`, not than `first_bytes`
  std::optional<std::uint32_t> attempt;  // all of this attempt; absent: whatever comes first
};

}  // namespace triggerd::dispatch
