#include "daemon/process.hpp"

#include <malloc.h>
#include <sys/resource.h>

#include "base/log.hpp"
#include "worker/cgroup.hpp"
#include "worker/guard.hpp"

namespace triggerd::daemon {
namespace {

// Left to itself, malloc keeps ever larger freed blocks, of records and fetches, as gaps in its heaps: a
// third of a budget. Those larger than a usual fetch go back to the system; at 512 KiB that costs a tenth of
// the speed.
constexpr int kOwnMapping = 2 << 20;

}  // namespace

void forbid_core_dumps() {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = 0;
  setrlimit(RLIMIT_CORE, &limit);
}

void prepare_for_workers() {
  if (const auto guard = worker::start_guard(); !guard)
    log::warn("guard_failed",
              {{"error", guard.error().message},
               {"consequence", "a kill of this process leaves what its workers have started"}});
  const worker::Cgroup found = worker::find_cgroup("/proc/self/cgroup", "/sys/fs/cgroup");
  log::info("cgroup", {{"version_2", !found.path.empty()},
                       {"path", found.path},
                       {"controllers", found.controllers},
                       {"delegated", found.delegated}});
}

void return_freed_memory() { mallopt(M_MMAP_THRESHOLD, kOwnMapping); }

}  // namespace triggerd::daemon
