// Where what comes with the daemon lies, relative to its own executable: the same in a build tree and
// installed.
#pragma once

#include <string>

namespace triggerd::daemon {

// <prefix>/share/triggerd, from <prefix>/bin/triggerd.
std::string share_directory();

}  // namespace triggerd::daemon
