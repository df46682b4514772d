#include "daemon/process.hpp"

#include <algorithm>

#include <malloc.h>
#include <sys/resource.h>

#include "base/log.hpp"
#include "worker/cgroup.hpp"
#include "worker/guard.hpp"
#include "worker/rights.hpp"

namespace triggerd::daemon {
namespace {

// Left to itself, malloc keeps ever larger freed blocks, of records and fetches, as gaps in its heaps: a
// third of a budget. Those larger than a usual fetch go back to the system; at 512 KiB that costs a tenth of
// the speed.
constexpr int kOwnMapping = 2 << 20;

constexpr const char* kCgroupMount = "/sys/fs/cgroup";

// Before the guard is started, which is to be where the daemon is.
std::unique_ptr<worker::CgroupTree> take_cgroups(const std::vector<config::Trigger>& triggers) {
  const worker::Cgroup found = worker::find_cgroup("/proc/self/cgroup", kCgroupMount);
  log::info("cgroup", {{"version_2", !found.path.empty()},
                       {"path", found.path},
                       {"controllers", found.controllers},
                       {"delegated", found.delegated}});
  const auto asks = [](const config::Trigger& t) { return worker::needs_cgroup(t.worker.limits); };
  if (std::ranges::none_of(triggers, asks)) return nullptr;
  std::unique_ptr<worker::CgroupTree> tree;
  std::string reason = found.path.empty() ? "there is no control group of version 2"
                                          : "its control group is not delegated to the daemon";
  if (found.delegated) {
    auto taken = worker::CgroupTree::open(found, kCgroupMount);
    if (taken)
      tree = *std::move(taken);
    else
      reason = taken.error().message;
  }
  for (const config::Trigger& trigger : triggers) {
    if (!asks(trigger)) continue;
    if (tree) {
      const std::string missing = tree->missing(trigger.worker.limits);
      reason = missing.empty() ? "" : "its control group was not given: " + missing;
    }
    if (!reason.empty())
      log::warn("worker_limits_not_applied", {{"trigger", trigger.name}, {"reason", reason}});
  }
  return tree;
}

}  // namespace

void forbid_core_dumps() {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = 0;
  setrlimit(RLIMIT_CORE, &limit);
}

bool may_run_workers(const std::vector<config::Trigger>& triggers) {
  bool all = true;
  for (const config::Trigger& trigger : triggers) {
    const std::string missing = worker::missing_rights(trigger.worker);
    if (missing.empty()) continue;
    all = false;
    log::error("worker_not_permitted",
               {{"trigger", trigger.name},
                {"error", "worker.user, or a limit above the daemon's own, takes rights it has not"},
                {"missing", missing}});
  }
  return all;
}

std::unique_ptr<worker::CgroupTree> prepare_for_workers(const std::vector<config::Trigger>& triggers) {
  std::unique_ptr<worker::CgroupTree> tree = take_cgroups(triggers);
  if (const auto guard = worker::start_guard(); !guard)
    log::warn("guard_failed",
              {{"error", guard.error().message},
               {"consequence", "a kill of this process leaves what its workers have started"}});
  return tree;
}

void return_freed_memory() { mallopt(M_MMAP_THRESHOLD, kOwnMapping); }

}  // namespace triggerd::daemon
