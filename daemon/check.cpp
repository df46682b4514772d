#include "daemon/check.hpp"

#include <algorithm>
#include <cstdio>

#include "config/load.hpp"
#include "config/sources.hpp"
#include "config/summary.hpp"
#include "daemon/exit_code.hpp"

namespace triggerd::daemon {

std::optional<config::Fleet> accepted(config::Loaded loaded, const std::string& path) {
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    std::fprintf(stderr, "%s\n", config::to_string(diagnostic).c_str());
  }
  const auto errors = std::count_if(
      loaded.diagnostics.begin(), loaded.diagnostics.end(),
      [](const config::Diagnostic& d) { return d.severity == config::Diagnostic::Severity::error; });
  if (errors > 0)
    std::fprintf(stderr, "%s: %ld error%s\n", path.c_str(), static_cast<long>(errors),
                 errors == 1 ? "" : "s");
  return std::move(loaded.fleet);
}

std::optional<config::Fleet> load_fleet(const std::string& path) {
  return accepted(config::load(path, config::system_sources()), path);
}

int check_fleet(const std::string& path) {
  const auto fleet = load_fleet(path);
  if (!fleet) return kConfig;
  std::printf("%s", config::summary(*fleet).c_str());
  return kOk;
}

}  // namespace triggerd::daemon
