#include "lag/lag.hpp"

#include <gtest/gtest.h>

namespace triggerd::lag {
namespace {

struct Case {
  const char* name;
  PartitionOffsets offsets;
  std::optional<std::int64_t> lag;
};

TEST(Lag, Table) {
  const Case cases[] = {
      {"behind", {Offset{100}, Offset{40}, Offset{0}}, 60},
      {"caught up", {Offset{100}, Offset{100}, Offset{0}}, 0},
      {"the commit is newer than the end we know", {Offset{100}, Offset{103}, Offset{0}}, 0},
      {"no commit: from where we began", {Offset{100}, std::nullopt, Offset{90}}, 10},
      {"empty partition", {Offset{0}, std::nullopt, Offset{0}}, 0},
      {"an unknown end is no lag of 0", {std::nullopt, Offset{40}, Offset{0}}, std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(records(c.offsets), c.lag) << c.name;
}

TEST(Lag, WhereAllIsKnown) {
  struct Row {
    const char* name;
    std::int64_t start, end, base, lag;
  };
  const Row rows[] = {
      {"behind", 0, 100, 40, 60},
      {"caught up", 0, 100, 100, 0},
      {"retention has taken what the commit is before", 70, 100, 40, 30},
      {"all of the log", 70, 100, 70, 30},
      {"the commit is beyond the end", 0, 100, 103, 0},
      {"retention has taken everything", 100, 100, 40, 0},
  };
  for (const Row& row : rows)
    EXPECT_EQ(records(Offset{row.start}, Offset{row.end}, Offset{row.base}), row.lag) << row.name;
}

}  // namespace
}  // namespace triggerd::lag
