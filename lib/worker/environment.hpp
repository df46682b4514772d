// The environment of a worker process. Pure.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/worker.hpp"

namespace triggerd::worker {

// "NAME=value" lines: the few of the daemon's own (`inherited`) that any program wants (PATH, HOME, USER,
// LOGNAME, LANG, LC_*, TZ, TMPDIR), HOME, USER and LOGNAME as `account` has them, then `added`, then
// TRIGGERD_FD. Nothing else of the daemon's, which may hold secrets. A non-empty `sdk_python_path` goes to
// the end of PYTHONPATH, so that an installed SDK comes first.
std::vector<std::string> worker_environment(std::span<const std::string> inherited,
                                            const std::optional<config::Account>& account,
                                            const std::map<std::string, std::string>& added,
                                            const std::string& sdk_python_path);

// This process's environment, as `inherited` wants it.
std::vector<std::string> own_environment();

}  // namespace triggerd::worker
