// The worker processes of one trigger: starts them, talks to them, restarts them with back-off. Shell.
//
// Thread: the trigger's event loop. A worker's life: spawning → hello → ready → (draining) → gone. Each step
// that can fail is named in the one log line its failure writes, with the tail of the worker's stderr.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/schema.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"
#include "wire/message.hpp"
#include "worker/timings.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::worker {

struct PoolSpec {
  std::string trigger;
  config::WorkerSpec worker;
  wire::Welcome welcome;        // but for `worker`, the number, which the pool fills in
  std::uint64_t seed = 0;       // of the back-off's jitter
  std::string sdk_python_path;  // appended to the workers' PYTHONPATH; empty: nothing
  Timings timings;
};

// For metrics and /api: how many processes are in each state, and what happened so far.
struct PoolStats {
  std::uint32_t starting = 0, ready = 0, stopping = 0, backing_off = 0;
  std::uint64_t starts = 0, start_failures = 0, losses = 0, protocol_errors = 0;
  std::uint64_t ignored_answers = 0;  // acks of batches the worker does not have, and second answers
};

class Pool {
 public:
  using Sink =
      std::function<void(const pipeline::Event&)>;  // WorkerReady, WorkerCredit, Answered, WorkerLost

  Pool(boost::asio::io_context& loop, PoolSpec spec, Sink sink);
  ~Pool();  // kills what is left, at once
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Keeps `min_processes` alive from now on.
  void start();
  void send(const pipeline::Send& action);
  void cancel(const pipeline::CancelPartition& action);
  void kill(const pipeline::KillWorker& action);
  // Drain frame to each, TERM after `grace`, KILL a second later; `stopped` once when no process is left.
  void stop(Duration grace, std::function<void()> stopped);

  PoolStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::worker
