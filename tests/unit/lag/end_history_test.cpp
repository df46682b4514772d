#include "lag/end_history.hpp"

#include <gtest/gtest.h>

namespace triggerd::lag {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TimePoint at(std::int64_t s) { return TimePoint{} + seconds(s); }

TEST(EndHistory, TellsWhenARecordWasWritten) {
  EndHistory history;
  EXPECT_FALSE(history.written(Offset{0}));
  history.note(Offset{100}, at(0));
  history.note(Offset{100}, at(10));  // nothing came until 10 s
  history.note(Offset{110}, at(20));
  history.note(Offset{110}, at(30));
  history.note(Offset{210}, at(31));
  struct Row {
    std::int64_t record;
    std::optional<TimePoint> written;
  };
  const Row rows[] = {
      {99, std::nullopt},  // before the first sample
      {100, at(10)},       // the first that came after it
      {105, at(15)},
      {110, at(30)},
      {160, at(30) + milliseconds(500)},
      {209, at(30) + milliseconds(990)},
      {210, std::nullopt},  // yet to come
      {500, std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(history.written(Offset{row.record}), row.written) << row.record;
}

TEST(EndHistory, AnEndThatGoesBackIsAnotherLog) {
  EndHistory history;
  history.note(Offset{100}, at(0));
  history.note(Offset{200}, at(10));
  history.note(Offset{50}, at(20));
  EXPECT_FALSE(history.written(Offset{150}));
  history.note(Offset{60}, at(30));
  EXPECT_EQ(history.written(Offset{55}), at(25));
}

TEST(EndHistory, IsBoundedAndCoarserLongAgo) {
  EndHistory history;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    history.note(Offset{i * 10}, at(i * 5));
    ASSERT_LE(history.size(), EndHistory::kMost);
  }
  // Written at a steady rate, so what is forgotten in between changes nothing.
  for (const std::int64_t record : {0, 10, 12'345, 50'000, 99'980, 99'985}) {
    const auto written = history.written(Offset{record});
    ASSERT_TRUE(written) << record;
    EXPECT_NEAR(static_cast<double>((*written - TimePoint{}).count()) / 1e9, static_cast<double>(record) / 2,
                0.01)
        << record;
  }
}

}  // namespace
}  // namespace triggerd::lag
