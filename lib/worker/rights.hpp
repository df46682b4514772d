// Whether this process may do what a worker's user and limits ask of it. Shell: asks the kernel.
#pragma once

#include <string>

#include "config/worker.hpp"

namespace triggerd::worker {

// The account is the one we run under: nothing is to be changed, our supplementary groups stay.
bool is_own(const config::Account& account);

// The capabilities that are missing to start such a worker, and to end it: "CAP_SETUID, CAP_KILL"; empty:
// none.
std::string missing_rights(const config::WorkerSpec& worker);

}  // namespace triggerd::worker
