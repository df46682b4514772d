// A worker's side of one session: greeting, queue, calls of the handler, answers (PROTOCOL.md §3 to §9). One
// thread.
//
// Frames that were read wait in queue_ in the daemon's order; the credit bounds them. Nothing is answered out
// of a batch's order, and what was not given to the handler is released, never dropped.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "answers.hpp"
#include "channel.hpp"
#include "lanes.hpp"
#include "triggerd/worker.hpp"

namespace triggerd::worker_sdk {

using Handler = std::variant<OneHandler, ManyHandler>;

class Session {
 public:
  Session(int socket, Handler handler, const Options& options);
  // Returns the process's exit status.
  int run();

 private:
  using Clock = std::chrono::steady_clock;

  bool many() const { return std::holds_alternative<ManyHandler>(handler_); }
  void greet();
  void serve();
  // Reads what is there, or waits for something; each frame is handled.
  void receive(bool wait);
  void handle(const wire::Frame& frame);
  void on(wire::Welcome welcome);
  void on(wire::Batch batch);
  void on(const wire::Cancel& cancel);
  void on(const wire::Drain& drain);
  void on(const wire::Ping& ping);
  void on(const wire::Pong& pong);
  void on(const wire::Bye& bye);
  template <typename T>
  void on(const T& message);  // the rest are a worker's own

  // The oldest whole invocation has come; a partial one counts when draining, for it never will.
  bool invocation_ready() const;
  void run_one(const wire::Delivery& delivery);
  void run_many(const std::vector<wire::Delivery>& invocation);
  std::vector<wire::Delivery> take_invocation();
  // Not revoked, not draining, its lane not blocked.
  bool may_start(const wire::Delivery& delivery, std::uint32_t index);
  // Between two calls: at least every 10 ms what was answered is sent and the socket is read.
  void turn(Answers* answers);

  void send(std::string_view bytes);
  void end(int status, const std::string& reason);
  void say_bye(const std::string& code, const std::string& message);

  Channel channel_;
  const Handler handler_;
  const Options options_;
  std::optional<int> status_;  // set: the session is over
  bool welcomed_ = false;
  bool draining_ = false;
  Lanes lanes_{"partition"};
  std::deque<wire::Delivery> queue_;
  std::size_t whole_invocations_ = 0;          // in queue_, for `many`
  std::map<TopicPartition, Epoch> cancelled_;  // up to and including
  std::string out_;
  std::vector<Record> records_;  // of the invocation that runs
  Clock::time_point last_turn_{};
};

}  // namespace triggerd::worker_sdk
