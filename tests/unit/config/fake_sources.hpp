// Sources over maps: a world that a test writes down.
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <fnmatch.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace triggerd::config {

struct World {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> environment;
  std::map<std::string, Account> accounts = {};  // by "user" or "user:group"

  // Keeps a reference to this world.
  Sources sources() const {
    Sources s;
    s.read_file = [this](const std::string& path) -> Result<std::string> {
      const auto it = files.find(path);
      if (it == files.end())
        return Error{"read_failed", "cannot read " + path + ": No such file or directory"};
      return {boost::system::in_place_value, it->second};
    };
    s.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = environment.find(name);
      return it == environment.end() ? std::nullopt : std::optional(it->second);
    };
    s.glob = [this](const std::string& pattern) {
      std::vector<std::string> found;
      for (const auto& [path, text] : files)
        if (::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0) found.push_back(path);
      return found;
    };
    s.account = [this](const std::string& user, const std::string& group) -> Result<Account> {
      const auto it = accounts.find(group.empty() ? user : user + ":" + group);
      if (it == accounts.end()) return Error{"user", "there is no user"};
      return it->second;
    };
    return s;
  }
};

// A file of tests/vectors/config/files.
inline std::string vector_file(const std::string& name) {
  std::ifstream in(std::string(TRIGGERD_TESTS_DIR) + "/vectors/config/files/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One file, f.yaml, in an otherwise empty world.
inline Loaded load_text(const std::string& text, World world = {}) {
  world.files["f.yaml"] = text;
  return load("f.yaml", world.sources());
}

// Diagnostics as a person sees them, one a line.
inline std::string lines(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_string(diagnostic) + "\n";
  return text;
}

inline const std::string kSmallest =
    "clusters:\n"
    "  main: {brokerList: 'k:1'}\n"
    "triggers:\n"
    "  orders:\n"
    "    cluster: main\n"
    "    topic: orders\n"
    "    worker: {command: [worker]}\n";

// The fleet of a file that must be good.
inline Fleet good(const std::string& text, World world = {}) {
  const Loaded loaded = load_text(text, std::move(world));
  EXPECT_TRUE(loaded.fleet) << lines(loaded.diagnostics);
  return loaded.fleet.value_or(Fleet{});
}

}  // namespace triggerd::config
