#include "worker/rights.hpp"

#include <cstdint>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace triggerd::worker {
namespace {

// The effective ones, a bit each.
std::uint64_t own_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return 0;
  return data[0].effective | std::uint64_t{data[1].effective} << 32;
}

bool above_ours(__rlimit_resource resource, std::uint64_t wanted) {
  rlimit ours{};
  return ::getrlimit(resource, &ours) == 0 && ours.rlim_max != RLIM_INFINITY && wanted > ours.rlim_max;
}

}  // namespace

bool is_own(const config::Account& account) {
  return account.uid == ::geteuid() && account.uid == ::getuid() && account.gid == ::getegid() &&
         account.gid == ::getgid();
}

std::string missing_rights(const config::WorkerSpec& worker) {
  const std::uint64_t have = own_capabilities();
  std::string missing;
  const auto need = [&](unsigned capability, const char* name) {
    if ((have >> capability & 1) == 0) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  if (worker.account && !is_own(*worker.account)) {
    need(CAP_SETUID, "CAP_SETUID");
    need(CAP_SETGID, "CAP_SETGID");
    need(CAP_KILL, "CAP_KILL");
  }
  const config::ProcessLimits& limits = worker.limits;
  if ((limits.open_files && above_ours(RLIMIT_NOFILE, *limits.open_files)) ||
      (limits.address_space && above_ours(RLIMIT_AS, *limits.address_space)))
    need(CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE");
  return missing;
}

}  // namespace triggerd::worker
