// A fleet of instances in virtual time, with the scaler and the pools' sizing in the loop: what scale/
// decides starts and stops instances and processes, which changes the lag, from which it decides again.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "scale/pool_size.hpp"
#include "scale/scaler.hpp"
#include "sim/random.hpp"

namespace triggerd::sim {

struct ScaleViolation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What happens for a while, before everything is calm again.
enum class Shape { step, ramp, bursts, stuck, hot_key, outage, slow_handler };
const char* name(Shape shape);

struct ScaleTally {
  std::uint64_t seeds = 0, seconds = 0, turns = 0, pool_turns = 0, most_turns = 0;
  std::map<scale::Rule, std::uint64_t> rules;
  std::map<scale::PoolRule, std::uint64_t> pool_rules;
  std::map<Shape, std::uint64_t> shapes;
  std::uint64_t stuck_seen = 0;
};

class ScaleWorld {
 public:
  explicit ScaleWorld(std::uint64_t seed);

  // Throws ScaleViolation.
  void run(ScaleTally& tally);
  // Instances and lag over time, a line for each half minute.
  const std::string& picture() const { return picture_; }
  std::string describe() const;

 private:
  struct Source {
    double end = 0, committed = 0;  // records
    double weight = 1;              // its share of what comes
    bool stands = false;            // its handler never ends
    std::int64_t moved = 0;         // second
    std::int64_t reads_from = 0;    // second: not before, while it changes hands
    int owner = -1;
  };
  struct Instance {
    std::int64_t ready_at;
    int id;
    scale::PoolSize pool;
    std::uint32_t processes = 1, ready = 1;
    std::int64_t processes_ready_at = 0;
    double handled = 0, busy = 0, waiting = 0;  // in the last second; at its end
    int direction = 0;
    std::uint64_t turns = 0;
  };

  void play(Shape shape, ScaleTally& tally);
  void second(double rate, ScaleTally& tally);
  void handle(Instance& instance);
  void assign();
  void resize(Instance& instance, ScaleTally& tally);
  void decide(ScaleTally& tally);
  void follow(std::uint32_t target);
  void begin(Shape shape);
  double rate_of(Shape shape, std::int64_t second, std::int64_t lasts) const;
  std::uint32_t ready() const;
  double lag() const;
  void check(const scale::Decision& decision);
  void draw(const scale::Decision& decision);
  [[noreturn]] void fail(const std::string& what) const;

  Random random_;
  config::ScalePolicy policy_;
  double speed_, usual_speed_;  // records a second of one process
  std::uint32_t most_processes_;
  Duration refresh_ = std::chrono::seconds(5);
  std::int64_t start_delay_, rebalance_;  // seconds
  std::vector<Shape> shapes_;
  std::vector<Source> sources_;
  std::vector<Instance> instances_;
  scale::Scaler scaler_;
  lag::Snapshot snapshot_;
  std::int64_t now_ = 0;
  int next_id_ = 0;
  bool dark_ = false, brokers_down_ = false;
  double base_rate_ = 0, most_rate_ = 0;
  double handled_ = 0, busy_ = 0;  // since the last decision; busy of each instance summed
  std::uint32_t target_ = 0, held_ = 0;
  int direction_ = 0;
  std::uint64_t turns_ = 0;  // of the target, in this shape
  Shape shape_ = Shape::step;
  bool calm_ = false;
  std::string picture_;
};

}  // namespace triggerd::sim
