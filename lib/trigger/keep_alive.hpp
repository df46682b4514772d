// Whether every event loop turns: what feeds the watchdog. Pure.
//
// Loops are asked in rounds, one at a time: a loop that hangs has one question waiting, not one for each
// beat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.hpp"

namespace triggerd::trigger {

class KeepAlive {
 public:
  explicit KeepAlive(std::size_t loops) : answered_(loops, true) {}

  // Begins a round: the number that each loop is to answer with. nullopt: some have yet to answer the last.
  std::optional<std::uint64_t> ask(TimePoint now);
  // The loop has taken a turn. True for the last one of the round: all have, since it began.
  bool turned(std::uint64_t round, std::size_t loop);
  // Those that have not answered for so long, each told once a round.
  std::vector<std::size_t> stuck(TimePoint now, Duration patience);

 private:
  bool complete() const;

  std::vector<bool> answered_;  // the round under way, by loop
  std::uint64_t round_ = 0;
  TimePoint asked_{};
  bool told_ = false;
};

}  // namespace triggerd::trigger
