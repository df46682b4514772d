#include "worker/guard.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/fd.hpp"

namespace triggerd::worker {
namespace {

std::atomic<int> guard_socket{-1};

// One message: a group to watch, or negative, one to forget.
void tell(pid_t group) {
  const int socket = guard_socket.load(std::memory_order_relaxed);
  if (socket >= 0) ::send(socket, &group, sizeof group, MSG_NOSIGNAL);
}

// 1,024 processes are the most of one trigger. What is beyond the table is not watched.
constexpr std::size_t kMostGroups = 32'768;

// In the child of a fork: system calls only, no memory of its own.
struct Watch {
  pid_t groups[kMostGroups];
  std::size_t count;

  void took(pid_t group) {
    if (group > 0) {
      if (count < kMostGroups) groups[count++] = group;
      return;
    }
    pid_t* const found = std::find(groups, groups + count, -group);
    if (found != groups + count) *found = groups[--count];
  }
};

Watch watch;  // its pages are the guard's own once it writes them

[[noreturn]] void guard(int socket) {
  ::prctl(PR_SET_NAME, "triggerd-guard");
  ::setsid();  // a Ctrl-C is for the daemon
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  if (socket > 0) ::close_range(0, static_cast<unsigned>(socket) - 1, 0);
  ::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  pid_t group = 0;
  for (;;) {
    const ssize_t got = ::recv(socket, &group, sizeof group, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof group)) break;
    watch.took(group);
  }
  for (std::size_t i = 0; i < watch.count; ++i) ::kill(-watch.groups[i], SIGKILL);
  ::_exit(0);
}

}  // namespace

Result<void> start_guard() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{"guard", "socketpair: " + errno_text(errno)};
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Error{"guard", "fork: " + errno_text(errno)};
  if (pid == 0) guard(theirs.get());
  guard_socket = ours.release();  // never closed: the end of the process does that
  return {};
}

void guard_group(pid_t group) { tell(group); }
void forget_group(pid_t group) { tell(-group); }

}  // namespace triggerd::worker
