// A fleet file of any bytes: it is read, or refused with at least one error, and nothing else happens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.hpp"
#include "config/summary.hpp"

using namespace triggerd;

// The input is two files, split at the first NUL: the fleet file, and what any other path holds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  const std::string fleet = input.substr(0, split);
  const std::string other = split == std::string::npos ? "secret\n" : input.substr(split + 1);
  config::Sources sources;
  sources.read_file = [&](const std::string& path) -> Result<std::string> {
    if (path.find("absent") != std::string::npos) return Error{"read_failed", "cannot read " + path};
    return {boost::system::in_place_value, path == "fleet.yaml" ? fleet : other};
  };
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name.size() > 3) return std::nullopt;
    return name;
  };
  sources.glob = [](const std::string& pattern) -> std::vector<std::string> {
    if (pattern.find('*') == std::string::npos) return {pattern};
    return {"a.yaml", "absent.yaml"};
  };
  sources.account = [](const std::string& user, const std::string& group) -> Result<config::Account> {
    if (user.size() > 4) return Error{"user", "there is no user"};
    if (group.size() > 4) return Error{"group", "there is no group"};
    return config::Account{user, 1, 1, {1}, "/"};
  };
  const config::Loaded loaded = config::load("fleet.yaml", sources);
  bool error = false;
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    error = error || diagnostic.severity == config::Diagnostic::Severity::error;
    if (to_string(diagnostic).find('\n') != std::string::npos) std::abort();
  }
  if (error == loaded.fleet.has_value()) std::abort();
  if (loaded.fleet) static_cast<void>(config::summary(*loaded.fleet));
  return 0;
}
