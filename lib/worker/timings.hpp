// How long things may take in a worker's life. Tests make them short; nobody else changes them.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.hpp"

namespace triggerd::worker {

struct Timings {
  // Back-off between a loss and the next start; see restart.hpp.
  Duration restart_first = std::chrono::milliseconds(200);
  Duration restart_most = std::chrono::seconds(30);
  Duration quick_exit = std::chrono::seconds(10);
  Duration healthy_after = std::chrono::seconds(60);
  // An idle worker that has been silent for so long is pinged, and ended where nothing comes back.
  Duration ping_after = std::chrono::seconds(15);
  Duration pong_within = std::chrono::seconds(15);
  Duration kill_after_term = std::chrono::seconds(1);
  Duration exit_after_close =
      std::chrono::seconds(2);  // the session ended: the process may still write its last lines
  Duration give_up_after = std::chrono::seconds(10);  // killed, but stuck in the kernel: count it as gone
  Duration memory_every = std::chrono::seconds(1);    // is what the workers take of it read
  std::uint32_t starting_at_once = 4;                 // processes of one trigger between spawn and Hello
};

}  // namespace triggerd::worker
