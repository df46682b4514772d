#include "lag/condition.hpp"

#include <algorithm>

namespace triggerd::lag {

const char* name(Condition condition) {
  switch (condition) {
    case Condition::ok: break;
    case Condition::warning: return "warning";
    case Condition::stalled: return "stalled";
    case Condition::stopped: return "stopped";
    case Condition::rewound: return "rewound";
  }
  return "ok";
}

Condition worse(Condition a, Condition b) {
  const auto rank = [](Condition c) {
    switch (c) {
      case Condition::ok: break;
      case Condition::warning: return 1;
      case Condition::rewound: return 2;
      case Condition::stalled: return 3;
      case Condition::stopped: return 4;
    }
    return 0;
  };
  return rank(b) > rank(a) ? b : a;
}

void Window::note(Offset base, std::int64_t lag) {
  if (samples_.size() == kIntervals) samples_.pop_front();
  samples_.push_back({base, lag});
}

Condition Window::condition(Owner owner) const {
  if (samples_.empty() || samples_.back().lag == 0) return Condition::ok;
  const Offset base = samples_.back().base;
  if (std::ranges::any_of(samples_, [base](const Sample& s) { return s.base > base; }))
    return Condition::rewound;
  const bool whole = samples_.size() == kIntervals;
  if (!whole || std::ranges::any_of(samples_, [](const Sample& s) { return s.lag == 0; }))
    return Condition::ok;
  if (samples_.front().base == base) return owner == Owner::nobody ? Condition::stopped : Condition::stalled;
  const auto shrank = [](const Sample& before, const Sample& after) { return after.lag < before.lag; };
  return std::ranges::adjacent_find(samples_, shrank) == samples_.end() ? Condition::warning : Condition::ok;
}

}  // namespace triggerd::lag
