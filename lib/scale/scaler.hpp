// How many instances a trigger's work needs: one decision per refresh of its lag, each with its reason. Pure.
//
// An instance is a VM that runs this fleet file: a member of the trigger's group. demand.hpp says what is
// asked for, stabilizer.hpp how fast it is followed. What is not known is never taken for no lag: while the
// snapshot is missing, old or incomplete the last target stands, and is never below what there is.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "config/schema.hpp"
#include "lag/snapshot.hpp"
#include "scale/decision.hpp"
#include "scale/rates.hpp"
#include "scale/stabilizer.hpp"
#include "scale/stuck.hpp"

namespace triggerd::scale {

// What the snapshot does not say. The rate at which records come in is taken from the snapshots.
struct Inputs {
  std::uint32_t current = 1;                // instances there are
  std::uint64_t in_flight = 0;              // records at workers, here or as far as known
  std::optional<double> rate_handled = {};  // records a second per instance since the last decision …
  double busy = 0;                          // … and the share of that time its workers had work, 0 … 1
  Duration handler_p99 = {};
};

struct Manual {
  std::uint32_t target;
  std::string by;
  bool operator==(const Manual&) const = default;
};

class Scaler {
 public:
  static constexpr std::size_t kRemembered = 100;  // decisions
  static constexpr int kStaleAfter = 3;            // refreshes

  Scaler(const config::ScalePolicy& policy, Duration refresh)
      : policy_(policy), refresh_(refresh), stabilizer_(policy.scale_down_window, {}) {}

  // `now` never goes back. The reference holds until the next call.
  const Decision& decide(const lag::Snapshot& snapshot, const Inputs& inputs, TimePoint now);
  // Stands until it is taken back, within minInstances and maxInstances, whatever the lag.
  void set_manual(std::optional<Manual> manual) { manual_ = std::move(manual); }

  const std::optional<Manual>& manual() const { return manual_; }
  const std::deque<Decision>& history() const { return history_; }  // oldest first

 private:
  std::optional<Rule> why_hold(const lag::Snapshot& snapshot, const Evidence& evidence, TimePoint now) const;
  void hold(Decision& decision, TimePoint now);
  void follow(Decision& decision, TimePoint now);
  void remember(Decision decision);

  config::ScalePolicy policy_;
  Duration refresh_;
  StuckPartitions stuck_;
  ArrivalRate arrival_;
  HandlingRate handling_;
  Stabilizer stabilizer_;
  std::optional<TimePoint> last_active_;  // when there was work last, or might have been
  std::optional<Manual> manual_;
  std::deque<Decision> history_;
};

}  // namespace triggerd::scale
