// Virtual time: what happens next, and when. Nothing moves the clock but this.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace triggerd::sim {

class Schedule {
 public:
  TimePoint now() const { return now_; }

  // At one time, first asked is first done.
  void at(TimePoint time, std::function<void()> what) {
    steps_.push({time < now_ ? now_ : time, next_++, std::move(what)});
  }
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  // Does the next thing; false where there is none.
  bool step() {
    if (steps_.empty()) return false;
    // priority_queue only lends its top as const; the step is popped right away.
    Step step = std::move(const_cast<Step&>(steps_.top()));
    steps_.pop();
    now_ = step.time;
    step.what();
    return true;
  }

 private:
  struct Step {
    TimePoint time;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Step& other) const {
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  TimePoint now_{};
  std::uint64_t next_ = 0;
  std::priority_queue<Step> steps_;
};

}  // namespace triggerd::sim
