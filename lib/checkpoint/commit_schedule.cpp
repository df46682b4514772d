#include "checkpoint/commit_schedule.hpp"

#include <algorithm>

namespace triggerd::checkpoint {

void CommitSchedule::failed(TimePoint now) {
  under_way_ = false;
  const Duration delay = timing_.retry_first * (1 << std::min(failures_, 16U));
  not_before_ = now + std::min(delay, timing_.retry_most);
  ++failures_;
  due_ = now;
}

std::optional<TimePoint> CommitSchedule::when() const {
  if (under_way_ || !due_) return std::nullopt;
  return not_before_ ? std::max(*due_, *not_before_) : *due_;
}

}  // namespace triggerd::checkpoint
