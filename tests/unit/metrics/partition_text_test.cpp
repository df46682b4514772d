#include "metrics/partition_text.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "metrics/text.hpp"

namespace triggerd::metrics {
namespace {

PartitionValues partition(const char* topic, std::int32_t number) {
  PartitionValues values;
  values.source = {Topic(topic), Partition{number}};
  return values;
}

std::string text(const std::vector<PartitionSnapshot>& triggers) {
  std::string out;
  PartitionText pieces(triggers);
  while (pieces.append(out, 1)) {
  }
  return out;
}

std::string without_comments(const std::string& page) {
  std::string out;
  for (std::size_t begin = 0; begin < page.size();) {
    const std::size_t end = page.find('\n', begin) + 1;
    if (page[begin] != '#') out += page.substr(begin, end - begin);
    begin = end;
  }
  return out;
}

TEST(EscapeLabel, Table) {
  struct Row {
    const char* raw;
    const char* escaped;
  };
  static constexpr Row kRows[] = {{"", ""},           {"orders", "orders"},          {"a\"b", "a\\\"b"},
                                  {"a\\b", "a\\\\b"}, {"two\nlines", "two\\nlines"}, {"größe", "größe"}};
  for (const Row& row : kRows) EXPECT_EQ(escape_label(row.raw), row.escaped) << row.raw;
}

TEST(PartitionText, NothingOwnedIsNoText) {
  EXPECT_EQ(text({}), "");
  EXPECT_EQ(text({{"orders", {}}}), "");
}

TEST(PartitionText, OneLineForEachKnownValue) {
  PartitionValues p = partition("orders", 3);
  p.lag = 7;
  p.behind = std::chrono::milliseconds(1250);
  p.committed = Offset{100};
  p.position = Offset{105};
  p.start = Offset{1};
  p.end = Offset{9007199254740992};
  EXPECT_EQ(without_comments(text({{"t", {p}}})),
            "triggerd_consumer_lag_records{trigger=\"t\",topic=\"orders\",partition=\"3\"} 7\n"
            "triggerd_consumer_lag_seconds{trigger=\"t\",topic=\"orders\",partition=\"3\"} 1.25\n"
            "triggerd_committed_offset{trigger=\"t\",topic=\"orders\",partition=\"3\"} 100\n"
            "triggerd_position_offset{trigger=\"t\",topic=\"orders\",partition=\"3\"} 105\n"
            "triggerd_start_offset{trigger=\"t\",topic=\"orders\",partition=\"3\"} 1\n"
            "triggerd_end_offset{trigger=\"t\",topic=\"orders\",partition=\"3\"} 9007199254740992\n");
}

// An unknown lag must never read as zero: an autoscaler would take it for "nothing to do".
TEST(PartitionText, UnknownValuesHaveNoLineAndNoHead) {
  PartitionValues p = partition("orders", 0);
  p.position = Offset{5};
  const std::string page = text({{"t", {p}}});
  EXPECT_EQ(page.find("lag"), std::string::npos);
  EXPECT_EQ(page.find("committed"), std::string::npos);
  EXPECT_NE(page.find("# TYPE triggerd_position_offset gauge\n"), std::string::npos);
  EXPECT_EQ(without_comments(page),
            "triggerd_position_offset{trigger=\"t\",topic=\"orders\",partition=\"0\"} 5\n");
}

TEST(PartitionText, FamiliesAreNotSplitByTriggers) {
  PartitionValues a = partition("a", 0);
  PartitionValues b = partition("b", 1);
  a.lag = 1;
  b.lag = std::numeric_limits<std::int64_t>::max();
  a.end = Offset{10};
  b.end = Offset{0};
  const std::string page = text({{"t", {a}}, {"u", {b}}});
  EXPECT_EQ(without_comments(page),
            "triggerd_consumer_lag_records{trigger=\"t\",topic=\"a\",partition=\"0\"} 1\n"
            "triggerd_consumer_lag_records{trigger=\"u\",topic=\"b\",partition=\"1\"} 9223372036854775807\n"
            "triggerd_end_offset{trigger=\"t\",topic=\"a\",partition=\"0\"} 10\n"
            "triggerd_end_offset{trigger=\"u\",topic=\"b\",partition=\"1\"} 0\n");
  EXPECT_EQ(page.find("# TYPE triggerd_end_offset"), page.rfind("# TYPE triggerd_end_offset"));
}

TEST(PartitionText, LabelsAreEscaped) {
  PartitionValues p = partition("a\"b", 0);
  p.lag = 1;
  EXPECT_EQ(without_comments(text({{"t\\", {p}}})),
            "triggerd_consumer_lag_records{trigger=\"t\\\\\",topic=\"a\\\"b\",partition=\"0\"} 1\n");
}

}  // namespace
}  // namespace triggerd::metrics
