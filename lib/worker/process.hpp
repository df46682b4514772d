// Starting a worker process and learning how it ended. Shell: system calls only, no event loop.
//
// Thread: any, but PR_SET_PDEATHSIG is tied to the thread that spawns: the kernel kills the worker when that
// *thread* ends. So spawn from an event loop's thread, which lives as long as the daemon. It does not cover
// what the worker starts itself: that is the guard's (guard.hpp).
//
// Every worker runs without new privileges, without a capability handed down, and dumps no core: that holds
// records, and may hold secrets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "config/worker.hpp"
#include "worker/fd.hpp"

namespace triggerd::worker {

inline constexpr int kWorkerSocketFd = 3;  // TRIGGERD_FD

struct SpawnSpec {
  std::vector<std::string> command;      // argv; a name without '/' is looked up in `environment`'s PATH
  std::vector<std::string> environment;  // "NAME=value"
  std::string working_directory;         // empty: ours; entered as the user it becomes
  std::optional<config::Account> account = {};  // nothing: ours
  config::ProcessLimits limits = {};            // those of setrlimit(2) alone, soft and hard
  int cgroup_procs = -1;  // of the control group it is to be in, open for writing; -1: ours
};

// Our ends, all non-blocking and close-on-exec.
struct Process {
  pid_t pid = -1;  // also its process group
  Fd pidfd;        // readable once it has ended
  Fd socket;
  Fd out;
  Fd err;
};

// The error's code names the step that failed: socketpair, pipe, spawn, cgroup, limits, user,
// chdir or exec.
Result<Process> spawn(const SpawnSpec& spec);

// How it ended ("exit status 1", "signal 11 (Segmentation fault)"); nullopt: it has not. Collects the
// process.
std::optional<std::string> reap(int pidfd);

// The process and everything it started that stayed in its group. Only before reap(): then the number is its.
void signal_group(pid_t pid, int signal);

}  // namespace triggerd::worker
