#include "checkpoint/read_times.hpp"

#include <gtest/gtest.h>

namespace triggerd::checkpoint {
namespace {

std::optional<WallMillis> at(const ReadTimes& times, std::int64_t offset) { return times.at(Offset{offset}); }

TEST(ReadTimes, ARecordIsAsOldAsItsTimestampOrALittleOlder) {
  ReadTimes times;
  EXPECT_EQ(at(times, 5), std::nullopt) << "nothing was read";
  times.read(Offset{5}, 1000);
  times.read(Offset{6}, 1099);
  times.read(Offset{9}, 1100);
  EXPECT_EQ(at(times, 4), std::nullopt);
  EXPECT_EQ(at(times, 5), 1000);
  EXPECT_EQ(at(times, 6), 1000);
  EXPECT_EQ(at(times, 9), 1100);
  EXPECT_EQ(at(times, 100), 1100);
}

TEST(ReadTimes, TimestampsThatGoBackAreKept) {
  ReadTimes times;
  times.read(Offset{5}, 5000);
  times.read(Offset{6}, 10);
  times.read(Offset{7}, 5000);
  EXPECT_EQ(at(times, 5), 5000);
  EXPECT_EQ(at(times, 6), 10);
  EXPECT_EQ(at(times, 7), 5000);
}

TEST(ReadTimes, ARecordWithoutATimestampHasNoAge) {
  ReadTimes times;
  times.read(Offset{5}, -1);
  times.read(Offset{6}, 50);
  times.read(Offset{7}, -1);
  EXPECT_EQ(at(times, 5), std::nullopt);
  EXPECT_EQ(at(times, 6), 50);
  EXPECT_EQ(at(times, 7), std::nullopt);
}

TEST(ReadTimes, ForgettingKeepsWhatCoversTheOffset) {
  ReadTimes times;
  for (std::int64_t o = 0; o < 10; ++o) times.read(Offset{o}, o * 1000);
  times.forget_below(Offset{4});
  EXPECT_EQ(at(times, 3), std::nullopt);
  EXPECT_EQ(at(times, 4), 4000);
  times.forget_below(Offset{100});
  EXPECT_EQ(at(times, 100), 9000);
}

}  // namespace
}  // namespace triggerd::checkpoint
