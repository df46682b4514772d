#include "metrics/catalog.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace triggerd::metrics {
namespace {

std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> result;
  Words rest(list);
  for (std::string_view word = rest.next(); !word.empty(); word = rest.next()) result.emplace_back(word);
  return result;
}

std::string joined(std::string_view list) {
  std::string result;
  for (const std::string& word : words(list)) result += (result.empty() ? "" : ", ") + word;
  return result;
}

TEST(Words, SplitsAList) {
  EXPECT_EQ(words(""), std::vector<std::string>{});
  EXPECT_EQ(words("a"), std::vector<std::string>{"a"});
  EXPECT_EQ(words("a,b_c,d"), (std::vector<std::string>{"a", "b_c", "d"}));
}

TEST(Catalog, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Definition& row : kCatalog) EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

// triggerd_<noun>_<unit>, `_total` for counters and only for them.
TEST(Catalog, NamesFollowTheRule) {
  for (const Definition& row : kCatalog) {
    const std::string name(row.name);
    EXPECT_TRUE(name.starts_with("triggerd_") && !name.ends_with('_')) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
    EXPECT_EQ(name.find("__"), std::string::npos) << name;
    EXPECT_EQ(name.ends_with("_total"), row.type == Type::counter) << name;
    for (const char* reserved : {"_count", "_sum", "_bucket"}) EXPECT_FALSE(name.ends_with(reserved)) << name;
  }
}

TEST(Catalog, LabelsAreBounded) {
  const std::set<std::string> by_fleet{"trigger", "topic",   "partition", "version", "librdkafka",
                                       "group",   "cluster", "error"};  // librdkafka names a hundred errors
  const std::set<std::string> by_values{"outcome", "state", "reason", "kind", "status"};
  for (const Definition& row : kCatalog) {
    const std::vector<std::string> labels = words(row.labels);
    ASSERT_FALSE(labels.empty()) << row.name;
    for (const std::string& label : labels) {
      EXPECT_TRUE(by_fleet.contains(label) || by_values.contains(label)) << row.name << " " << label;
    }
    EXPECT_EQ(by_values.contains(labels.back()), !row.values.empty()) << row.name;
    const std::vector<std::string> values = words(row.values);
    EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), values.size()) << row.name;
  }
}

TEST(Catalog, HelpIsASentence) {
  for (const Definition& row : kCatalog) {
    EXPECT_TRUE(row.help.ends_with('.') || row.name.ends_with("_limit_records")) << row.name;
    EXPECT_EQ(row.help.find_first_of("\n\\|"), std::string_view::npos) << row.name;
  }
}

// Names that alert rules, dashboards and autoscalers of other people rely on.
TEST(Catalog, KeepsTheNamesOthersRelyOn) {
  struct Promise {
    const char* name;
    const char* labels;
  };
  static constexpr Promise kPromises[] = {
      {"triggerd_consumer_lag_records", "trigger,topic,partition"},
      {"triggerd_records_settled_total", "trigger,outcome"},
      {"triggerd_worker_processes", "trigger,state"},
      {"triggerd_consumer_lag_seconds", "trigger,topic,partition"},
      {"triggerd_scale_target_instances", "trigger"},
      {"triggerd_in_flight_records", "trigger"},
  };
  for (const auto& promise : kPromises) {
    const auto found = std::ranges::find(kCatalog, std::string_view(promise.name), &Definition::name);
    ASSERT_NE(found, std::end(kCatalog)) << promise.name;
    EXPECT_EQ(found->labels, promise.labels) << promise.name;
  }
}

TEST(Catalog, ReadmeShowsTheSameTable) {
  std::string expected;
  for (const Definition& row : kCatalog) {
    expected += "| `" + std::string(row.name) + "` | " + name(row.type) + " | " + joined(row.labels) +
                (row.values.empty() ? "" : ": " + joined(row.values)) + " | " + std::string(row.help) +
                " |\n";
  }
  std::ifstream readme(TRIGGERD_TESTS_DIR "/../lib/metrics/README.md");
  ASSERT_TRUE(readme) << "lib/metrics/README.md is not there";
  std::string shown;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("| `")) shown += line + "\n";
  }
  EXPECT_EQ(shown, expected) << "copy this table into lib/metrics/README.md:\n" << expected;
}

}  // namespace
}  // namespace triggerd::metrics
