// `triggerd check`: what is wrong with a fleet file, or what it would run.
#pragma once

#include <optional>
#include <string>

#include "config/load.hpp"
#include "config/schema.hpp"

namespace triggerd::daemon {

// Prints errors and warnings of the file at `path` to stderr; the fleet where there is no error.
std::optional<config::Fleet> accepted(config::Loaded loaded, const std::string& path);

// Loads it first.
std::optional<config::Fleet> load_fleet(const std::string& path);

// Exit code 78 where the file is wrong.
int check_fleet(const std::string& path);

}  // namespace triggerd::daemon
