// One worker process: an SDK that does what PROTOCOL.md §5 to §9 says, with handlers that take time, fail,
// hang and crash as the scenario has it. Written from PROTOCOL.md alone.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "sim/world.hpp"

namespace triggerd::sim {

class FakeWorker : public std::enable_shared_from_this<FakeWorker> {
 public:
  FakeWorker(World& world, WorkerId id) : world_(world), id_(id) {}

  void hello();
  void send(const pipeline::Send& send);
  void cancel(const pipeline::CancelPartition& cancel);
  void kill(pipeline::WorkerLost::Cause cause);
  // Its handlers are gone, whatever the daemon knows.
  void die();

 private:
  struct Lane {
    std::size_t partition = 0;
    std::uint64_t number = 0;
    auto operator<=>(const Lane&) const = default;
  };
  struct Item {
    BatchId batch;
    std::uint32_t at = 0;  // in the batch
    Lane lane;
    Epoch epoch;
    std::uint32_t run = 0;
    std::size_t index = 0;  // in the log
  };
  using Invocation = std::vector<Item>;
  struct Reply {
    enum class State { open, unsent, sent } state = State::open;
    wire::Answer::Code code{};
    std::uint32_t retry_after_ms = 0;
  };
  struct Frame {
    std::vector<Reply> replies;
    std::uint32_t open = 0;
  };

  void receive(const pipeline::Send& send);
  void receive(const pipeline::CancelPartition& cancel);
  const TopicPartition& source(const Item& item) const;
  const LogRecord& record(const Item& item) const;
  std::uint64_t lane_number(const LogRecord& record, std::size_t index) const;
  void pump();
  std::vector<Lane> start(Invocation invocation);
  void complete(std::uint64_t number);
  bool fails(const Invocation& invocation);
  bool must_release(const Item& item) const;
  void fail_lane(const Item& item);
  void reply(const Item& item, wire::Answer::Code code, std::uint32_t retry_after_ms = 0);
  void answer();
  void flush();
  void send_ack(BatchId id, Frame& frame);
  void crash(pipeline::WorkerLost::Cause cause);
  // Runs the step if this worker still is, in the order of its asking.
  template <typename F>
  void through(TimePoint& pipe, Duration delay, F step);

  World& world_;
  WorkerId id_;
  bool alive_ = true;
  TimePoint in_{}, out_{};  // when the last thing on the way arrives
  std::deque<Invocation> pending_;
  std::map<std::uint64_t, Invocation> running_;  // by invocation
  std::set<Lane> occupied_;
  std::map<BatchId, Frame> frames_;
  std::map<std::size_t, Epoch> cancelled_;
  std::map<std::pair<Lane, Epoch>, std::uint32_t> failed_runs_;
  bool flush_scheduled_ = false;
};

}  // namespace triggerd::sim
