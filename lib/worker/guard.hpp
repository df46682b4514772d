// Ends what workers have started when the daemon is killed. Shell.
//
// PR_SET_PDEATHSIG ends the workers themselves, but not their children. So a second process, forked while the
// daemon begins, holds one end of a socket: when the other one closes, the daemon is gone, and it kills the
// process group of each worker that was not collected. A worker's child that has left its group (setsid) is
// left to systemd's KillMode.
//
// There is one in a process, for the process's own end is what it waits for. Without one, nothing happens.
#pragma once

#include <sys/types.h>

#include "base/result.hpp"

namespace triggerd::worker {

// Once. Beside other threads too: what it forks makes system calls only.
Result<void> start_guard();

// A process group that is to end with us. Async-signal-safe: the child says it of itself, between vfork and
// exec.
void guard_group(pid_t group);
// Before its leader is collected: then the number may be another's.
void forget_group(pid_t group);

}  // namespace triggerd::worker
