// From what is asked for now to what is told: steps, windows, tolerance, so that a number that wavers does
// not start and stop machines. Pure.
//
// HPA's terms (behavior, stabilizationWindowSeconds, tolerance). Up: at once from 0, else by at most 4 or as
// many again within 15 s. Down: to the most asked for within the window, and by at most half within 60 s.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.hpp"
#include "scale/decision.hpp"

namespace triggerd::scale {

struct StepLimits {
  std::uint32_t up_by = 4;
  double up_share = 1.0;  // the greater of the two holds
  Duration up_period = std::chrono::seconds(15);
  double down_share = 0.5;
  Duration down_period = std::chrono::seconds(60);
  double tolerance = 0.1;
};

struct Stabilized {
  std::uint32_t target;
  std::optional<Rule> rule;  // what kept it from being what is asked for
};

class Stabilizer {
 public:
  Stabilizer(Duration down_window, const StepLimits& limits) : window_(down_window), limits_(limits) {}

  // After a hold() or force(), which say where it begins. Never tells less than `low`. `high`: what may be
  // asked for at most; a difference that ends at either, or at 0 or 1, is never too small.
  Stabilized step(std::uint32_t asked, std::uint32_t low, std::uint32_t high, TimePoint now);
  // Nothing is known: what stands counts as asked for.
  void hold(std::uint32_t target, TimePoint now);
  // Somebody else sets the target; what was asked for is still remembered.
  void force(std::uint32_t target, TimePoint now) { tell(target, now); }

  std::optional<std::uint32_t> target() const { return target_; }

 private:
  struct At {
    TimePoint time;
    std::uint32_t value;
  };
  void ask(std::uint32_t value, TimePoint now);
  void tell(std::uint32_t value, TimePoint now);
  std::uint32_t most_up(TimePoint now) const;
  std::uint32_t least_down(TimePoint now) const;

  Duration window_;
  StepLimits limits_;
  std::optional<std::uint32_t> target_;
  std::deque<At> asked_;  // within the window, falling: what a later greater one hides is gone
  std::deque<At> told_;   // changes of the target, and the one in force when the longer period began
};

}  // namespace triggerd::scale
