#include "kafka/assignment.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace triggerd::kafka {
namespace {

TopicPartition source(const char* topic, std::int32_t partition) {
  return {Topic(topic), Partition{partition}};
}

TEST(LeaderEpochs, AnswerForEachOffset) {
  LeaderEpochs epochs;
  EXPECT_EQ(epochs.of(Offset{5}), -1);
  epochs.note(Offset{10}, 3);
  epochs.note(Offset{20}, 3);
  epochs.note(Offset{30}, 4);
  epochs.note(Offset{40}, 6);
  EXPECT_EQ(epochs.of(Offset{9}), -1);
  EXPECT_EQ(epochs.of(Offset{10}), 3);
  EXPECT_EQ(epochs.of(Offset{29}), 3);
  EXPECT_EQ(epochs.of(Offset{30}), 4);
  EXPECT_EQ(epochs.of(Offset{1000}), 6);
  epochs.forget_below(Offset{35});
  EXPECT_EQ(epochs.of(Offset{29}), -1);
  EXPECT_EQ(epochs.of(Offset{35}), 4);
  EXPECT_EQ(epochs.of(Offset{40}), 6);
}

TEST(LeaderEpochs, GoBackWithAnOffsetReset) {
  LeaderEpochs epochs;
  epochs.note(Offset{100}, 3);
  epochs.note(Offset{200}, 4);
  epochs.note(Offset{50}, 5);
  EXPECT_EQ(epochs.of(Offset{60}), 5);
  EXPECT_EQ(epochs.of(Offset{150}), 5) << "what lay there before is gone";
}

TEST(Assignment, FindsWhatWasAdded) {
  Assignment assignment;
  EXPECT_TRUE(assignment.empty());
  assignment.add({source("a", 0), Offset{7}, {}});
  assignment.add({source("a", 1), Offset{8}, {}});
  assignment.add({source("b", 0), Offset{9}, {}});
  ASSERT_NE(assignment.find("a", 1), nullptr);
  EXPECT_EQ(assignment.find("a", 1)->position, Offset{8});
  EXPECT_EQ(assignment.find("b", 0)->source, source("b", 0));
  EXPECT_EQ(assignment.find("b", 1), nullptr);
  EXPECT_EQ(assignment.find("c", 0), nullptr);
  EXPECT_EQ(assignment.all().size(), 3U);
  assignment.add({source("a", 1), Offset{80}, {}});
  EXPECT_EQ(assignment.find("a", 1)->position, Offset{80}) << "assigned anew";
  assignment.remove({source("a", 1), source("x", 0)});
  EXPECT_EQ(assignment.find("a", 1), nullptr);
  EXPECT_EQ(assignment.all().size(), 2U);
}

TEST(Assignment, ManyPartitionsAreKeptApart) {
  Assignment assignment;
  for (const char* topic : {"orders", "audit", "x"}) {
    for (std::int32_t p = 0; p < 500; ++p) assignment.add({source(topic, p), Offset{p}, {}});
  }
  for (const char* topic : {"orders", "audit", "x"}) {
    for (std::int32_t p = 0; p < 500; ++p) {
      const ReadPartition* found = assignment.find(topic, p);
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->source, source(topic, p));
    }
  }
}

TEST(Assignment, ARevokeNamesWhatIsReadAndNotRevokedYet) {
  Assignment assignment;
  for (std::int32_t p = 0; p < 3; ++p) assignment.add({source("a", p), Offset{0}, {}});
  EXPECT_EQ(assignment.start_revoke({source("a", 0), source("a", 7)}), std::vector{source("a", 0)});
  EXPECT_TRUE(assignment.find("a", 0)->revoking);
  EXPECT_FALSE(assignment.find("a", 1)->revoking);
  EXPECT_EQ(assignment.start_revoke({source("a", 0), source("a", 1)}), std::vector{source("a", 1)});
  auto revoking = assignment.revoking();
  std::ranges::sort(revoking);
  EXPECT_EQ(revoking, (std::vector{source("a", 0), source("a", 1)}));
  assignment.remove(revoking);
  EXPECT_TRUE(assignment.revoking().empty());
  EXPECT_EQ(assignment.all().size(), 1U);
}

TEST(Assignment, ACommitNamesTheEpochOfTheRecordBeforeIt) {
  Assignment assignment;
  assignment.add({source("a", 0), Offset{10}, {}});
  assignment.find("a", 0)->epochs.note(Offset{10}, 1);
  assignment.find("a", 0)->epochs.note(Offset{20}, 2);
  EXPECT_EQ(assignment.commit_epoch({source("a", 0), Offset{10}}), -1) << "nothing of it was read";
  EXPECT_EQ(assignment.commit_epoch({source("a", 0), Offset{20}}), 1);
  EXPECT_EQ(assignment.commit_epoch({source("a", 0), Offset{21}}), 2);
  EXPECT_EQ(assignment.commit_epoch({source("b", 0), Offset{21}}), -1);
}

}  // namespace
}  // namespace triggerd::kafka
