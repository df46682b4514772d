// config/: the examples load without a word, and README.md and fleet.example.yaml name every key that exists.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "config/parse.hpp"
#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = fs::path(TRIGGERD_TESTS_DIR).parent_path() / "config";

std::string content(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Examples, LoadWithoutAWord) {
  for (const char* name : {"fleet.minimal.yaml", "fleet.example.yaml"}) {
    World world{{{name, content(kFolder / name)},
                 {"/etc/triggerd/secrets/kafka", "secret\n"},
                 {"/etc/triggerd/secrets/client-key", "secret\n"},
                 {"/etc/hostname", "vm1\n"},
                 {"/etc/triggerd/tls/ca.pem", vector_file("ca.pem")},
                 {"/etc/triggerd/tls/client.pem", vector_file("client.pem")},
                 {"/etc/triggerd/tls/client-and-key.pem", vector_file("both.pem")},
                 {"/etc/triggerd/triggerd.keytab", "keytab"},
                 {"/etc/triggerd/secrets/event-hub", "Endpoint=sb://space/;SharedAccessKey=k"},
                 {"/etc/triggerd/tls/client.key", vector_file("client.key")}},
                {{"DATABASE_URL", "postgres://"}},
                {{"orders:orders", {"orders", 4711, 4711, {4711}, "/srv/orders"}}}};
    const Loaded loaded = load(name, world.sources());
    EXPECT_EQ(lines(loaded.diagnostics), "") << name;
    EXPECT_TRUE(loaded.fleet) << name;
  }
}

TEST(Examples, TheFullOneShowsEveryKey) {
  const std::string text = content(kFolder / "fleet.example.yaml");
  for (const KeyGroup& group : known_keys())
    for (const std::string_view key : group.keys)
      EXPECT_TRUE(std::regex_search(text, std::regex("(^|[\\n {])" + std::string(key) + ":")))
          << group.section << " " << key;
}

// The keys in the first column of the tables, by the heading above them.
std::map<std::string, std::set<std::string>> documented() {
  std::map<std::string, std::set<std::string>> keys;
  std::istringstream text(content(kFolder / "README.md"));
  std::string heading;
  for (std::string line; std::getline(text, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("#+ (.*)")))
      heading = match[1];
    else if (std::regex_search(line, match, std::regex("^\\| `([A-Za-z]+)` \\|")))
      keys[heading == "The file" ? "fleet" : heading].insert(match[1]);
  }
  return keys;
}

TEST(Reference, ReadmeNamesTheKeysThereAre) {
  std::map<std::string, std::set<std::string>> known;
  for (const KeyGroup& group : known_keys())
    known[std::string(group.section)].insert(group.keys.begin(), group.keys.end());
  EXPECT_EQ(documented(), known);
}

}  // namespace
}  // namespace triggerd::config
