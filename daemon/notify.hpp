// Tells systemd how the daemon does: sd_notify(3) without libsystemd, which would bring six libraries for one
// datagram. Without NOTIFY_SOCKET every call does nothing.
//
// Thread: one. A call takes at most the send timeout (100 ms), and only where systemd does not read its
// socket. A call that fails is logged as notify_failed, once until one succeeds; the daemon goes on.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace triggerd::daemon {

class Notifier {
 public:
  using Environment = std::function<const char*(const char* name)>;

  Notifier();  // the process's environment
  // `pid` is ours: WATCHDOG_PID may name another process.
  Notifier(const Environment& environment, int pid);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Each is true if systemd was told, or is not there to be told.
  bool ready(std::string_view status = {});
  bool stopping(std::string_view status = {});
  bool status(std::string_view text);
  bool watchdog();
  // While starting or stopping: that it takes until then, and is not to be ended before.
  bool extend(Duration from_now);

  // How often watchdog() is to be called: half of what systemd allows. Absent: it does not watch us.
  std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }
  // For a caller with a beat of its own: the shorter of the two.
  Duration watchdog_interval(Duration longest) const;

 private:
  void open(std::string path);
  void read_watchdog(const Environment& environment, int pid);
  bool send(std::string_view state, std::string_view status);

  int fd_ = -1;
  std::string socket_;  // NOTIFY_SOCKET
  std::optional<Duration> watchdog_interval_;
  bool failing_ = false;
};

}  // namespace triggerd::daemon
