// The lag of every trigger's whole group, and how many instances its work needs. Shell: a lag source for each
// cluster, statuses and snapshots in, scale::Scaler decides.
//
// An instance is a daemon with this fleet file; how many there are is what the group says of its members,
// else what a scale controller said when it asked last, else one. The decision is only told (/scale/NAME,
// metrics, /admin/host/scale/status): something else starts and stops machines.
//
// Thread: the control loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/schema.hpp"
#include "kafka/lag_source.hpp"
#include "scale/scaler.hpp"
#include "scale/votes.hpp"
#include "trigger/status.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::trigger {

struct ScaleLoopSpec {
  std::vector<config::Trigger> triggers;
  Duration interval = std::chrono::seconds(5);  // from refresh to refresh
};

// What is known of one trigger.
struct Outlook {
  lag::Snapshot snapshot;
  scale::Decision decision;
};

struct ScaleLoopSink {
  std::function<void(const Outlook&)> outlook;  // after each refresh, of each trigger
  std::function<void(const std::string& cluster, const kafka::LagRefresh&)> refreshed;
};

class ScaleLoop {
 public:
  ScaleLoop(boost::asio::io_context& control, ScaleLoopSpec spec, ScaleLoopSink sink);
  ~ScaleLoop();  // done() of close() has come, or start() was never called
  ScaleLoop(const ScaleLoop&) = delete;
  ScaleLoop& operator=(const ScaleLoop&) = delete;

  void start();
  void took(const Status& status);
  // Triggers whose connection has changed.
  void renew(const std::vector<config::Trigger>& triggers);
  void close(std::function<void()> done);

  // Nullptr: there is no such trigger, or nothing has been decided yet.
  const Outlook* outlook(const std::string& trigger) const;
  // Why the trigger's lag is not known yet, in a sentence; empty: it is, or was.
  std::string unknown(const std::string& trigger) const;
  // What the lag source that serves the trigger is called, once started: its cluster, or the first trigger of
  // those that carry the same connection.
  const std::string& cluster(const std::string& trigger) const;
  // The last hundred, oldest first.
  const std::deque<scale::Decision>* decisions(const std::string& trigger) const;
  // Sets the target, until it is taken back; false: there is no such trigger.
  bool set_manual(const std::string& trigger, std::optional<scale::Manual> manual);
  // The original's answer to a controller that counts so many instances: by targets, or by votes. Nothing
  // while no trigger's lag is known.
  std::optional<scale::HostStatus> host_status(std::int64_t workers, bool by_targets);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::trigger
