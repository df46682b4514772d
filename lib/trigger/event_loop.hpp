// One io_context run by exactly one thread: what is pinned to it needs no locks (design §3, threads).
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace triggerd::trigger {

class EventLoop {
 public:
  // The thread is named `name` (at most 15 characters) and blocks all signals: the main thread takes those.
  explicit EventLoop(const std::string& name);
  // Ends the loop after what is running, joins.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  boost::asio::io_context& context();
  // Runs `job` on the loop. Any thread.
  void post(std::function<void()> job);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace triggerd::trigger
