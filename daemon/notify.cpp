#include "daemon/notify.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/log.hpp"

namespace triggerd::daemon {
namespace {

constexpr timeval kSendTimeout{.tv_sec = 0, .tv_usec = 100'000};
// More than a day's watchdog is no watchdog, and it must fit Duration.
constexpr std::uint64_t kMaxWatchdogUsec = 24ull * 3600 * 1'000'000;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Notifier::Notifier() : Notifier([](const char* name) { return std::getenv(name); }, getpid()) {}

Notifier::Notifier(const Environment& environment, int pid) {
  const char* path = environment("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  open(path);
  if (!socket_.empty()) read_watchdog(environment, pid);
}

Notifier::~Notifier() {
  if (fd_ >= 0) close(fd_);
}

void Notifier::open(std::string path) {
  // systemd also knows vsock:… for virtual machines that report to their host; we are a service, not a
  // machine.
  if ((path[0] != '/' && path[0] != '@') || path.size() < 2 || path.size() >= sizeof sockaddr_un::sun_path) {
    log::warn("notify_failed", {{"reason", "NOTIFY_SOCKET is not a path or abstract name of a usable length"},
                                {"socket", path}});
    return;
  }
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout) != 0) {
    log::warn("notify_failed", {{"reason", "no socket: " + errno_text(errno)}});
    return;
  }
  socket_ = std::move(path);
}

void Notifier::read_watchdog(const Environment& environment, int pid) {
  const char* usec_text = environment("WATCHDOG_USEC");
  if (usec_text == nullptr) return;
  const char* pid_text = environment("WATCHDOG_PID");
  if (pid_text != nullptr && number(pid_text) != static_cast<std::uint64_t>(pid)) return;
  const std::optional<std::uint64_t> usec = number(usec_text);
  if (!usec || *usec == 0) {
    log::warn("notify_failed",
              {{"reason", "WATCHDOG_USEC is not a number of microseconds"}, {"usec", usec_text}});
    return;
  }
  watchdog_interval_ = Duration(std::chrono::microseconds(std::min(*usec, kMaxWatchdogUsec))) / 2;
}

Duration Notifier::watchdog_interval(Duration longest) const {
  return std::min(longest, watchdog_interval_.value_or(longest));
}

bool Notifier::ready(std::string_view status) { return send("READY=1", status); }
bool Notifier::stopping(std::string_view status) { return send("STOPPING=1", status); }
bool Notifier::status(std::string_view text) { return send({}, text); }
bool Notifier::extend(Duration from_now) {
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(from_now).count();
  return send("EXTEND_TIMEOUT_USEC=" + std::to_string(usec), {});
}
bool Notifier::watchdog() { return send("WATCHDOG=1", {}); }

bool Notifier::send(std::string_view state, std::string_view status) {
  if (socket_.empty()) return true;
  std::string datagram(state);
  if (!status.empty()) {
    if (!datagram.empty()) datagram += '\n';
    datagram += "STATUS=";
    // One assignment a line: a line break in the text would begin another one.
    for (const char c : status) datagram += c == '\n' ? ' ' : c;
  }
  if (datagram.empty()) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(socket_, address.sun_path);
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  // An abstract name has no terminating zero: its length is what the address' length says.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  ssize_t sent = -1;
  do {
    // Not connected: a systemd that is replaced while we run comes back under the same name.
    sent = sendto(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address), length);
  } while (sent < 0 && errno == EINTR);
  const bool failed = sent < 0;
  if (failed && !failing_) log::warn("notify_failed", {{"reason", errno_text(errno)}, {"socket", socket_}});
  failing_ = failed;
  return !failed;
}

}  // namespace triggerd::daemon
