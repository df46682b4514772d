// The real doors to files, the environment and shell patterns, for load(). Not pure; any thread that nothing
// else changes the environment under.
#pragma once

#include "config/load.hpp"

namespace triggerd::config {

Sources system_sources();

}  // namespace triggerd::config
