// Whether the daemon has a control group of its own to put limits on workers with: version 2, delegated.
// Shell: looks at files, changes none.
#pragma once

#include <string>
#include <string_view>

namespace triggerd::worker {

struct Cgroup {
  std::string path;         // under the mount; empty: there is no version 2
  bool delegated = false;   // we may make groups below ours
  std::string controllers;  // that could be given to those
};

// The path of version 2 in /proc/self/cgroup ("0::/system.slice/x"); empty: there is none. Pure.
std::string_view unified_path(std::string_view proc_self_cgroup);

// `mount`: where version 2 alone is mounted.
Cgroup find_cgroup(const std::string& proc_self_cgroup, const std::string& mount);

}  // namespace triggerd::worker
