#include "scale/scaler.hpp"

#include <algorithm>

#include "scale/demand.hpp"

namespace triggerd::scale {
namespace {

bool says_how_many(Rule rule) {
  return rule == Rule::lag || rule == Rule::rate || rule == Rule::lag_seconds ||
         rule == Rule::even_distribution;
}

int sign(std::uint32_t target, std::uint32_t current) { return (target > current) - (target < current); }

}  // namespace

const Decision& Scaler::decide(const lag::Snapshot& snapshot, const Inputs& inputs, TimePoint now) {
  const auto& stuck = stuck_.update(snapshot, stuck_after(policy_.stuck_after, inputs.handler_p99));
  arrival_.update(snapshot);
  if (inputs.rate_handled) handling_.update(*inputs.rate_handled, inputs.busy, now);

  Decision d;
  d.first = d.now = now;
  d.current = inputs.current;
  d.evidence = sum_up(snapshot, stuck, policy_);
  d.evidence.rate_in = arrival_.value();
  d.evidence.rate_per_instance = handling_.value();
  d.evidence.in_flight = inputs.in_flight;
  d.evidence.active = d.evidence.lag_with_stuck > policy_.activation_lag_threshold || inputs.in_flight > 0;
  if (snapshot.taken)
    d.evidence.snapshot_age_seconds = std::chrono::duration<double>(now - *snapshot.taken).count();
  const auto held = why_hold(snapshot, d.evidence, now);
  if (held) d.evidence.active = true;  // as far as anybody knows
  if (!last_active_ || d.evidence.active) last_active_ = now;

  if (!stabilizer_.target())
    stabilizer_.hold(std::clamp(inputs.current, policy_.min_instances, policy_.max_instances), now);
  if (held) {
    d.reason = *held;
    hold(d, now);
  } else {
    d.wants = wants(d.evidence, policy_, inputs.current);
    d.cap = cap_of(d.evidence, policy_);
    follow(d, now);
  }
  if (manual_) {
    d.reason = Rule::manual;
    d.target = std::clamp(manual_->target, policy_.min_instances, policy_.max_instances);
    stabilizer_.force(d.target, now);
  }
  d.vote = sign(d.target, d.current);
  d.text = explain(d, policy_, manual_ ? manual_->by : "");
  remember(std::move(d));
  return history_.back();
}

std::optional<Rule> Scaler::why_hold(const lag::Snapshot& snapshot, const Evidence& evidence,
                                     TimePoint now) const {
  if (!snapshot.taken) return Rule::no_data_hold;
  if (now - *snapshot.taken > kStaleAfter * refresh_) return Rule::stale_hold;
  if (!evidence.complete) return Rule::incomplete_hold;
  return std::nullopt;
}

// Not below what there is: a machine that somebody else started is not stopped in the dark either.
void Scaler::hold(Decision& d, TimePoint now) {
  d.target = std::max(*stabilizer_.target(), std::min(d.current, policy_.max_instances));
  stabilizer_.hold(d.target, now);
}

void Scaler::follow(Decision& d, TimePoint now) {
  const std::uint32_t before = *stabilizer_.target();
  const bool active = d.evidence.active;
  const bool cooled = now - *last_active_ >= policy_.cooldown;
  Demand asked = demand(d.wants, d.evidence, d.cap, policy_);
  if (policy_.min_instances == 0 && !active && (cooled || before == 0)) asked = {0, Rule::idle_to_zero};
  if (active && asked.instances == 0) asked = {1, Rule::activation};
  if (asked.instances < policy_.min_instances) asked = {policy_.min_instances, Rule::min_instances};
  // Zero is for a trigger that has had nothing to do for long enough.
  const std::uint32_t least = before == 0 || (!active && cooled) ? 0 : 1;
  const auto told =
      stabilizer_.step(asked.instances, std::max(policy_.min_instances, least),
                       std::min(d.cap.value_or(policy_.max_instances), policy_.max_instances), now);
  d.target = told.target;
  d.reason = told.rule.value_or(asked.rule);
  if (asked.instances == 0 && !active && !cooled && d.target == 1) d.reason = Rule::cooldown;
  if (d.target == before && says_how_many(d.reason)) d.reason = Rule::steady;
}

void Scaler::remember(Decision decision) {
  if (!history_.empty() && same(history_.back(), decision)) {
    decision.first = history_.back().first;
    decision.count = history_.back().count + 1;
    history_.back() = std::move(decision);
    return;
  }
  history_.push_back(std::move(decision));
  if (history_.size() > kRemembered) history_.pop_front();
}

}  // namespace triggerd::scale
