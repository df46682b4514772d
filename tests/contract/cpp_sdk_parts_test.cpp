// The pure parts of the C++ SDK: which lanes stand still, and how answers become Acks.
#include <functional>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

#include "answers.hpp"
#include "contract/cpp_sdk_daemon.hpp"
#include "lanes.hpp"
#include "outcome.hpp"

namespace triggerd::worker_sdk {
namespace {

using namespace test;

// One record with this key.
wire::Delivery keyed(const wire::test::Text& key, const Extra& extra = {}) {
  return delivery(1, {rec(1, "v", key)}, extra);
}

// The first record fails; is the second, of another frame, blocked?
TEST(CppSdkLanes, BlockWhatTheProtocolSays) {
  const Extra failed{.partition = 3, .epoch = 2, .run = 5};
  const struct {
    const char* name;
    Extra frame;
    wire::test::Text key;
    bool by_partition, by_key;
  } table[] = {
      {"same run, same key", failed, "k", true, true},
      {"same run, other key", failed, "other", true, false},
      {"same run, null key", failed, std::nullopt, true, false},
      {"same run, empty key", failed, "", true, false},
      {"lower run", {.partition = 3, .epoch = 2, .run = 4}, "k", true, true},
      {"higher run", {.partition = 3, .epoch = 2, .run = 6}, "k", false, false},
      {"lower epoch", {.partition = 3, .epoch = 1, .run = 5}, "k", false, false},
      {"higher epoch, run begun anew", {.partition = 3, .epoch = 3, .run = 0}, "k", false, false},
      {"other partition", {.partition = 4, .epoch = 2, .run = 5}, "k", false, false},
  };
  for (const auto& row : table) {
    for (const char* ordering : {"partition", "key", "none"}) {
      Lanes lanes(ordering);
      EXPECT_FALSE(lanes.blocked(keyed(row.key, row.frame), 0)) << row.name << ": nothing failed yet";
      lanes.block(keyed("k", failed), 0);
      const bool expected = std::string_view(ordering) == "partition" ? row.by_partition
                            : std::string_view(ordering) == "key"     ? row.by_key
                                                                      : false;
      EXPECT_EQ(lanes.blocked(keyed(row.key, row.frame), 0), expected) << row.name << ", " << ordering;
    }
  }
}

// Runs are a lane's affair: other keys of the partition come in higher and in lower ones meanwhile.
TEST(CppSdkLanes, AHoldIsEndedByItsOwnLaneAlone) {
  Lanes lanes("key");
  lanes.block(keyed("a", {.run = 3}), 0);
  lanes.block(keyed("b", {.run = 5}), 0);
  lanes.block(keyed("a", {.partition = 4, .run = 3}), 0);
  const struct {
    const char* key;
    std::uint32_t run;
    bool blocked;
  } table[] = {{"c", 9, false}, {"b", 6, false}, {"a", 3, true},  {"c", 2, false},
               {"b", 5, false}, {"a", 2, true},  {"a", 4, false}, {"a", 3, false}};
  for (const auto& row : table)
    EXPECT_EQ(lanes.blocked(keyed(row.key, {.run = row.run}), 0), row.blocked) << row.key << row.run;
  EXPECT_TRUE(lanes.blocked(keyed("a", {.partition = 4, .run = 3}), 0));
}

TEST(CppSdkLanes, ALaneIsHeldInTheHighestRunItFailedIn) {
  Lanes lanes("key");
  lanes.block(keyed("a", {.run = 4}), 0);
  lanes.block(keyed("a", {.run = 2}), 0);
  EXPECT_TRUE(lanes.blocked(keyed("a", {.run = 4}), 0));
  EXPECT_FALSE(lanes.blocked(keyed("a", {.run = 5}), 0));
}

TEST(CppSdkLanes, ARecordWithoutAKeyIsNeverHeld) {
  Lanes lanes("key");
  lanes.block(keyed(std::nullopt), 0);
  EXPECT_FALSE(lanes.blocked(keyed(std::nullopt), 0));
  EXPECT_FALSE(lanes.blocked(keyed(""), 0));
}

TEST(CppSdkLanes, ALateFailureOfAnOlderEpochHoldsNothing) {
  Lanes lanes("partition");
  lanes.block(keyed("a", {.epoch = 2, .run = 1}), 0);
  lanes.block(keyed("a", {.epoch = 1, .run = 7}), 0);
  EXPECT_TRUE(lanes.blocked(keyed("a", {.epoch = 2, .run = 1}), 0));
  EXPECT_FALSE(lanes.blocked(keyed("a", {.epoch = 2, .run = 2}), 0));
}

// Keys that failed here and were delivered again elsewhere do not pile up; none is let through early.
TEST(CppSdkLanes, TooManyHeldLanesBecomeAllOfTheirRuns) {
  Lanes lanes("key");
  for (std::uint32_t run = 0; run < 2500; ++run) lanes.block(keyed(std::to_string(run), {.run = run}), 0);
  const struct {
    wire::test::Text key;
    std::uint32_t run;
    bool blocked;
  } table[] = {{"0", 0, true},         {"1500", 1500, true}, {"2499", 2499, true},    {"other", 1000, true},
               {"other", 2499, false}, {"0", 2500, false},   {std::nullopt, 0, false}};
  for (const auto& row : table)
    EXPECT_EQ(lanes.blocked(keyed(row.key, {.run = row.run}), 0), row.blocked) << row.run;
}

std::vector<wire::Ack> acks(std::string_view bytes) {
  std::vector<wire::Ack> out;
  wire::FrameDecoder decoder(wire::kMaxWorkerPayload);
  wire::test::feed(decoder, bytes);
  for (auto frame = decoder.next(); frame && *frame; frame = decoder.next()) {
    out.push_back(std::get<wire::Ack>(*wire::parse(**frame)));
  }
  return out;
}

TEST(CppSdkOutcome, SaysWhatWasThrown) {
  const struct {
    const char* name;
    std::function<void()> call;
    Outcome usual;
    std::map<std::size_t, Outcome> others;
  } table[] = {
      {"returned", [] {}, {}, {}},
      {"Retry", [] { throw Retry("r"); }, {Code::retry, 0, "r"}, {}},
      {"a wait", [] { throw Retry("r", 1500ms); }, {Code::retry, 1500, "r"}, {}},
      {"a wait of minutes", [] { throw Retry("r", 2min); }, {Code::retry, 120'000, "r"}, {}},
      {"no wait at all", [] { throw Retry("r", -5ms); }, {Code::retry, 0, "r"}, {}},
      {"a wait of years", [] { throw Retry("r", 100'000h); }, {Code::retry, 0xFFFFFFFF, "r"}, {}},
      {"DeadLetter", [] { throw DeadLetter("d"); }, {Code::dead_letter, 0, "d"}, {}},
      {"Drop", [] { throw Drop("o"); }, {Code::drop, 0, "o"}, {}},
      {"another", [] { throw std::out_of_range("x"); }, {Code::retry, 0, "x"}, {}},
      {"an int", [] { throw 5; }, {Code::retry, 0, "an exception that is no std::exception"}, {}},
      {"some of a batch",
       [] { throw BatchError({{0, Drop("o")}, {2, DeadLetter("d")}, {3, Retry("r", 2s)}}); },
       {},
       {{0, {Code::drop, 0, "o"}}, {2, {Code::dead_letter, 0, "d"}}, {3, {Code::retry, 2000, "r"}}}},
      {"one past the last",
       [] { throw BatchError({{0, Drop("o")}, {4, Drop("o")}}); },
       {Code::retry, 0, "BatchError names record 4 of a batch of 4"},
       {}},
      {"none of a batch",
       [] { throw BatchError({}); },
       {Code::retry, 0, "a BatchError names the records that failed; where none did, return"},
       {}},
  };
  for (const auto& row : table) {
    const Attempt ended = attempt(row.call, 4);
    EXPECT_EQ(ended.usual, row.usual) << row.name;
    EXPECT_EQ(ended.others, row.others) << row.name;
  }
}

Outcome retry(const std::string& reason, std::uint32_t after = 0) { return {Code::retry, after, reason}; }
const Outcome kOk{};
const Outcome kReleased{Code::release, 0, {}};

TEST(CppSdkAnswers, BecomeTheFewestRanges) {
  const struct {
    const char* name;
    std::vector<Outcome> outcomes;
    std::vector<Answer> answers;
  } table[] = {
      {"all ok", {kOk, kOk, kOk}, {}},
      {"all released", {kReleased, kReleased}, {{0, 1, Code::release, 0, ""}}},
      {"one failed",
       {kOk, retry("x"), kOk},
       {{0, 0, Code::ok, 0, ""}, {1, 1, Code::retry, 0, "x"}, {2, 2, Code::ok, 0, ""}}},
      {"one reason", {retry("x"), retry("x")}, {{0, 1, Code::retry, 0, "x"}}},
      {"two reasons", {retry("x"), retry("y")}, {{0, 0, Code::retry, 0, "x"}, {1, 1, Code::retry, 0, "y"}}},
      {"each code",
       {retry("x"), {Code::dead_letter, 0, "x"}, {Code::drop, 0, "x"}, {Code::drop, 0, "x"}, kOk},
       {{0, 0, Code::retry, 0, "x"},
        {1, 1, Code::dead_letter, 0, "x"},
        {2, 3, Code::drop, 0, "x"},
        {4, 4, Code::ok, 0, ""}}},
      {"two waits",
       {retry("x", 5), retry("x", 6)},
       {{0, 0, Code::retry, 5, "x"}, {1, 1, Code::retry, 6, "x"}}},
  };
  for (const auto& row : table) {
    Answers answers(BatchId{9});
    for (std::uint32_t i = 0; i < row.outcomes.size(); ++i) answers.add(i, row.outcomes[i]);
    std::string out;
    answers.write_rest(out);
    EXPECT_EQ(acks(out), (std::vector<wire::Ack>{{BatchId{9}, row.answers}})) << row.name;
  }
}

TEST(CppSdkAnswers, WhatWasSentIsNotSentAgain) {
  Answers answers(BatchId{9});
  std::string out;
  answers.write_so_far(out);
  EXPECT_TRUE(out.empty()) << "nothing to say";
  answers.add(0, kOk);
  answers.add(1, retry("x"));
  answers.write_so_far(out);
  answers.write_so_far(out);
  answers.add(2, kOk);
  answers.write_rest(out);
  EXPECT_EQ(acks(out),
            (std::vector<wire::Ack>{{BatchId{9}, {{0, 0, Code::ok, 0, ""}, {1, 1, Code::retry, 0, "x"}}},
                                    {BatchId{9}, {}}}));
}

TEST(CppSdkAnswers, MoreReasonsThanOneFrameHoldsAreSentInParts) {
  Answers answers(BatchId{9});
  constexpr std::uint32_t kRecords = 5000;  // 20 MB of reasons
  for (std::uint32_t i = 0; i < kRecords; ++i)
    answers.add(i, retry(std::to_string(i) + std::string(5000, 'r')));
  std::string out;
  answers.write_rest(out);
  std::uint32_t next = 0;
  for (const wire::Ack& ack : acks(out)) {
    for (const Answer& answer : ack.answers) {
      EXPECT_EQ(answer.first, next);
      next = answer.last + 1;
    }
  }
  EXPECT_EQ(next, kRecords);
}

}  // namespace
}  // namespace triggerd::worker_sdk
