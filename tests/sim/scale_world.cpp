#include "sim/scale_world.hpp"

#include <algorithm>
#include <cmath>

namespace triggerd::sim {
namespace {

using scale::Rule;
using std::chrono::seconds;

constexpr std::int64_t kShape = 900, kCalm = 1'800;  // seconds
constexpr std::int64_t kRefresh = 5;
// The way up, the way down, and once more each: a shape with its calm takes nine windows.
constexpr std::uint64_t kMostTurns = 5;
constexpr std::uint64_t kMostPoolTurns = 24;  // of one instance's processes, in a shape and its calm

TimePoint at(std::int64_t second) { return TimePoint{seconds(second)}; }

config::ScalePolicy any_policy(Random& random, double power) {
  config::ScalePolicy policy;
  policy.mode = random.chance(300) ? config::ScalePolicy::Mode::rate : config::ScalePolicy::Mode::lag;
  policy.min_instances = random.chance(500) ? 0 : random.between(1, 2);
  policy.max_instances = random.between(4, 16);
  policy.lag_threshold = static_cast<std::int64_t>(power * random.between(10, 40));
  if (random.chance(300)) policy.target_lag = seconds(random.between(20, 90));
  policy.limit_to_partitions_with_lag = random.chance(200);
  policy.even_distribution = !policy.limit_to_partitions_with_lag && random.chance(300);
  return policy;
}

}  // namespace

const char* name(Shape shape) {
  switch (shape) {
    case Shape::step: return "step";
    case Shape::ramp: return "ramp";
    case Shape::bursts: return "bursts";
    case Shape::stuck: return "stuck";
    case Shape::hot_key: return "hot_key";
    case Shape::outage: return "outage";
    case Shape::slow_handler: return "slow";
  }
  return "";
}

ScaleWorld::ScaleWorld(std::uint64_t seed)
    : random_(seed),
      speed_(random_.between(10, 100)),
      usual_speed_(speed_),
      most_processes_(random_.between(1, 3)),
      start_delay_(random_.between(10, 90)),
      rebalance_(random_.between(1, 8)),
      sources_(random_.between(4, 24)),
      scaler_(policy_ = any_policy(random_, speed_ * most_processes_), refresh_) {
  const Topic topic("orders");
  snapshot_.trigger = "orders";
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    lag::PartitionLag p;
    p.source = {topic, Partition{static_cast<std::int32_t>(i)}};
    snapshot_.partitions.push_back(p);
  }
  for (int i = 0; i < 3; ++i) shapes_.push_back(static_cast<Shape>(random_.between(0, 6)));
  const std::uint32_t most = std::min(policy_.max_instances, static_cast<std::uint32_t>(sources_.size()));
  const double processes =
      std::min(static_cast<double>(most) * most_processes_, static_cast<double>(sources_.size()));
  most_rate_ = 0.55 * speed_ * processes;
  // What one instance's first process can do at rest, or nothing at all.
  base_rate_ = policy_.min_instances == 0 ? 0 : 0.2 * speed_;
  follow(policy_.min_instances);
  for (Instance& instance : instances_) instance.ready_at = 0;
}

std::string ScaleWorld::describe() const {
  std::string text =
      std::to_string(sources_.size()) + " partitions, " + std::to_string(policy_.min_instances) + " to " +
      std::to_string(policy_.max_instances) + " instances of 1 to " + std::to_string(most_processes_) +
      " processes of " + std::to_string(std::lround(usual_speed_)) + "/s, threshold " +
      std::to_string(policy_.lag_threshold) + ", " + std::to_string(start_delay_) + " s to start; ";
  text += policy_.mode == config::ScalePolicy::Mode::rate ? "by rate:" : "by lag:";
  for (const Shape shape : shapes_) text += std::string(" ") + name(shape);
  return text;
}

void ScaleWorld::fail(const std::string& what) const {
  throw ScaleViolation(std::string(name(shape_)) + (calm_ ? " (calm)" : "") + " at " + std::to_string(now_) +
                       " s: " + what);
}

std::uint32_t ScaleWorld::ready() const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(instances_, [&](const Instance& i) { return i.ready_at <= now_; }));
}

double ScaleWorld::lag() const {
  double sum = 0;
  for (const Source& source : sources_) sum += source.end - source.committed;
  return sum;
}

