// What is read: content, order, start offsets, back-pressure.
#include "mock/mock_test.hpp"

namespace triggerd::testing {
namespace {

using config::StartFrom;

class RecordsTest : public MockTest {};

TEST_F(RecordsTest, AreWhatWasProduced) {
  cluster.produce("orders", 0,
                  {{.value = "v", .key = "k", .timestamp = 1'700'000'000'123},
                   {.value = std::nullopt, .key = ""},
                   {.value = "", .key = std::nullopt},
                   {.value = std::string("\0\xff", 2),
                    .headers = {{"a", "1"}, {"b", std::nullopt}, {"a", ""}, {"c", std::string("\0x", 2)}}},
                   {.value = "last", .headers = {{"d", "2"}}}});
  const auto member = join();
  ASSERT_TRUE(reads(*member, 5));
  const auto& r = member->records;
  EXPECT_EQ(to_string(r[0].source), "orders[0]");
  EXPECT_EQ(r[0].value, "v");
  EXPECT_EQ(r[0].key, "k");
  EXPECT_EQ(r[0].timestamp, 1'700'000'000'123);
  EXPECT_TRUE(r[0].headers.empty());
  EXPECT_EQ(r[1].value, std::nullopt) << "a tombstone";
  EXPECT_EQ(r[1].key, "") << "an empty key is not null";
  EXPECT_EQ(r[2].value, "") << "an empty value is not a tombstone";
  EXPECT_EQ(r[2].key, std::nullopt);
  EXPECT_GT(r[2].timestamp, 1'700'000'000'123);
  EXPECT_EQ(r[3].value, std::string("\0\xff", 2));
  const decltype(r[3].headers) headers{
      {"a", "1"}, {"b", std::nullopt}, {"a", ""}, {"c", std::string("\0x", 2)}};
  EXPECT_EQ(r[3].headers, headers);
  EXPECT_EQ(r[4].headers.size(), 1U);
  for (std::size_t i = 0; i < r.size(); ++i) EXPECT_EQ(r[i].offset, static_cast<std::int64_t>(i));
}

TEST_F(RecordsTest, OfOnePartitionComeInRunsAndInOrder) {
  cluster.produce_numbers("orders", 0, 0, 3000);
  cluster.produce_numbers("orders", 1, 0, 3000);
  const auto member = join();
  ASSERT_TRUE(reads(*member, 6000));
  std::map<TopicPartition, std::int64_t> next;
  for (const SeenRecord& r : member->records) {
    EXPECT_EQ(r.offset, next[r.source]);
    EXPECT_EQ(r.value, std::to_string(next[r.source]++));
  }
  EXPECT_LT(member->runs, 300U) << "a run is many records";
}

TEST_F(RecordsTest, OfTopicsThatMatchARegex) {
  cluster.create_topic("audit-eu", 1);
  cluster.create_topic("audit-us", 1);
  cluster.produce_numbers("audit-eu", 0, 1, 1);
  cluster.produce_numbers("audit-us", 0, 2, 1);
  cluster.produce_numbers("orders", 0, 3, 1);
  auto with = spec();
  with.topics = {"^audit-.*"};
  const auto member = join(with);
  ASSERT_TRUE(reads(*member, 2));
  EXPECT_EQ(member->owned.size(), 2U);
  auto values = member->values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"1", "2"}));
}

TEST_F(RecordsTest, OfTopicsWhoseWholeNameMatchesARegex) {
  cluster.create_topic("audit", 1);
  cluster.create_topic("audit.dlq", 1);
  cluster.create_topic("an-audit", 1);
  for (const char* topic : {"audit", "audit.dlq", "an-audit"}) cluster.produce_numbers(topic, 0, 1, 1);
  auto with = spec();
  with.topics = {"^x|audit"};
  const auto member = join(with);
  ASSERT_TRUE(reads(*member, 1));
  loop.run_for(300ms);
  EXPECT_EQ(member->owned.size(), 1U);
}

