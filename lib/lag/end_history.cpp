#include "lag/end_history.hpp"

#include <algorithm>
#include <cstdint>

namespace triggerd::lag {

void EndHistory::note(Offset end, TimePoint at) {
  if (!samples_.empty() && end < samples_.back().end) samples_.clear();
  if (!samples_.empty() && end == samples_.back().end) {
    samples_.back().last = at;
    return;
  }
  if (samples_.size() == kMost) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < kMost; ++i) {
      if (i % 2 == 0 || i + 1 == kMost) samples_[kept++] = samples_[i];
    }
    samples_.resize(kept);
  }
  samples_.push_back({end, at, at});
}

std::optional<TimePoint> EndHistory::written(Offset record) const {
  const auto after = std::ranges::upper_bound(samples_, record, {}, &Sample::end);
  if (after == samples_.begin() || after == samples_.end()) return std::nullopt;
  const Sample& before = *std::prev(after);
  const auto part = static_cast<double>(record.value - before.end.value) /
                    static_cast<double>(after->end.value - before.end.value);
  const auto span = static_cast<double>((after->first - before.last).count());
  return before.last + Duration(static_cast<std::int64_t>(part * span));
}

}  // namespace triggerd::lag
