// One seed: a pipeline between a fake broker and fake workers, in virtual time that only the schedule moves.
// The pipeline hears a Tick only where it asked for one with WakeAt.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/fake_broker.hpp"
#include "sim/fake_worker.hpp"
#include "sim/world.hpp"

namespace triggerd::sim {

// What all seeds of a run did together: a simulation in which nothing happens proves nothing.
struct Tally {
  std::uint64_t seeds = 0, steps = 0, records = 0;
  std::uint64_t handled_again = 0, retries = 0, commits = 0, commits_failed = 0;
  std::uint64_t revokes = 0, revokes_timed_out = 0, workers_lost = 0, attempts_timed_out = 0;
  std::uint64_t drains = 0, blocked = 0, stops_reading = 0, stale = 0, released = 0;
  std::uint64_t dead_letters = 0, dropped = 0, skipped = 0, alarms = 0, full = 0, pauses = 0;
  std::uint64_t suspects = 0, done_before = 0;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, std::size_t trace_lines) : world_(seed, trace_lines), broker_(world_) {}

  // Throws Violation.
  void run(Tally& tally);
  const World& world() const { return world_; }

 private:
  void begin_daemon();
  void end_daemon();
  void restart_later();
  void spawn_later();
  void drain(Duration within);
  void feed(const pipeline::Event& event);
  void tell_oracle(const pipeline::Event& event);
  void perform(const pipeline::Action& action);
  void perform(const pipeline::Send& action);
  void perform(const pipeline::Notice& notice);
  void wake_at(TimePoint time);
  void check_over();
  void count(Tally& tally) const;

  World world_;
  FakeBroker broker_;
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  std::map<WorkerId, std::shared_ptr<FakeWorker>> workers_;
  std::deque<std::shared_ptr<FakeWorker>> departed_;  // one may be on the stack that told of its end
  std::uint32_t next_worker_ = 1;
  std::uint64_t life_ = 0;
  std::uint64_t wake_ = 0;  // number of the last WakeAt
  std::uint64_t steps_ = 0;
  Tally counted_;
};

}  // namespace triggerd::sim
