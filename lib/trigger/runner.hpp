// One trigger on one loop: consumer, worker pool and pipeline joined. Shell: it carries events one way and
// actions the other, and decides nothing the pipeline could.
//
// Thread: everything on the trigger's loop. A fatal client error ends the consumer and makes a new one with
// back-off; the workers stay. One trigger's trouble touches nothing outside its Runner.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "config/renewal.hpp"
#include "config/schema.hpp"
#include "kafka/janitor.hpp"
#include "trigger/status.hpp"
#include "worker/memory.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::worker {
class CgroupTree;
}

namespace triggerd::trigger {

struct RunnerSpec {
  config::Trigger trigger;
  std::string daemon;           // "triggerd/0.1.0", for Welcome
  std::string sdk_python_path;  // of the bundled Python SDK; empty: none
  std::uint64_t seed = 0;
  std::string state_directory;             // of the journal; empty: none
  worker::MemoryReader* memory = nullptr;  // outlives the runner; needed where measures_memory(worker)
  worker::CgroupTree* cgroups = nullptr;   // outlives the runner; null: no control groups for workers
};

// What the runner tells of itself. Called on its loop.
struct RunnerSink {
  std::function<void(Status)> status;              // after changes, at most every 250 ms
  std::function<void(std::size_t records)> batch;  // a batch was delivered
  std::function<void(Duration)> commit;            // a commit was answered, after so long
};

class Runner {
 public:
  Runner(boost::asio::io_context& loop, kafka::Janitor& janitor, RunnerSpec spec, RunnerSink sink);
  ~Runner();  // done() of drain() has come, or start() was never called
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void start();
  // Gives up the record that holds up its lane (pipeline::Skip); what came of it is in the log and the
  // counts.
  void skip(const pipeline::Skip& skip);
  // Keeps so many worker processes (worker::Pool::resize).
  void resize(std::uint32_t processes);
  // The connection that its clients take over, at their next login or by being made anew.
  void renew(const config::Connection& connection, config::Renewal how);
  // A status soon, though nothing may have happened.
  void report();
  // Stops reading, waits for running attempts until `deadline`, commits, leaves the group, ends the workers.
  // A second call may bring the deadline forward.
  void drain(TimePoint deadline, std::function<void()> done);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::trigger
