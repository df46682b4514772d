// tests/vectors/config: files that are good, and files that are bad and say in their last lines how.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "config/load.hpp"
#include "config/sources.hpp"
#include "config/summary.hpp"

namespace triggerd::config {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = fs::path(TRIGGERD_TESTS_DIR) / "vectors" / "config";

std::vector<std::string> files_ending(const std::string& end) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().string().ends_with(end)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string without(std::string text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
  return text;
}

Loaded load_vector(const std::string& name) {
  Sources sources = system_sources();
  sources.environment = [](const std::string& variable) -> std::optional<std::string> {
    if (variable == "BROKERS") return "kafka1:9092,kafka2:9092";
    if (variable == "SIZE") return "250";
    if (variable == "WORD") return "hunter2";
    if (variable == "EMPTY") return "";
    return std::nullopt;
  };
  return load((kFolder / name).string(), sources);
}

// Positions as the vectors write them: those of the file itself without its name.
std::vector<std::string> found(const std::string& name, const Loaded& loaded) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    std::string line = without(to_string(diagnostic), kFolder.string() + "/");
    if (line.starts_with(name + ":")) line.erase(0, name.size() + 1);
    lines.push_back(line.substr(line.starts_with(' ') ? 1 : 0));
  }
  return lines;
}

std::vector<std::string> expected(const std::string& name) {
  const std::string kMark = "# expect: ";
  std::istringstream text(content(kFolder / name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(kMark)) lines.push_back(line.substr(kMark.size()));
  return lines;
}

class Vector : public testing::TestWithParam<std::string> {};
std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Bad : public Vector {};
TEST_P(Bad, SaysExactlyWhatIsWrong) {
  const Loaded loaded = load_vector(GetParam());
  EXPECT_FALSE(loaded.fleet);
  EXPECT_FALSE(expected(GetParam()).empty()) << "a bad file says what is expected of it";
  EXPECT_EQ(found(GetParam(), loaded), expected(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Config, Bad, testing::ValuesIn(files_ending(".bad.yaml")), test_name);

class Good : public Vector {};
TEST_P(Good, LoadsWithItsWarningsOnly) {
  const Loaded loaded = load_vector(GetParam());
  EXPECT_EQ(found(GetParam(), loaded), expected(GetParam()));
  ASSERT_TRUE(loaded.fleet);
  const std::string golden = GetParam().substr(0, GetParam().find(".good.yaml")) + ".summary";
  if (fs::exists(kFolder / golden)) {
    EXPECT_EQ(without(summary(*loaded.fleet), kFolder.string() + "/"), content(kFolder / golden));
  }
}
INSTANTIATE_TEST_SUITE_P(Config, Good, testing::ValuesIn(files_ending(".good.yaml")), test_name);

TEST(Vectors, AreThere) {
  std::size_t cases = 0;
  for (const std::string& name : files_ending(".bad.yaml")) cases += expected(name).size();
  EXPECT_GE(cases, 200u);
}

}  // namespace
}  // namespace triggerd::config
