#include "lag/lag.hpp"

#include <algorithm>

namespace triggerd::lag {

std::optional<std::int64_t> records(const PartitionOffsets& offsets) {
  if (!offsets.end) return std::nullopt;
  const Offset base = offsets.committed.value_or(offsets.begun);
  return std::max<std::int64_t>(offsets.end->value - base.value, 0);
}

std::int64_t records(Offset start, Offset end, Offset base) {
  return std::max<std::int64_t>(end.value - std::max(base, start).value, 0);
}

}  // namespace triggerd::lag