// What is fetched ahead is thrown away and fetched again: not a record is missing, and none comes twice.
TEST_F(RecordsTest, APausedPartitionGoesOnWhereItWas) {
  cluster.produce_numbers("orders", 0, 0, 20'000);
  cluster.produce_numbers("orders", 1, 0, 20'000);
  const auto member = join();
  const auto count = [&](std::int32_t partition) {
    return std::ranges::count_if(member->records,
                                 [&](const SeenRecord& r) { return r.source.partition.value == partition; });
  };
  ASSERT_TRUE(loop.until([&] { return count(0) > 500; }));
  for (int again = 0; again < 3; ++again) {
    member->consumer->set_paused(source("orders", 0), true);
    loop.run_for(300ms);
    const auto before = count(0);
    loop.run_for(200ms);
    EXPECT_EQ(count(0), before) << "nothing comes of it";
    if (again == 0) {
      EXPECT_LT(before, 20'000) << "or nothing was paused";
    }
    member->consumer->set_paused(source("orders", 0), false);
    ASSERT_TRUE(loop.until([&] { return count(0) > before || before == 20'000; }));
  }
  // librdkafka goes on from the position it notes only after a take, so what one take held may come twice.
  std::map<TopicPartition, std::int64_t> next;
  const auto all_read = [&] {
    return next[source("orders", 0)] == 20'000 && next[source("orders", 1)] == 20'000;
  };
  std::size_t seen = 0;
  ASSERT_TRUE(loop.until([&] {
    for (; seen < member->records.size(); ++seen) {
      const SeenRecord& r = member->records[seen];
      std::int64_t& expected = next[r.source];
      if (r.offset > expected || r.offset + 250 < expected) return true;
      expected = std::max(expected, r.offset + 1);
    }
    return all_read();
  }));
  EXPECT_TRUE(all_read()) << "record " << seen << " left a gap, or came again from further back";
}

TEST_F(RecordsTest, StopAndGoOnWithoutALossOrARepetition) {
  cluster.produce_numbers("orders", 0, 0, 5000);
  const auto member = join();
  // Back-pressure from inside the event, as the pipeline does it.
  member->on_records = [&] {
    if (member->records.size() < 1000) return;
    member->consumer->set_reading(false);
    member->on_records = [] {};
  };
  ASSERT_TRUE(reads(*member, 1000));
  loop.run_for(300ms);
  EXPECT_LE(member->records.size(), 1000U + 250U) << "what one take held at most";
  member->consumer->set_reading(true);
  ASSERT_TRUE(reads(*member, 5000));
  for (std::size_t i = 0; i < member->records.size(); ++i) {
    ASSERT_EQ(member->records[i].offset, static_cast<std::int64_t>(i));
  }
}

// What comes while nothing is read has used up the wake-up; reading on must not wait for the next record.
TEST_F(RecordsTest, ThatCameWhileNothingWasReadAreRead) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  member->consumer->set_reading(false);
  loop.run_for(50ms);
  cluster.produce_numbers("orders", 0, 0, 10);
  loop.run_for(700ms);
  EXPECT_EQ(member->records.size(), 0U);
  member->consumer->set_reading(true);
  EXPECT_TRUE(reads(*member, 10));
}

// The same with something held: what is held is not all there is.
TEST_F(RecordsTest, ThatCameAfterThoseHeldAreRead) {
  const auto member = join();
  ASSERT_TRUE(owns(*member, 2));
  member->consumer->set_reading(false);
  cluster.produce_numbers("orders", 0, 0, 10);
  cluster.produce_numbers("orders", 1, 0, 10);
  loop.run_for(700ms);
  member->on_records = [&] { member->consumer->set_reading(false); };
  member->consumer->set_reading(true);
  ASSERT_TRUE(reads(*member, 1));
  ASSERT_LE(member->records.size(), 10U) << "those of the other partition are held";
  cluster.produce_numbers("orders", 0, 10, 10);
  loop.run_for(700ms);
  member->on_records = [] {};
  member->consumer->set_reading(true);
  EXPECT_TRUE(reads(*member, 30));
}

TEST_F(RecordsTest, SamplesFollowTheReading) {
  cluster.produce_numbers("orders", 1, 0, 7);
  const auto member = join();
  ASSERT_TRUE(reads(*member, 7));
  const auto samples = member->consumer->samples();
  ASSERT_EQ(samples.size(), 2U);
  for (const kafka::PartitionSample& s : samples) {
    if (s.source.partition.value != 1) continue;
    EXPECT_EQ(s.end.value, 7);
    EXPECT_EQ(s.position.value, 7);
  }
}

struct StartCase {
  const char* name;
  StartFrom start_from;
  std::optional<std::int64_t> committed;
  std::int64_t position;
};
void PrintTo(const StartCase& c, std::ostream* out) { *out << c.name; }

class StartTest : public MockTest, public ::testing::WithParamInterface<StartCase> {};

TEST_P(StartTest, IsKnownWhenAPartitionIsAssigned) {
  const StartCase& c = GetParam();
  cluster.produce_numbers("orders", 0, 0, 10);
  if (c.committed) cluster.commit("group", "orders", 0, *c.committed);
  auto with = spec();
  with.start_from = c.start_from;
  const auto member = join(with);
  ASSERT_TRUE(owns(*member, 2));
  const pipeline::PartitionStart& start = member->owned.at(source("orders", 0));
  EXPECT_EQ(start.position.value, c.position);
  EXPECT_EQ(start.committed.value_or(Offset{-1}).value, c.committed.value_or(-1));
  cluster.produce_numbers("orders", 0, 10, 1);
  ASSERT_TRUE(reads(*member, static_cast<std::size_t>(11 - c.position)));
  EXPECT_EQ(member->records.front().offset, c.position);
}

INSTANTIATE_TEST_SUITE_P(
    All, StartTest,
    ::testing::Values(StartCase{"earliest", {StartFrom::Kind::earliest}, std::nullopt, 0},
                      StartCase{"latest", {StartFrom::Kind::latest}, std::nullopt, 10},
                      StartCase{
                          "time past the end", {StartFrom::Kind::time, 1'900'000'000'000}, std::nullopt, 10},
                      StartCase{"earliest, committed", {StartFrom::Kind::earliest}, 4, 4},
                      StartCase{"latest, committed", {StartFrom::Kind::latest}, 4, 4},
                      StartCase{"committed 0 is a commit", {StartFrom::Kind::latest}, 0, 0}));

TEST_F(RecordsTest, OfAPartitionWithoutACommitAreLeftWhereThatIsAnError) {
  cluster.produce_numbers("orders", 0, 0, 3);
  cluster.produce_numbers("orders", 1, 0, 3);
  cluster.commit("group", "orders", 1, 1);
  auto with = spec();
  with.start_from.kind = StartFrom::Kind::error;
  const auto member = join(with);
  ASSERT_TRUE(reads(*member, 2));
  EXPECT_EQ(member->owned.size(), 1U);
  EXPECT_TRUE(member->owned.contains(source("orders", 1)));
  ASSERT_EQ(member->errors.size(), 1U);
  EXPECT_EQ(member->errors[0].code, "no_committed_offset");
  EXPECT_FALSE(member->errors[0].fatal);
  EXPECT_NE(member->errors[0].message.find("orders[0]"), std::string::npos);
  member->close();  // the unread partition is given back without ado
  EXPECT_TRUE(member->errors.size() == 1);
}

TEST_F(RecordsTest, BelowTheStartOfTheLogAreSkippedOrAnErrorAsStartFromSays) {
  cluster.produce_numbers("orders", 0, 0, 10);
  cluster.commit("group", "orders", 0, 2);
  cluster.commit("group", "orders", 1, 0);
  cluster.delete_records("orders", 0, 6);
  auto with = spec();
  with.start_from.kind = StartFrom::Kind::error;
  {
    const auto member = join(with);
    ASSERT_TRUE(loop.until([&] { return member->has_error("_AUTO_OFFSET_RESET"); }));
    EXPECT_FALSE(member->errors.front().fatal);
    EXPECT_EQ(member->records.size(), 0U);
  }
  cluster.commit("other", "orders", 0, 2);
  with.group = "other";
  with.start_from.kind = StartFrom::Kind::earliest;
  const auto member = join(with);
  ASSERT_TRUE(reads(*member, 4));
  EXPECT_EQ(member->owned.at(source("orders", 0)).position.value, 2);
  EXPECT_EQ(member->records.front().offset, 6);
}

}  // namespace
}  // namespace triggerd::testing