void ScaleWorld::run(ScaleTally& tally) {
  for (const Shape shape : shapes_) play(shape, tally);
  ++tally.seeds;
  tally.seconds += static_cast<std::uint64_t>(now_);
}

void ScaleWorld::begin(Shape shape) {
  shape_ = shape;
  calm_ = false;
  turns_ = 0;
  direction_ = 0;
  held_ = target_;
  for (Instance& instance : instances_) instance.turns = 0;
  for (Source& source : sources_) source.weight = 1;
  if (shape == Shape::stuck) sources_[0].stands = true;
  // Half of what comes: as much as its one handler can do.
  if (shape == Shape::hot_key) sources_[0].weight = static_cast<double>(sources_.size()) - 1;
  if (shape == Shape::slow_handler) speed_ = usual_speed_ / 4;
}

double ScaleWorld::rate_of(Shape shape, std::int64_t second, std::int64_t lasts) const {
  switch (shape) {
    case Shape::step: return most_rate_;
    case Shape::ramp: return most_rate_ * static_cast<double>(second) / static_cast<double>(lasts);
    case Shape::bursts: return second % 120 < 30 ? most_rate_ : base_rate_;
    case Shape::stuck: return most_rate_ / 2;
    case Shape::hot_key: return std::min(1.1 * speed_, most_rate_);
    case Shape::outage: return second < 300 ? most_rate_ : most_rate_ / 3;
    case Shape::slow_handler: return most_rate_ / 4;
  }
  return 0;
}

void ScaleWorld::play(Shape shape, ScaleTally& tally) {
  begin(shape);
  ++tally.shapes[shape];
  const bool brokers_too = random_.chance(500);
  for (std::int64_t s = 0; s < kShape; ++s) {
    const bool dark = shape == Shape::outage && s >= 300 && s < 750;
    if (dark && !dark_) held_ = target_;
    dark_ = dark;
    brokers_down_ = dark && brokers_too;
    second(rate_of(shape, s, kShape), tally);
  }
  dark_ = brokers_down_ = false;
  calm_ = true;
  for (Source& source : sources_) {
    source.stands = false;
    source.weight = 1;
  }
  speed_ = usual_speed_;
  for (std::int64_t s = 0; s < kCalm; ++s) second(base_rate_, tally);
  if (lag() > 2 * base_rate_ + 1) fail("lag does not go: " + std::to_string(std::lround(lag())));
  tally.turns += turns_;
  tally.most_turns = std::max(tally.most_turns, turns_);
  for (const Instance& instance : instances_) tally.pool_turns += instance.turns;
}

void ScaleWorld::second(double rate, ScaleTally& tally) {
  double weights = 0;
  for (const Source& source : sources_) weights += source.weight;
  if (!brokers_down_)
    for (Source& source : sources_) source.end += rate * source.weight / weights;
  assign();
  for (Instance& instance : instances_) {
    if (instance.ready_at > now_) continue;
    handle(instance);
    resize(instance, tally);
  }
  if (now_ % kRefresh == 0) decide(tally);
  ++now_;
}

// Partitions in turn over the instances that are there; one that changes hands is read after a while.
void ScaleWorld::assign() {
  std::vector<int> there;
  for (const Instance& instance : instances_)
    if (instance.ready_at <= now_) there.push_back(instance.id);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const int owner = there.empty() ? -1 : there[i % there.size()];
    if (owner == sources_[i].owner) continue;
    sources_[i].owner = owner;
    sources_[i].reads_from = now_ + rebalance_;
  }
}

// One process for each partition at a time: order.
void ScaleWorld::handle(Instance& instance) {
  if (now_ >= instance.processes_ready_at) instance.ready = instance.processes;
  const double power = instance.ready * speed_;
  double budget = power;
  instance.waiting = 0;
  for (Source& source : sources_) {
    if (source.owner != instance.id || source.stands) continue;
    const double lag = source.end - source.committed;
    const bool readable = now_ >= source.reads_from && !brokers_down_;
    const double done = readable ? std::min({lag, speed_, budget}) : 0;
    if (done > 0) source.moved = now_;
    source.committed += done;
    budget -= done;
    if (readable) instance.waiting += lag - done;
  }
  instance.handled = power - budget;
  instance.busy = instance.handled / power;
  handled_ += instance.handled;
  busy_ += instance.busy;
}

