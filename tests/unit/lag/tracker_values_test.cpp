#include <limits>

#include "unit/lag/rig.hpp"

namespace triggerd::lag {
namespace {

TEST(Tracker, BehindOfAnOwnedPartitionIsTheAgeOfItsOldestRecord) {
  struct Row {
    const char* name;
    std::int64_t commit;
    std::optional<WallMillis> oldest;
    std::optional<Duration> behind;
  };
  const WallMillis at = kWall + 5000;  // of the refresh
  const Row rows[] = {
      {"2 s old", 90, at - 2000, seconds(2)},
      {"from the future", 90, at + 60'000, Duration::zero()},
      {"from another age", 90, std::numeric_limits<WallMillis>::max(), Duration::zero()},
      {"from 1970", 90, 0, milliseconds(at)},
      {"caught up", 100, at - 2000, Duration::zero()},
      {"without a timestamp", 90, -1, {}},
      {"nothing read yet", 90, {}, {}},
  };
  for (const Row& row : rows) {
    Rig rig;
    rig.set(no_commit(), log_of(0, 100)).own(Offset{row.commit}, 0, row.oldest);
    EXPECT_EQ(rig.one().behind, row.behind) << row.name;
  }
}

TEST(Tracker, BehindOfOthersIsInterpolatedFromHowTheEndGrew) {
  Rig rig;
  EXPECT_FALSE(rig.set(committed(90), log_of(0, 100)).one().behind) << "written before we looked";
  EXPECT_FALSE(rig.set(committed(90), log_of(0, 110)).one().behind);
  EXPECT_EQ(rig.set(committed(100), log_of(0, 110)).one().behind, seconds(10));
  EXPECT_EQ(rig.set(committed(105), log_of(0, 120)).one().behind, milliseconds(12'500));
  EXPECT_EQ(rig.set(committed(120), log_of(0, 120)).one().behind, Duration::zero());
  EXPECT_EQ(rig.set(committed(90), log_of(115, 120)).one().behind, milliseconds(12'500))
      << "of the oldest record that is left: 115";
}

TEST(Tracker, MovedIsWhenTheBaseChanged) {
  Rig rig;
  const TimePoint first = rig.set(committed(40), log_of(0, 100)).one().moved;
  EXPECT_EQ(first, rig.now);
  EXPECT_EQ(rig.set(committed(40), log_of(0, 130)).one().moved, first);
  const PartitionLag lag = rig.set(committed(41), log_of(0, 130)).one();
  EXPECT_EQ(lag.moved, rig.now);
  EXPECT_EQ(lag.sampled, rig.now);
}

TEST(Tracker, WhoOwnsAPartitionAndHowManyMembersThereAre) {
  Rig rig;
  rig.set(committed(0), log_of(0, 1));
  Snapshot snapshot = rig.refresh();
  EXPECT_EQ(snapshot.partitions.at(0).owner, Owner::unknown);
  EXPECT_FALSE(snapshot.members);
  rig.answers.group = GroupAnswer{2, {source("orders", 0)}};
  snapshot = rig.refresh();
  EXPECT_EQ(snapshot.partitions.at(0).owner, Owner::other);
  EXPECT_EQ(snapshot.members, 2u);
  rig.answers.group.reset();  // not asked this time
  snapshot = rig.refresh();
  EXPECT_EQ(snapshot.partitions.at(0).owner, Owner::other);
  EXPECT_EQ(snapshot.members, 2u);
  rig.own(Offset{0}, 0);
  snapshot = rig.refresh();
  EXPECT_EQ(snapshot.partitions.at(0).owner, Owner::us);
  EXPECT_FALSE(snapshot.members) << "nobody asks when all is ours";
  rig.owned.clear();
  EXPECT_EQ(rig.set(committed(0), log_of(0, 1)).one().owner, Owner::unknown);
  rig.answers.group = GroupAnswer{0, {}};
  snapshot = rig.refresh();
  EXPECT_EQ(snapshot.partitions.at(0).owner, Owner::nobody);
  EXPECT_EQ(snapshot.members, 0u);
  rig.answers.group = GroupAnswer{2, {}, true};
  EXPECT_EQ(rig.refresh().partitions.at(0).owner, Owner::unknown)
      << "while the group rebalances nobody can say";
}

TEST(Tracker, TheConditionIsOfTheAnsweredSamples) {
  Rig rig;
  rig.answers.group = GroupAnswer{0, {}};
  rig.set(committed(0), log_of(0, 1));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(rig.one().condition, Condition::ok);
  rig.set(committed(0), log_failed());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(rig.one().condition, Condition::ok);
  EXPECT_EQ(rig.set(committed(0), log_of(0, 1)).one().condition, Condition::stopped);
}

}  // namespace
}  // namespace triggerd::lag
