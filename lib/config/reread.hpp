// The files that settings were taken from, looked at again while the fleet runs: `${file:…}` and those that a
// …Location names. The fleet file and what it includes stay as they were read first. Pure: the world comes in
// as Sources. Thread: one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "config/renewal.hpp"

namespace triggerd::config {

class Reread {
 public:
  // `path` as load() takes it.
  Reread(std::string path, Sources sources);
  Reread(const Reread&) = delete;
  Reread& operator=(const Reread&) = delete;

  // As config::load(). Called before look(), which does it again.
  Loaded load();

  struct Change {
    Loaded loaded;                // with what the files say now
    std::set<std::string> files;  // that have changed since the last fleet without an error
  };
  // Nothing while all is as it was, or while a file differs from the last look: it is being written. What is
  // missing or empty for a while counts as unchanged. Reads every file.
  std::optional<Change> look();

 private:
  const std::string path_;
  const Sources sources_;
  std::set<std::string> fleet_files_;                                        // not settings
  std::map<std::string, Result<std::string>> fleet_texts_;                   // by path
  std::map<std::string, std::vector<std::string>> fleet_globs_;              // by pattern
  std::map<std::pair<std::string, std::string>, Result<Account>> accounts_;  // by user and group
  std::map<std::string, std::string> texts_, last_look_;                     // of settings, by path
  std::set<std::string> changed_;
};

// `files`: that have changed, for a connection may name them.
Renewal renewal(const Connection& before, const Connection& now, const std::set<std::string>& files);

}  // namespace triggerd::config
