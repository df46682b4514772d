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

}  // namespace
}  // namespace triggerd::lag
