// A fleet file and everything it includes → a Fleet, or every error in it at once. Pure: what it needs of the
// world comes in as Sources.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/diagnostic.hpp"
#include "config/schema.hpp"

namespace triggerd::config {

// The doors to the world that reading a fleet needs. system_sources() (config/sources.hpp) opens the real
// ones.
struct Sources {
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  // Paths matching a shell pattern, sorted; empty where none does.
  std::function<std::vector<std::string>(const std::string& pattern)> glob;
  // By name or number, with the group, if not empty, in place of the user's own. The error's code is user or
  // group: which of the two there is not.
  std::function<Result<Account>(const std::string& user, const std::string& group)> account;
};

struct Loaded {
  std::optional<Fleet> fleet;           // empty where any diagnostic is an error
  std::vector<Diagnostic> diagnostics;  // sorted; errors and warnings
};

// `path` is the fleet file as the user named it; includes are relative to the file that names them.
Loaded load(const std::string& path, const Sources& sources);

}  // namespace triggerd::config
