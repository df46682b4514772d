// What the daemon's process is made to be before it works.
#pragma once

#include <memory>
#include <vector>

#include "config/schema.hpp"
#include "worker/cgroup_tree.hpp"

namespace triggerd::daemon {

// A core dump holds every secret of the fleet file. Whoever debugs raises the limit of the running process
// (prlimit --core).
void forbid_core_dumps();

// Whether we may run their workers as the users and with the limits that they name; a line of log for each
// that we may not.
bool may_run_workers(const std::vector<config::Trigger>& triggers);

// What holds workers: the guard that ends what is left of them with us, and the control groups for the limits
// they ask for. Null: none asks, or the machine gives us none, which is said.
std::unique_ptr<worker::CgroupTree> prepare_for_workers(const std::vector<config::Trigger>& triggers);

// malloc gives freed blocks of records and fetches back to the system.
void return_freed_memory();

}  // namespace triggerd::daemon
