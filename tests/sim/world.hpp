// What broker, workers and the run itself share.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "pipeline/pipeline.hpp"
#include "sim/oracle.hpp"
#include "sim/random.hpp"
#include "sim/scenario.hpp"
#include "sim/schedule.hpp"

namespace triggerd::sim {

// The last things that happened; kept only where somebody will read them.
class Trace {
 public:
  explicit Trace(std::size_t most) : most_(most) {}
  bool on() const { return most_ > 0; }
  void add(TimePoint now, std::string line) {
    using std::chrono::microseconds;
    const auto us = std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count();
    lines_.push_back(std::to_string(us / 1000) + "." + std::to_string(us % 1000 / 100) + "ms " +
                     std::move(line));
    if (lines_.size() > most_) lines_.pop_front();
  }
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  std::size_t most_;
  std::deque<std::string> lines_;
};

struct World {
  World(std::uint64_t seed, std::size_t trace_lines)
      : random(seed),
        scenario(make_scenario(seed, random)),
        oracle(scenario, scenario.logs),
        trace(trace_lines) {}

  Schedule schedule;
  Random random;
  Scenario scenario;
  Oracle oracle;
  Trace trace;
  std::uint64_t invocations = 0;
  std::function<void(const pipeline::Event&)> feed;  // to the pipeline that lives now

  TimePoint now() const { return schedule.now(); }
  bool trouble() const { return now() < TimePoint{} + scenario.trouble; }
  // Something goes wrong, here and now.
  bool fault(std::uint32_t per_mille) {
    return scenario.stormy() && trouble() && random.chance(per_mille * scenario.roughness);
  }
  Duration upto(Duration most) { return random.between(Duration::zero(), most); }
};

}  // namespace triggerd::sim
