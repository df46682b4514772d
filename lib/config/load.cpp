#include "config/load.hpp"

#include <algorithm>
#include <set>

#include "config/parse.hpp"
#include "config/validate.hpp"

namespace triggerd::config {
namespace {

constexpr std::size_t kMostFiles = 1'000;

// Reads the fleet file and what it includes. Each file once, however often patterns name it.
std::vector<File> read_files(const std::string& path, const Sources& sources, Findings& findings) {
  std::vector<File> files;
  const Result<std::string> text = sources.read_file(path);
  if (!text) {
    findings.error({path, 0, 0}, "", text.error().message);
    return files;
  }
  files.push_back({path, read(path, *text, findings)});
  if (!files[0].root && !findings.any_error()) findings.error({path, 0, 0}, "", "is empty");
  std::set<std::string> seen{path};
  for (const Include& include : read_includes(files[0], sources, findings)) {
    const std::vector<std::string> matches = sources.glob(include.pattern);
    const bool is_pattern = include.pattern.find_first_of("*?[") != std::string::npos;
    if (matches.empty() && !is_pattern)
      findings.error(include.position, include.path, "there is no file " + in_quotes(include.shown));
    for (const std::string& match : matches) {
      if (!seen.insert(match).second) continue;
      if (files.size() > kMostFiles) {
        findings.error(include.position, include.path, "more than " + std::to_string(kMostFiles) + " files");
        return files;
      }
      const Result<std::string> included = sources.read_file(match);
      if (included)
        files.push_back({match, read(match, *included, findings)});
      else
        findings.error(include.position, include.path, included.error().message);
    }
  }
  return files;
}

// Where the file says nothing: what systemd has made for StateDirectory=, the first where it names several.
std::string given_state_directory(const Sources& sources) {
  const std::string list = sources.environment("STATE_DIRECTORY").value_or("");
  return list.substr(0, list.find(':'));
}

}  // namespace

Loaded load(const std::string& path, const Sources& sources) {
  Findings findings;
  const std::vector<File> files = read_files(path, sources, findings);
  // With a file missing, every name it would have brought were an error too.
  const bool complete = !findings.any_error();
  Loaded loaded;
  if (!files.empty()) {
    Fleet fleet = parse(files, sources, findings);
    if (fleet.state_directory.empty()) fleet.state_directory = given_state_directory(sources);
    if (complete) {
      look_up_accounts(fleet, sources, findings);
      validate(fleet, sources, findings);
      if (fleet.triggers.empty() && !findings.any_error())
        findings.warning({path, 0, 0}, "", "no trigger: there is nothing to run");
    }
    if (!findings.any_error()) loaded.fleet = std::move(fleet);
  }
  loaded.diagnostics = findings.take();
  return loaded;
}

}  // namespace triggerd::config
