// The worker processes of one trigger: starts them, talks to them, restarts them with back-off, and replaces
// those that have done their share (maxRequests) or grown too large (maxMemory). Shell.
//
// Thread: the trigger's event loop. A worker's life: spawning → hello → ready → (draining) → gone. Each step
// that can fail is named in the one log line its failure writes, with the tail of the worker's stderr.
// What is replaced goes on until its successor is ready; then WorkerDraining is reported, before the Drain
// frame is written, so that nothing is sent after it.
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

class CgroupTree;
class MemoryReader;

// A limit, and a pool that grows, need to know what a process takes.
inline bool measures_memory(const config::WorkerSpec& worker) {
  return worker.max_memory > 0 || worker.max_processes > worker.min_processes;
}

struct PoolSpec {
  std::string trigger;
  config::WorkerSpec worker;
  wire::Welcome welcome;           // but for `worker`, the number, which the pool fills in
  std::uint64_t seed = 0;          // of the jitter
  std::string sdk_python_path;     // appended to the workers' PYTHONPATH; empty: nothing
  MemoryReader* memory = nullptr;  // outlives the pool; needed where measures_memory(worker)
  CgroupTree* cgroups = nullptr;   // outlives the pool; null: no control groups
  Timings timings;
};

// For metrics and /api: how many processes are in each state, and what happened so far.
struct PoolStats {
  std::uint32_t wanted = 0;  // processes
  std::uint32_t starting = 0, ready = 0, stopping = 0, backing_off = 0;
  // Places whose processes have failed again and again (restart.hpp), until one lives for long; what their
  // processes are doing is counted above all the same.
  std::uint32_t crash_looping = 0;
  std::uint64_t largest_bytes = 0;  // of memory one process takes, as last read; 0: not read
  std::string last_crash;           // how the latest of those ended; empty: there is none
  // restarts: starts in place of one that failed. losses: ready ones that crashed.
  std::uint64_t starts = 0, restarts = 0, start_failures = 0, losses = 0, protocol_errors = 0;
  std::uint64_t recycled_for_requests = 0, recycled_for_memory = 0;
  std::uint64_t ignored_answers = 0;  // acks of batches the worker does not have, and second answers
};

struct PoolSink {
  // WorkerReady, WorkerCredit, WorkerDraining, Answered, WorkerLost
  std::function<void(const pipeline::Event&)> event;
  std::function<void()> changed = {};  // stats() say something new, with or without an event
};

class Pool {
 public:
  using Sink = PoolSink;

  Pool(boost::asio::io_context& loop, PoolSpec spec, Sink sink);
  ~Pool();  // kills what is left, at once
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Keeps `min_processes` alive from now on, and one more while one is replaced.
  void start();
  // Keeps so many alive, at least one. What is too many drains as when it is replaced: WorkerDraining, and
  // what it runs is finished.
  void resize(std::uint32_t processes);
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
