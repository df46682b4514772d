// `triggerd run`: owns everything, builds it top-down, runs until told to stop, drains in reverse order.
#pragma once

#include <functional>
#include <string>

#include "config/reread.hpp"
#include "config/schema.hpp"
#include "trigger/status.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::daemon {

// Exit code; the fleet file at `path` decides everything else.
int run_fleet(const std::string& path);

// What a host program of the fleet (the demo) does beside it.
struct AppHooks {
  std::function<void(boost::asio::io_context& control)>
      started;                                         // on the control loop, once the triggers run
  std::function<void(const trigger::Status&)> status;  // on the control loop, each new status
  config::Reread* files = nullptr;                     // what the fleet was read with (credential_watch.hpp)
};

// Runs an already loaded fleet until SIGTERM, SIGINT or stop(). The log is configured.
class App {
 public:
  App(config::Fleet fleet, AppHooks hooks);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;
  int run();
  // Drains and makes run() return. Control loop.
  void stop(const char* why);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace triggerd::daemon
