#include "scale/stabilizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace triggerd::scale {

void Stabilizer::ask(std::uint32_t value, TimePoint now) {
  while (!asked_.empty() && asked_.back().value <= value) asked_.pop_back();
  asked_.push_back({now, value});
  while (now - asked_.front().time > window_) asked_.pop_front();
}

void Stabilizer::tell(std::uint32_t value, TimePoint now) {
  if (!target_ || *target_ != value) told_.push_back({now, value});
  target_ = value;
  const Duration period = std::max(limits_.up_period, limits_.down_period);
  while (told_.size() > 1 && now - told_[1].time >= period) told_.pop_front();
}

// Counted from the fewest there were within the period. 0 is passed over: the step from it has no limit.
std::uint32_t Stabilizer::most_up(TimePoint now) const {
  std::uint32_t base = *target_;
  for (std::size_t i = 0; i < told_.size(); ++i) {
    const bool in_force = i + 1 == told_.size() || now - told_[i + 1].time < limits_.up_period;
    if (in_force && told_[i].value > 0) base = std::min(base, told_[i].value);
  }
  if (base == 0) return std::numeric_limits<std::uint32_t>::max();
  return base + std::max(limits_.up_by, static_cast<std::uint32_t>(base * limits_.up_share));
}

// Counted from the most there were within the period.
std::uint32_t Stabilizer::least_down(TimePoint now) const {
  std::uint32_t base = *target_;
  for (std::size_t i = 0; i < told_.size(); ++i)
    if (i + 1 == told_.size() || now - told_[i + 1].time < limits_.down_period)
      base = std::max(base, told_[i].value);
  const auto step = static_cast<std::uint32_t>(base * limits_.down_share);
  return base - std::max(step, std::min(base, 1U));
}

Stabilized Stabilizer::step(std::uint32_t asked, std::uint32_t low, std::uint32_t high, TimePoint now) {
  const std::uint32_t before = *target_;
  ask(asked, now);
  Stabilized result{asked, std::nullopt};
  const double difference = std::abs(static_cast<double>(asked) - static_cast<double>(before));
  const bool at_an_end = asked <= std::max(low, 1U) || asked == high;
  if (difference > 0 && difference < limits_.tolerance * before && !at_an_end) {
    result = {before, Rule::tolerance};
  } else if (asked > before) {
    if (asked > most_up(now)) result = {std::max(most_up(now), before), Rule::step_limit};
  } else if (asked < before) {
    const std::uint32_t recently = std::min(asked_.front().value, before);
    if (recently > asked) result = {recently, Rule::scale_down_window};
    if (result.target < least_down(now)) result = {std::min(least_down(now), before), Rule::step_limit};
  }
  if (result.target < low) result = {low, Rule::cooldown};
  tell(result.target, now);
  return result;
}

void Stabilizer::hold(std::uint32_t target, TimePoint now) {
  ask(target, now);
  tell(target, now);
}

}  // namespace triggerd::scale
