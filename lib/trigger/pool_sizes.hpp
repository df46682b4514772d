// Keeps each trigger's worker processes as many as its work needs, where the fleet file gives a range.
// Shell: statuses in, scale::PoolSize decides, a resize out.
//
// Thread: the control loop. A trigger without a range costs nothing here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "config/schema.hpp"
#include "scale/pool_size.hpp"
#include "trigger/load.hpp"
#include "trigger/status.hpp"
#include "worker/memory.hpp"

namespace triggerd::trigger {

class PoolSizes {
 public:
  struct Sink {
    std::function<void(const std::string& trigger)> report;  // asks for a status soon
    std::function<void(const std::string& trigger, std::uint32_t processes)> resize;
  };

  // Bytes that processes may still take; nullopt: not known.
  using FreeMemory = std::function<std::optional<std::uint64_t>()>;

  PoolSizes(boost::asio::io_context& control, const std::vector<config::Trigger>& triggers, Sink sink,
            FreeMemory free_memory = worker::free_memory);

  void start();
  void stop();
  void took(const Status& status);
  // The newest decision; nullptr: the trigger has no range, or none was made yet.
  const scale::PoolDecision* decision(const std::string& trigger) const;

 private:
  struct Sized {
    config::Ordering ordering;
    scale::PoolSize size;
    LoadMeter meter;
    std::optional<scale::PoolDecision> last = {};
    std::uint64_t promised_bytes = 0;  // that its processes on their way will take
  };
  void beat();
  std::optional<std::uint64_t> unpromised_memory() const;

  boost::asio::steady_timer timer_;
  Sink sink_;
  FreeMemory free_memory_;
  std::map<std::string, Sized> sized_;
};

}  // namespace triggerd::trigger
