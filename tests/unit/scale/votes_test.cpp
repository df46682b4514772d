// Each rule of the original's scalers: KafkaGenericTopicScaler, KafkaGenericTargetScaler, ScaleManager.
#include "scale/votes.hpp"

#include <gtest/gtest.h>

namespace triggerd::scale {
namespace {

using std::chrono::seconds;
using Lags = std::vector<std::int64_t>;

TEST(IncrementalVote, Table) {
  struct Row {
    const char* rule;
    Lags lags;
    std::int64_t workers, partitions;
    int vote;
  };
  const Row rows[] = {
      {"four samples are too few", {0, 0, 0, 0}, 3, 2, 0},
      {"no samples", {}, 3, 2, 0},
      {"1: more workers than partitions", {9, 9, 9, 9, 9'000}, 3, 2, -1},
      {"1: as many workers as partitions are no reason", {5, 5, 5, 5, 5}, 2, 2, 0},
      {"1: unknown partitions are no reason", {5, 5, 5, 5, 5}, 2, 0, 0},
      {"2: no lag in any sample", {0, 0, 0, 0, 0}, 1, 8, -1},
      {"2: lag in a sample before the last five", {7, 0, 0, 0, 0, 0}, 1, 8, 0},
      {"3: above the threshold per worker", {0, 0, 0, 0, 2'001}, 2, 3, 1},
      {"3: at the threshold per worker", {0, 0, 0, 0, 2'000}, 2, 3, 0},
      {"3: no partition for one more", {1, 1, 1, 1, 9'000}, 3, 3, 0},
      {"3: ends the rules, though the lag falls", {9'900, 9'800, 9'700, 9'600, 9'001}, 9, 9, 0},
      {"3: no workers, any lag", {0, 0, 0, 0, 1}, 0, 3, 1},
      {"3: no workers, and no lag any more", {5, 0, 0, 0, 0}, 0, 3, 0},
      {"4: rising, below the threshold", {1, 2, 3, 4, 5}, 1, 2, 1},
      {"4: rising, but the first sample was 0", {0, 2, 3, 4, 5}, 1, 2, 0},
      {"4: the first sample of all counts, not of the last five", {0, 1, 2, 3, 4, 5}, 1, 2, 0},
      {"4: only the last five need to rise", {9, 1, 2, 3, 4, 5}, 1, 2, 1},
      {"4: not strictly", {1, 2, 3, 3, 5}, 1, 2, 0},
      {"4: no partition for one more", {1, 2, 3, 4, 5}, 2, 2, 0},
      {"5: falling, and fewer would do", {3'003, 3'002, 3'001, 3'000, 2'999}, 4, 4, -1},
      {"5: falling, fewer would not do", {3'500, 3'400, 3'300, 3'200, 3'000}, 4, 4, 0},
      {"5: falling, and one of two would do", {500, 400, 300, 200, 100}, 2, 4, -1},
      {"5: not strictly", {3'000, 2'900, 2'900, 2'800, 2'700}, 4, 4, 0},
      {"5: the last worker stays", {500, 400, 300, 200, 100}, 1, 4, 0},
      {"5: only the last five need to fall", {1, 500, 400, 300, 200, 100}, 4, 4, -1},
      {"6: none of them", {5, 4, 5, 4, 5}, 2, 4, 0},
      {"the product would overflow", {1, 1, 1, 1, 1LL << 62}, 3, 9, 1},
  };
  for (const Row& row : rows)
    EXPECT_EQ(incremental_vote(row.lags, row.workers, row.partitions, 1'000), row.vote) << row.rule;
}

std::int64_t first_target(std::int64_t lag, std::int64_t partitions,
                          std::optional<std::int64_t> concurrency) {
  TargetMemory memory;
  return target_result(lag, partitions, 1'000, concurrency, memory, TimePoint{});
}

TEST(TargetResult, Table) {
  EXPECT_EQ(first_target(0, 8, {}), 0) << "no lag";
  EXPECT_EQ(first_target(1, 8, {}), 1) << "rounded up";
  EXPECT_EQ(first_target(2'000, 8, {}), 2);
  EXPECT_EQ(first_target(2'001, 8, {}), 3);
  EXPECT_EQ(first_target(90'000, 8, {}), 8) << "at most the partitions";
  EXPECT_EQ(first_target(90'000, 0, {}), 0) << "no partitions";
  EXPECT_EQ(first_target(90, 8, 30), 3) << "the concurrency in place of the threshold";
}

TEST(TargetResult, NotDownWithinAMinuteOfGoingUp) {
  TargetMemory memory;
  const auto at = [&](int second, std::int64_t lag) {
    return target_result(lag, 20, 1'000, {}, memory, TimePoint{seconds(second)});
  };
  EXPECT_EQ(at(0, 2'000), 2);
  EXPECT_EQ(at(10, 8'000), 8);
  EXPECT_EQ(at(30, 3'000), 8) << "the last target";
  EXPECT_EQ(at(69, 3'000), 8) << "repeating it was not going up";
  EXPECT_EQ(at(70, 3'000), 3) << "a minute after";
  EXPECT_EQ(at(71, 4'000), 4);
  EXPECT_EQ(at(72, 0), 0) << "no lag is not held";
  EXPECT_EQ(at(73, 1'000), 1) << "up from 0";
}

TEST(HostStatus, Table) {
  struct Row {
    const char* rule;
    std::vector<FunctionScale> functions;
    std::int64_t workers;
    int vote;
    std::optional<std::int64_t> target;
  };
  const Row rows[] = {
      {"any out", {{"a", -1}, {"b", 1}, {"c", 0}}, 3, 1, {}},
      {"all in", {{"a", -1}, {"b", -1}}, 3, -1, {}},
      {"all in without workers", {{"a", -1}, {"b", -1}}, 0, 0, {}},
      {"not all in", {{"a", -1}, {"b", 0}}, 3, 0, {}},
      {"no functions", {}, 1, -1, {}},
      {"no functions, no workers", {}, 0, 0, {}},
      {"targets: the greatest, above", {{"a", 0, 2}, {"b", 0, 5}, {"c", 0, 3}}, 3, 1, 5},
      {"targets: equal", {{"a", 0, 3}, {"b", 0, 1}}, 3, 0, 3},
      {"targets: below", {{"a", 0, 0}}, 3, -1, 0},
      {"a function that votes has the say", {{"a", 0, 9}, {"b", -1}}, 3, -1, 9},
  };
  for (const Row& row : rows) {
    const HostStatus status = host_status(row.functions, row.workers);
    EXPECT_EQ(status.vote, row.vote) << row.rule;
    EXPECT_EQ(status.target_workers, row.target) << row.rule;
  }
}

TEST(HostStatus, EachFunctionIsNamed) {
  const HostStatus status = host_status({{"a", 0, 2}, {"b", -1}}, 3);
  EXPECT_EQ(status.votes, (std::map<std::string, int>{{"b", -1}}));
  EXPECT_EQ(status.targets, (std::map<std::string, std::int64_t>{{"a", 2}}));
}

}  // namespace
}  // namespace triggerd::scale
