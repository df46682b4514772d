// The places of a pool: how many processes it is to have. Shell, for its timers.
//
// Thread: the trigger's event loop.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/types.hpp"
#include "worker/restart.hpp"

namespace triggerd::worker {

class Roster;

// For one process; when it ends, another takes the place.
struct Place {
  Place(boost::asio::io_context& loop, const Timings& timings) : delay(timings), timer(loop) {}
  std::optional<WorkerId> worker;
  bool retired = false;  // the pool is to be smaller: no process takes it
  bool backing_off = false;
  bool failed = false;  // its last process did: the next start is a restart
  RestartDelay delay;
  boost::asio::steady_timer timer;  // of the back-off; while a worker is there, of its becoming healthy
};

class Places {
 public:
  Places(boost::asio::io_context& loop, const Timings& timings) : loop_(loop), timings_(timings) {}

  // Those that are not retired.
  std::uint32_t wanted() const;
  // Until so many are wanted: retired ones first.
  void grow(std::uint32_t processes);
  // The one that is missed least: one without a process, else one whose process is not ready, else the
  // newest; never `busy`.
  Place* spare(Roster& roster, const Place* busy);

  auto begin() { return places_.begin(); }
  auto end() { return places_.end(); }
  auto begin() const { return places_.begin(); }
  auto end() const { return places_.end(); }

 private:
  boost::asio::io_context& loop_;
  const Timings& timings_;
  std::deque<Place> places_;  // handlers keep references: it only grows
};

}  // namespace triggerd::worker
