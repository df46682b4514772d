// What a trigger's workers did from one status to the next. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "trigger/status.hpp"

namespace triggerd::trigger {

struct Load {
  double handled = 0;  // records settled a second
  double busy = 0;     // share of the time its ready workers had work, 0 … 1
};

// What is kept of a status to compare the next with.
class LoadMeter {
 public:
  explicit LoadMeter(Duration least) : least_(least) {}

  // Nothing before `least` has passed since the last answer, and when the trigger has begun anew.
  std::optional<Load> took(const Status& status) {
    if (!last_) {
      last_ = At{status.at, status.busy, status.stats.settled()};
      return std::nullopt;
    }
    const Duration passed = status.at - last_->time;
    if (passed < least_) return std::nullopt;
    const At before = *last_;
    last_ = At{status.at, status.busy, status.stats.settled()};
    if (status.busy < before.busy || status.stats.settled() < before.settled) return std::nullopt;
    const double seconds = std::chrono::duration<double>(passed).count();
    const double worked = std::chrono::duration<double>(status.busy - before.busy).count();
    const double workers = std::max(status.pool.ready, 1U);
    return Load{static_cast<double>(status.stats.settled() - before.settled) / seconds,
                std::min(worked / (seconds * workers), 1.0)};
  }

 private:
  struct At {
    TimePoint time;
    Duration busy;
    std::uint64_t settled;
  };
  Duration least_;
  std::optional<At> last_;
};

}  // namespace triggerd::trigger
