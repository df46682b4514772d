#include "worker/environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <unistd.h>

#include "worker/process.hpp"

namespace triggerd::worker {
namespace {

bool for_any_program(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kNames = {"PATH", "HOME", "USER",  "LOGNAME",
                                                             "LANG", "TZ",   "TMPDIR"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("LC_");
}

}  // namespace

std::vector<std::string> worker_environment(std::span<const std::string> inherited,
                                            const std::optional<config::Account>& account,
                                            const std::map<std::string, std::string>& added,
                                            const std::string& sdk_python_path) {
  std::map<std::string, std::string> variables;
  for (const std::string& line : inherited) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    std::string name = line.substr(0, equals);
    if (for_any_program(name)) variables.insert_or_assign(std::move(name), line.substr(equals + 1));
  }
  if (account) {
    variables.insert_or_assign("HOME", account->home);
    variables.insert_or_assign("USER", account->name);
    variables.insert_or_assign("LOGNAME", account->name);
  }
  for (const auto& [name, value] : added) variables.insert_or_assign(name, value);
  if (!sdk_python_path.empty()) {
    std::string& path = variables["PYTHONPATH"];
    if (!path.empty()) path += ':';
    path += sdk_python_path;
  }
  variables.insert_or_assign("TRIGGERD_FD", std::to_string(kWorkerSocketFd));
  std::vector<std::string> result;
  result.reserve(variables.size());
  for (const auto& [name, value] : variables) result.push_back(name + "=" + value);
  return result;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> result;
  for (char** line = environ; line != nullptr && *line != nullptr; ++line) result.emplace_back(*line);
  return result;
}

}  // namespace triggerd::worker