void ScaleWorld::resize(Instance& instance, ScaleTally& tally) {
  scale::PoolInputs in;
  in.wanted = instance.processes;
  in.ready = instance.ready;
  in.busy = instance.busy;
  in.waiting = static_cast<std::uint64_t>(instance.waiting);
  in.rate = instance.handled;
  in.useful = static_cast<std::uint32_t>(
      std::ranges::count_if(sources_, [&](const Source& s) { return s.owner == instance.id; }));
  const scale::PoolDecision d = instance.pool.decide(in, at(now_));
  ++tally.pool_rules[d.rule];
  if (d.target < 1 || d.target > most_processes_) fail("a pool of " + std::to_string(d.target));
  if (d.target == instance.processes) return;
  const int direction = d.target > instance.processes ? 1 : -1;
  if (instance.direction != 0 && direction != instance.direction) ++instance.turns;
  if (instance.turns > kMostPoolTurns) fail("a pool flaps: " + d.text);
  instance.direction = direction;
  if (direction > 0) instance.processes_ready_at = now_ + 2;
  instance.processes = d.target;
  instance.ready = std::min(instance.ready, d.target);
}

void ScaleWorld::decide(ScaleTally& tally) {
  snapshot_.complete = !dark_;
  if (!dark_) snapshot_.taken = at(now_);
  for (std::size_t i = 0; i < sources_.size() && !dark_; ++i) {
    const Source& source = sources_[i];
    lag::PartitionLag& p = snapshot_.partitions[i];
    p.end = Offset{std::llround(std::floor(source.end))};
    p.committed = p.base = Offset{std::llround(std::floor(source.committed))};
    p.lag = p.end->value - p.base->value;
    p.moved = at(source.moved);
    p.sampled = at(now_);
    p.behind = seconds(*p.lag > 0 ? now_ - source.moved : 0);
    p.owner = source.owner < 0 ? lag::Owner::nobody : lag::Owner::us;
  }
  scale::Inputs inputs;
  inputs.current = ready();
  if (inputs.current > 0) {
    inputs.rate_handled = handled_ / kRefresh / inputs.current;
    inputs.busy = busy_ / kRefresh / inputs.current;
  }
  handled_ = busy_ = 0;
  const scale::Decision& decision = scaler_.decide(snapshot_, inputs, at(now_));
  ++tally.rules[decision.reason];
  if (decision.evidence.stuck_partitions > 0) ++tally.stuck_seen;
  check(decision);
  follow(decision.target);
  if (now_ % 30 == 0) draw(decision);
}

void ScaleWorld::check(const scale::Decision& d) {
  if (d.target < policy_.min_instances || d.target > policy_.max_instances)
    fail("out of its bounds: " + d.text);
  if (dark_ && d.target < held_) fail("down in the dark: " + d.text);
  if (dark_ && d.reason != Rule::incomplete_hold && d.reason != Rule::stale_hold) fail("no hold: " + d.text);
  if (d.target == 0 && d.evidence.lag_with_stuck > 0 && d.evidence.complete)
    fail("none, with work: " + d.text);
  if (d.target != target_) {
    const int direction = d.target > target_ ? 1 : -1;
    if (direction_ != 0 && direction != direction_) ++turns_;
    direction_ = direction;
    if (turns_ > kMostTurns) fail("flaps: " + d.text);
  }
  target_ = d.target;
}

// Whoever starts machines does at once what is asked; the newest goes first.
void ScaleWorld::follow(std::uint32_t target) {
  while (instances_.size() > target) instances_.pop_back();
  while (instances_.size() < target)
    instances_.push_back({now_ + start_delay_, next_id_++, scale::PoolSize(1, most_processes_)});
}

void ScaleWorld::draw(const scale::Decision& d) {
  const std::uint32_t there = ready();
  const auto padded = [](std::string text, std::size_t width) {
    return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
  };
  std::uint32_t processes = 0;
  for (const Instance& instance : instances_) processes += instance.ready_at <= now_ ? instance.ready : 0;
  picture_ +=
      padded(std::to_string(now_), 6) + padded(calm_ ? "calm" : name(shape_), 9) + "lag " +
      padded(std::to_string(std::lround(lag())), 8) + "|" +
      padded(std::string(there, '#') +
                 std::string(instances_.size() - std::min<std::size_t>(there, instances_.size()), '+'),
             policy_.max_instances) +
      "| " + padded(std::to_string(processes) + " processes", 14) + name(d.reason) + "\n";
}

}  // namespace triggerd::sim
