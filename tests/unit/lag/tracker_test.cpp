#include "unit/lag/rig.hpp"

namespace triggerd::lag {
namespace {

TEST(Tracker, WhereLagIsCountedFrom) {
  struct Row {
    const char* name;
    Kind kind;
    CommitAnswer commit;
    std::optional<Offset> at_time;
    std::optional<std::int64_t> base, lag;
  };
  const Row rows[] = {
      // the log is 10 … 100
      {"the commit", Kind::latest, committed(40), {}, 40, 60},
      {"the commit, whatever startFrom", Kind::error, committed(40), {}, 40, 60},
      {"a commit that retention has overtaken", Kind::earliest, committed(4), {}, 4, 90},
      {"earliest", Kind::earliest, no_commit(), {}, 10, 90},
      {"latest", Kind::latest, no_commit(), {}, 100, 0},
      {"a time in the log", Kind::time, no_commit(), Offset{70}, 70, 30},
      {"a time past the end", Kind::time, no_commit(), Offset{100}, 100, 0},
      {"error: not known, which is no lag of 0", Kind::error, no_commit(), {}, {}, {}},
  };
  for (const Row& row : rows) {
    Rig rig(row.kind);
    LogAnswer log = log_of(10, 100);
    log.at_time = row.at_time;
    const Snapshot snapshot = rig.set(row.commit, log).refresh();
    ASSERT_EQ(snapshot.partitions.size(), 1u) << row.name;
    const PartitionLag& lag = snapshot.partitions[0];
    EXPECT_EQ(lag.base, row.base ? std::optional(Offset{*row.base}) : std::nullopt) << row.name;
    EXPECT_EQ(lag.lag, row.lag) << row.name;
    EXPECT_EQ(lag.committed, row.commit.committed) << row.name;
    EXPECT_EQ(lag.unread, row.kind == Kind::error && !row.base) << row.name;
    EXPECT_FALSE(lag.failed) << row.name;
    EXPECT_TRUE(snapshot.complete) << row.name;
    EXPECT_EQ(snapshot.taken, rig.now) << row.name;
  }
}

TEST(Tracker, LatestIsTheEndAtFirstSight) {
  Rig rig(Kind::latest);
  EXPECT_EQ(rig.set(no_commit(), log_of(0, 100)).one().lag, 0);
  EXPECT_EQ(rig.set(no_commit(), log_of(0, 130)).one().lag, 30);
  EXPECT_EQ(rig.set(no_commit(), log_of(120, 130)).one().lag, 10) << "retention";
}

TEST(Tracker, ATimeIsAskedUntilItIsInTheLog) {
  Rig rig(Kind::time);
  const auto needs = [&] { return rig.tracker.needs_time(source("orders", 0), rig.answers); };
  LogAnswer log = log_of(0, 100);
  log.at_time = Offset{100};
  rig.set(no_commit(), log);
  EXPECT_EQ(rig.one().lag, 0);
  EXPECT_TRUE(needs()) << "records before the time may still come";
  log = log_of(0, 120);
  log.at_time = Offset{110};
  rig.set(no_commit(), log);
  EXPECT_EQ(rig.one().lag, 10);
  EXPECT_FALSE(needs());
  EXPECT_EQ(rig.set(no_commit(), log_of(0, 150)).one().lag, 40);
  rig.set(committed(140), log_of(0, 150));
  EXPECT_FALSE(needs());
  EXPECT_EQ(rig.one().lag, 10);
}

TEST(Tracker, ATimeThatWasNotAnsweredIsUnknown) {
  Rig rig(Kind::time);
  const Snapshot snapshot = rig.set(no_commit(), log_of(0, 100)).refresh();
  EXPECT_FALSE(snapshot.complete);
  EXPECT_FALSE(snapshot.partitions[0].lag);
}

TEST(Tracker, AnOwnedPartitionCountsFromItsCommitElseFromWhereWeBegan) {
  Rig rig(Kind::latest);
  rig.set(no_commit(), log_of(10, 100)).own({}, 70);
  EXPECT_EQ(rig.one().lag, 30);
  PartitionLag lag = rig.own(Offset{80}, 70).one();
  EXPECT_EQ(lag.lag, 20);
  EXPECT_EQ(lag.committed, Offset{80});
  EXPECT_EQ(lag.owner, Owner::us);
}

TEST(Tracker, APartitionThatComesLaterBeginsAtItsStart) {
  struct Row {
    const char* name;
    Kind kind;
    std::set<std::string> named;
    CommitAnswer first;                // of orders[0]
    std::int64_t lag_1, lag_of_other;  // of orders[1], and of another topic
  };
  const Row rows[] = {
      // all logs are 0 … 50, only orders[0] has a commit
      {"the group reads the topic", Kind::latest, {"orders", "other"}, committed(50), 50, 0},
      {"the group only begins", Kind::latest, {"orders", "other"}, committed(50, true), 0, 0},
      {"nobody reads", Kind::latest, {"orders", "other"}, no_commit(), 0, 0},
      {"both found by regex", Kind::latest, {}, committed(50), 50, 50},
      {"one named, one by regex", Kind::latest, {"orders"}, committed(50), 50, 0},
      {"earliest anyway", Kind::earliest, {"orders", "other"}, no_commit(), 50, 50},
  };
  for (const Row& row : rows) {
    Rig rig(row.kind, row.named);
    rig.topics = {{"orders", "a", 2, {}}, {"other", "b", 1, {}}};
    rig.set(row.first, log_of(0, 50));
    for (const auto& other : {source("orders", 1), source("other", 0)}) {
      rig.answers.commits[other] = no_commit();
      rig.answers.logs[other] = log_of(0, 50);
    }
    const Snapshot snapshot = rig.refresh();
    ASSERT_EQ(snapshot.partitions.size(), 3u) << row.name;
    EXPECT_EQ(snapshot.partitions[1].lag, row.lag_1) << row.name;
    EXPECT_EQ(snapshot.partitions[2].lag, row.lag_of_other) << row.name;
  }
}

TEST(Tracker, WhereWeHaveBegunTheGroupReads) {
  Rig rig(Kind::latest);
  rig.set(no_commit(), log_of(0, 50)).own({}, 50);
  rig.refresh();
  rig.topics[0].partitions = 2;
  rig.answers.commits[source("orders", 1)] = no_commit();
  rig.answers.logs[source("orders", 1)] = log_of(0, 7);
  EXPECT_EQ(rig.refresh().partitions.at(1).lag, 7);
}

TEST(Tracker, ACommitBeyondTheEndIsAnAnomalyOnce) {
  Rig rig;
  rig.set(committed(40), log_of(0, 100)).refresh();
  for (int i = 0; i < 3; ++i) {
    const PartitionLag lag = rig.set(committed(140), log_of(0, 100)).one();
    EXPECT_EQ(lag.lag, 0);
    EXPECT_EQ(lag.behind, Duration::zero());
    EXPECT_EQ(rig.tracker.anomalies(Anomaly::commit_beyond_end), 1u);
  }
  EXPECT_EQ(rig.set(committed(100), log_of(0, 110)).one().lag, 10);
  rig.set(committed(140), log_of(0, 110)).refresh();
  EXPECT_EQ(rig.tracker.anomalies(Anomaly::commit_beyond_end), 2u);
  EXPECT_EQ(rig.tracker.anomalies(Anomaly::topic_recreated), 0u);
}

TEST(Tracker, ATopicMadeAnewIsAnAnomalyWithoutLagOnce) {
  Rig rig(Kind::latest);
  rig.set(no_commit(), log_of(0, 100)).refresh();
  rig.topics[0].id = "id2";
  EXPECT_EQ(rig.set(committed(3), log_of(0, 5)).one().lag, 0);
  EXPECT_EQ(rig.tracker.anomalies(Anomaly::topic_recreated), 1u);
  EXPECT_EQ(rig.set(committed(3), log_of(0, 5)).one().lag, 2);
  rig.topics[0].id = "";  // not told: the same
  EXPECT_EQ(rig.one().lag, 2);
  rig.topics[0].id = "id3";
  EXPECT_EQ(rig.set(no_commit(), log_of(0, 9)).one().base, Offset{9}) << "anchored anew";
  EXPECT_EQ(rig.tracker.anomalies(Anomaly::topic_recreated), 2u);
  EXPECT_EQ(rig.tracker.anomalies(Anomaly::commit_beyond_end), 0u);
}

TEST(Tracker, ATopicMadeAnewIsStillSoWhenItsPartitionsAnswerLater) {
  Rig rig;
  rig.set(committed(90), log_of(0, 100)).refresh();
  rig.topics[0] = {"orders", "id2", 2, {}};
  rig.answers.commits[source("orders", 1)] = committed(3);
  rig.answers.logs[source("orders", 1)] = log_of(0, 5);
  const Snapshot failed = rig.set(committed(3), log_failed()).refresh();
  EXPECT_EQ(failed.partitions.at(0).lag, 10) << "held";
  EXPECT_EQ(failed.partitions.at(1).lag, 2) << "it is new, nothing is wrong with it";
  EXPECT_EQ(rig.set(committed(3), log_of(0, 5)).refresh().partitions.at(0).lag, 0);
  EXPECT_EQ(rig.refresh().partitions.at(0).lag, 2);
  EXPECT_EQ(rig.tracker.anomalies(Anomaly::topic_recreated), 1u) << "one topic";
}

TEST(Tracker, AnErrorOfAPartitionHoldsItsValues) {
  struct Row {
    const char* name;
    std::optional<CommitAnswer> commit;
    std::optional<LogAnswer> log;
  };
  const Row rows[] = {
      {"commit refused", CommitAnswer{{}, false, "no"}, log_of(0, 120)},
      {"commit not answered", {}, log_of(0, 120)},
      {"end refused", committed(60), log_failed()},
      {"end not answered", committed(60), {}},
      {"start not answered", committed(60), LogAnswer{{}, Offset{120}, {}, {}}},
  };
  for (const Row& row : rows) {
    Rig rig;
    const PartitionLag before = rig.set(committed(40), log_of(0, 100)).one();
    const TimePoint whole = rig.now;
    rig.answers = {};
    if (row.commit) rig.answers.commits[source("orders", 0)] = *row.commit;
    if (row.log) rig.answers.logs[source("orders", 0)] = *row.log;
    const Snapshot snapshot = rig.refresh();
    const PartitionLag& held = snapshot.partitions.at(0);
    EXPECT_EQ(held.lag, 60) << row.name;
    EXPECT_TRUE(held.failed) << row.name;
    EXPECT_EQ(held.sampled, before.sampled) << row.name;
    EXPECT_FALSE(snapshot.complete) << row.name;
    EXPECT_EQ(snapshot.taken, whole) << row.name;
    ASSERT_EQ(snapshot.errors.size(), 1u) << row.name;
    EXPECT_NE(snapshot.errors[0].find("orders[0]"), std::string::npos) << snapshot.errors[0];
    const Snapshot after = rig.set(committed(60), log_of(0, 120)).refresh();
    EXPECT_TRUE(after.complete) << row.name;
    EXPECT_TRUE(after.errors.empty()) << row.name;
    EXPECT_EQ(after.partitions.at(0).lag, 60) << row.name;
    EXPECT_FALSE(after.partitions.at(0).failed) << row.name;
  }
}

TEST(Tracker, WhatNobodyEverAnsweredIsUnknown) {
  Rig rig;
  const Snapshot snapshot = rig.set(committed(1), log_failed()).refresh();
  EXPECT_FALSE(snapshot.taken);
  EXPECT_FALSE(snapshot.partitions.at(0).lag);
  EXPECT_FALSE(snapshot.partitions.at(0).behind);
  EXPECT_TRUE(snapshot.partitions.at(0).failed);
}

TEST(Tracker, ErrorsAreSentencesOfBoundedLength) {
  Rig rig;
  rig.topics[0].partitions = 100;
  for (int i = 0; i < 100; ++i) {
    rig.answers.commits[source("orders", i)] = committed(0);
    rig.answers.logs[source("orders", i)] = log_failed();
  }
  EXPECT_EQ(rig.refresh().errors,
            std::vector<std::string>{"not leader: orders[0], orders[1], orders[2] and 97 more"});
}

TEST(Tracker, ATopicThatCannotBeDescribedKeepsItsPartitions) {
  Rig rig;
  rig.set(committed(40), log_of(0, 100)).refresh();
  rig.topics[0] = {"orders", "", 0, "not allowed"};
  const Snapshot snapshot = rig.set(committed(50), log_of(0, 100)).refresh();
  EXPECT_EQ(snapshot.errors, std::vector<std::string>{"not allowed: orders"});
  EXPECT_FALSE(snapshot.complete);
  EXPECT_EQ(snapshot.partitions.at(0).lag, 50) << "it was asked all the same";
  EXPECT_FALSE(snapshot.partitions.at(0).failed);
}

TEST(Tracker, TopicsAppearGrowAndVanish) {
  struct Step {
    const char* name;
    std::vector<TopicAnswer> topics;
    std::string unlisted;
    std::vector<TopicPartition> asked;
    std::size_t errors;
  };
  const TopicAnswer two{"orders", "a", 2, {}};
  const TopicAnswer gone{"orders", "", 0, {}};
  const TopicAnswer found{"found", "b", 1, {}};
  const std::vector<TopicPartition> orders{source("orders", 0), source("orders", 1)};
  const std::vector<TopicPartition> both{source("found", 0), source("orders", 0), source("orders", 1)};
  const Step steps[] = {
      {"not there yet: is not believed", {gone}, "", {}, 1},
      {"one partition", {{"orders", "a", 1, {}}}, "", {source("orders", 0)}, 0},
      {"two", {two}, "", orders, 0},
      {"one more by regex", {two, found}, "", both, 0},
      {"not listed", {two, found}, "no list", both, 1},
      {"not listed, the found one not described", {two}, "no list", both, 1},
      {"found vanished", {two}, "", both, 1},
      {"twice", {two}, "", both, 1},
      {"believed", {two}, "", orders, 0},
      {"it stays away", {two}, "", orders, 0},
      {"it is back", {two, found}, "", both, 0},
      {"the named one is gone", {gone, found}, "", both, 1},
      {"and back", {two, found}, "", both, 0},
      {"gone", {gone, found}, "", both, 1},
      {"twice", {gone, found}, "", both, 1},
      {"believed", {gone, found}, "", {source("found", 0)}, 0},
      {"stays away", {gone, found}, "", {source("found", 0)}, 0},
      {"fewer partitions than known", {{"orders", "a", 1, {}}, found}, "", {both[0], both[1]}, 0},
      {"no answer about a named topic", {found}, "", {both[0], both[1]}, 1},
  };
  Rig rig;
  for (const TopicPartition& each : both) {
    rig.answers.commits[each] = committed(0);
    rig.answers.logs[each] = log_of(0, 1);
  }
  for (const Step& step : steps) {
    rig.topics = step.topics;
    rig.unlisted = step.unlisted;
    const Snapshot snapshot = rig.refresh();
    EXPECT_EQ(rig.asked, step.asked) << step.name;
    EXPECT_EQ(snapshot.partitions.size(), step.asked.size()) << step.name;
    EXPECT_EQ(snapshot.errors.size(), step.errors) << step.name;
    EXPECT_EQ(snapshot.complete, step.errors == 0) << step.name;
  }
}

}  // namespace
}  // namespace triggerd::lag
