// A pool with its event loop, for tests that play the pipeline: what it reported, what it logged, and waiting
// for both.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "support/log_capture.hpp"
#include "worker/pool.hpp"

namespace triggerd::worker {

class SessionRig {
 public:
  // One process of the stub worker in this mode, with short back-off.
  explicit SessionRig(std::vector<std::string> mode);
  static PoolSpec stub(const std::vector<std::string>& mode);
  // The Python SDK with this function of session_handlers.py instead.
  static PoolSpec python(const std::string& handler);

  PoolSpec spec;  // may be changed before start()
  std::vector<pipeline::Event> events;
  testing::LogCapture logs;
  boost::asio::io_context loop;
  std::unique_ptr<Pool> pool;

  void start();
  // Runs the loop until this is so; false after a long time.
  bool until(const std::function<bool()>& condition);
  // Until a log line contains `part`.
  bool logged(std::string_view part);
  bool ready(std::size_t workers = 1);
  // Until the pool has stopped; then no process is left.
  bool stopped(Duration grace = std::chrono::seconds(60));

  // One batch of `records` small records to the worker.
  void send(WorkerId worker, std::uint64_t id, std::uint32_t records = 1);
  void send(WorkerId worker, wire::Delivery delivery);

  template <typename Event>
  std::vector<Event> all() const {
    std::vector<Event> result;
    for (const auto& event : events) {
      if (const auto* found = std::get_if<Event>(&event)) result.push_back(*found);
    }
    return result;
  }
  // The value after "NAME=" in the first line with `event`, without its quotes; empty: there is none.
  std::string field(std::string_view event, std::string_view name) const;
  std::string lost_reason() const { return all<pipeline::WorkerLost>().at(0).reason; }
  // Waits for the worker's loss.
  pipeline::WorkerLost lost(WorkerId worker = WorkerId{1});
  bool answered(std::size_t batches);
  pid_t pid_of(WorkerId worker) const;
};

// A file that is not there until it is made, and is gone with the test.
class Flag {
 public:
  Flag();
  ~Flag();
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  std::string path() const { return folder_ + "/rules"; }
  void raise() const;
  void lower() const;

 private:
  std::string folder_;
};

// True once the process with this number has ended (a zombie has).
bool process_ended(pid_t pid);

}  // namespace triggerd::worker
