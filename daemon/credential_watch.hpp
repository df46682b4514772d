// Passwords, keys and certificates that are changed in their files while the daemon runs, taken over. Shell.
//
// Thread: the control loop, on which the files are read.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "config/reread.hpp"
#include "config/schema.hpp"

namespace triggerd::daemon {

class CredentialWatch {
 public:
  struct Renewed {
    config::Trigger trigger;  // with its connection as it is now
    config::Renewal how;
  };
  using Sink = std::function<void(const std::vector<Renewed>&)>;

  // `files`: what the fleet was read with; nullptr: it came from elsewhere, and nothing is watched. The
  // fleet's connections and the admin key become what the files say. Both outlive us.
  CredentialWatch(boost::asio::io_context& control, config::Reread* files, config::Fleet& fleet, Sink sink);

  // Looks every few seconds from now on.
  void start();
  void stop() { timer_.cancel(); }

 private:
  void look();
  void take(const config::Fleet& now, const std::set<std::string>& files);

  boost::asio::steady_timer timer_;
  config::Reread* files_;
  config::Fleet& fleet_;
  Sink sink_;
};

}  // namespace triggerd::daemon
