#include "worker/process.hpp"

#include <cerrno>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "worker/guard.hpp"

namespace triggerd::worker {
namespace {

enum class Step : int { spawn, cgroup, limits, user, chdir, exec };

// What the child sends up the report pipe; nothing comes where exec succeeded and closed it.
struct ChildFailure {
  Step step;
  int error;
};

struct Limit {
  __rlimit_resource resource;
  rlimit value;
};

// Everything the child needs, prepared before it exists: it may only make system calls.
struct ChildPlan {
  const char* path;
  char* const* argv;
  char* const* envp;
  const char* directory;  // null: stay
  std::span<const Limit> limits;
  const config::Account* account;  // null: ours
  int null, out, err, socket, report, cgroup;
  pid_t parent;
};

[[noreturn]] void fail(int report, Step step) {
  const ChildFailure failure{step, errno};
  [[maybe_unused]] const ssize_t written = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

// By the system calls themselves: glibc's functions would change every thread of the daemon, whose memory
// this is. For the same reason the kernel makes the daemon undumpable here, for good: until exec its memory
// could be read by whatever else runs as that user.
bool become(const config::Account& account) {
  return ::syscall(SYS_setgroups, account.groups.size(), account.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, account.gid, account.gid, account.gid) == 0 &&
         ::syscall(SYS_setresuid, account.uid, account.uid, account.uid) == 0;
}

// What the daemon may do by capabilities handed to it (systemd's AmbientCapabilities=) is not for its
// workers: from one user to another they would stay, unlike from root.
bool give_up_privileges() {
  return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

// Runs between vfork and exec, in memory shared with the suspended parent: async-signal-safe calls only.
[[noreturn]] void run_child(const ChildPlan& plan) {
  // What goes through descriptors of the daemon's comes before those are moved: any may be one of 0 to 3.
  if (plan.cgroup >= 0 && ::write(plan.cgroup, "0", 1) != 1) fail(plan.report, Step::cgroup);
  if (::setpgid(0, 0) != 0) fail(plan.report, Step::spawn);
  guard_group(::getpid());
  // Out of the way of 0 to 3 first: the daemon may have been started with some of those closed.
  int from[] = {plan.null, plan.out, plan.err, plan.socket};
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, 10);
  if (report < 0) fail(plan.report, Step::spawn);
  for (int& fd : from) {
    fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (fd < 0) fail(report, Step::spawn);
  }
  for (int target = 0; target <= kWorkerSocketFd; ++target) {
    if (::dup2(from[target], target) < 0) fail(report, Step::spawn);
  }
  if (::close_range(kWorkerSocketFd + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) fail(report, Step::spawn);
  for (const Limit& limit : plan.limits) {
    if (::setrlimit(limit.resource, &limit.value) != 0) fail(report, Step::limits);
  }
  if (plan.account != nullptr && !become(*plan.account)) fail(report, Step::user);
  if (!give_up_privileges()) fail(report, Step::spawn);
  // After the change of user, which clears it.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(report, Step::spawn);
  if (::getppid() != plan.parent) ::_exit(127);  // it died before the prctl
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) fail(report, Step::chdir);
  // Dispositions before the mask: a handler of ours must not run in here.
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.path, plan.argv, plan.envp);
  fail(report, Step::exec);
}

// vfork does not copy the daemon's page tables, and returns once the child has done exec or given up.
__attribute__((noinline)) pid_t start_child(const ChildPlan& plan) {
  const pid_t pid = ::vfork();    // NOLINT(*-unsafe-functions,*-security.insecureAPI.vfork)
  if (pid == 0) run_child(plan);  // NOLINT(*-unix.Vfork): it makes plain system calls only
  return pid;
}

Error failed(const char* step, const std::string& text) { return {step, text}; }
Error failed_with_errno(const char* step, const std::string& what) {
  const int number = errno;
  return {step, what + ": " + errno_text(number)};
}

std::string_view path_of(const std::vector<std::string>& environment) {
  for (const std::string& line : environment) {
    if (line.starts_with("PATH=")) return std::string_view(line).substr(5);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

bool executable_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// As execvp does, except that relative directories of PATH are left out: they would depend on the working
// directory.
Result<std::string> find_program(const SpawnSpec& spec) {
  if (spec.command.empty() || spec.command[0].empty()) return failed("exec", "the command is empty");
  const std::string& name = spec.command[0];
  if (name.find('/') != std::string::npos) return {boost::system::in_place_value, name};
  const std::string_view path = path_of(spec.environment);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string_view directory = path.substr(begin, end - begin);
    std::string candidate = std::string(directory) + "/" + name;
    if (directory.starts_with('/') && executable_file(candidate)) {
      return {boost::system::in_place_value, std::move(candidate)};
    }
    begin = end + 1;
  }
  return failed("exec", name + ": not found in PATH (" + std::string(path) + ")");
}

Error child_error(const ChildFailure& failure, const SpawnSpec& spec, const std::string& path) {
  const std::string why = errno_text(failure.error);
  switch (failure.step) {
    case Step::spawn: break;
    case Step::cgroup: return failed("cgroup", "cgroup.procs: " + why);
    case Step::limits: return failed("limits", why);
    case Step::user:
      return failed("user", "the daemon may not run it as user " + std::to_string(spec.account->uid) +
                                ", group " + std::to_string(spec.account->gid) + ": " + why);
    case Step::chdir: return failed("chdir", spec.working_directory + ": " + why);
    case Step::exec:
      if (failure.error == ENOENT && path.starts_with('/') && ::access(path.c_str(), F_OK) == 0) {
        return failed("exec", path + ": the interpreter its first line names was not found");
      }
      return failed("exec", path + ": " + why);
  }
  return failed("spawn", why);
}

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed_with_errno("pipe", "pipe2");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

void set_nonblocking(const Fd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

std::vector<char*> pointers(const std::vector<std::string>& lines) {
  std::vector<char*> result;
  result.reserve(lines.size() + 1);
  for (const std::string& line : lines)
    result.push_back(const_cast<char*>(line.c_str()));  // execve's signature
  result.push_back(nullptr);
  return result;
}

std::vector<Limit> limits_of(const config::ProcessLimits& limits) {
  std::vector<Limit> result{{RLIMIT_CORE, {0, 0}}};
  if (limits.open_files) result.push_back({RLIMIT_NOFILE, {*limits.open_files, *limits.open_files}});
  if (limits.address_space) result.push_back({RLIMIT_AS, {*limits.address_space, *limits.address_space}});
  return result;
}

// With every signal blocked, so that none of our handlers runs in the child's borrowed memory.
pid_t start_child_masked(const ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = start_child(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

void forget_and_wait(pid_t pid) {
  forget_group(pid);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace

Result<Process> spawn(const SpawnSpec& spec) {
  TRY(const std::string path, find_program(spec));
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return failed_with_errno("socketpair", "socketpair");
  }
  Process process;
  process.socket = Fd(sockets[0]);
  const Fd child_socket(sockets[1]);
  TRY(Pipe out, make_pipe());
  TRY(Pipe err, make_pipe());
  TRY(Pipe report, make_pipe());
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return failed_with_errno("spawn", "/dev/null");

  const std::vector<char*> argv = pointers(spec.command);
  const std::vector<char*> envp = pointers(spec.environment);
  const char* const directory = spec.working_directory.empty() ? nullptr : spec.working_directory.c_str();
  const std::vector<Limit> limits = limits_of(spec.limits);
  const ChildPlan plan{.path = path.c_str(),
                       .argv = argv.data(),
                       .envp = envp.data(),
                       .directory = directory,
                       .limits = limits,
                       .account = spec.account ? &*spec.account : nullptr,
                       .null = null.get(),
                       .out = out.write.get(),
                       .err = err.write.get(),
                       .socket = child_socket.get(),
                       .report = report.write.get(),
                       .cgroup = spec.cgroup_procs,
                       .parent = ::getpid()};
  process.pid = start_child_masked(plan);
  if (process.pid < 0) return failed_with_errno("spawn", "vfork");

  report.write.reset();
  ChildFailure failure{};
  ssize_t got = 0;
  do {
    got = ::read(report.read.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    forget_and_wait(process.pid);
    return child_error(failure, spec, path);
  }
  // glibc 2.36 declares pidfd_open without C linkage.
  process.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!process.pidfd) {
    Error error = failed_with_errno("spawn", "pidfd_open");
    signal_group(process.pid, SIGKILL);
    forget_and_wait(process.pid);
    return error;
  }
  process.out = std::move(out.read);
  process.err = std::move(err.read);
  set_nonblocking(process.socket);
  set_nonblocking(process.out);
  set_nonblocking(process.err);
  return process;
}

std::optional<std::string> reap(int pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0) {
    return errno == EINTR ? std::nullopt : std::optional<std::string>("exit status unknown");
  }
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return "exit status " + std::to_string(info.si_status);
  const char* const name = ::sigdescr_np(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + (name != nullptr ? name : "unknown") + ")" +
         (info.si_code == CLD_DUMPED ? ", core dumped" : "");
}

void signal_group(pid_t pid, int signal) {
  if (pid > 1) ::kill(-pid, signal);
}

}  // namespace triggerd::worker
