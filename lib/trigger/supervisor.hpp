// The fleet: runners spread over event loops, their statuses collected, their end awaited. Shell.
//
// Thread: everything on the control loop it is given. Runners live on loops of their own; between the loops
// only values and jobs are posted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/renewal.hpp"
#include "config/schema.hpp"
#include "pipeline/event.hpp"
#include "trigger/status.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::worker {
class CgroupTree;
}

namespace triggerd::trigger {

struct SupervisorSpec {
  std::vector<config::Trigger> triggers;
  std::string daemon;                     // "triggerd/0.1.0"
  std::string sdk_python_path;            // of the bundled Python SDK; empty: none
  std::uint64_t max_in_flight_bytes = 0;  // of all triggers together; 0: each has its own limit only
  std::string state_directory;            // of the triggers' journals; empty: none
  worker::CgroupTree* cgroups = nullptr;  // outlives the supervisor; null: no control groups for workers
  unsigned loops = 0;                     // 0: one per core, never more than triggers
  std::uint64_t seed = 0;
};

struct SupervisorSink {
  std::function<void(const Status&)> status;                                   // on the control loop
  std::function<void(const std::string& trigger, std::size_t records)> batch;  // on the trigger's loop
  std::function<void(const std::string& trigger, Duration)> commit;            // on the trigger's loop
};

class Supervisor {
 public:
  Supervisor(boost::asio::io_context& control, SupervisorSpec spec, SupervisorSink sink);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void start();
  // Asks the trigger to give up a record that holds up its lane; false: there is no such trigger.
  bool skip(const std::string& trigger, pipeline::Skip skip);
  // How many worker processes the trigger is to keep.
  void resize(const std::string& trigger, std::uint32_t processes);
  // The connection that the trigger's clients take over (Runner::renew).
  void renew(const std::string& trigger, const config::Connection& connection, config::Renewal how);
  // A new status of the trigger comes soon, though nothing may have happened.
  void report(const std::string& trigger);
  // Each trigger drains by itself; `done` once all have. A second call brings the deadline forward.
  void drain(TimePoint deadline, std::function<void()> done);
  // Starts the triggers again, all of which have drained.
  void resume();
  // `alive` once every loop has taken a turn: what feeds the watchdog. Nothing where they still have to since
  // the last call.
  void probe_loops(std::function<void()> alive);
  // The newest status of each trigger, by name.
  const std::map<std::string, Status>& statuses() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::trigger
