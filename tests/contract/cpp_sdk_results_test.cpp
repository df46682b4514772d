// Results per record of the C++ SDK (PROTOCOL.md §5 and §9), in a session.
#include "contract/cpp_sdk_daemon.hpp"

namespace triggerd::worker_sdk {
namespace {

using namespace test;

// What the record's value asks for: "retry", "dead", "drop"; anything else is ok.
std::optional<BatchError::Failure> failure_of(const Record& record) {
  const std::string value(record.value().value_or(""));
  if (value == "retry") return Retry("busy", 30s);
  if (value == "dead") return DeadLetter("no such account");
  if (value == "drop") return Drop("a test's order");
  return std::nullopt;
}

void handle_one(const Record& record) {
  const auto failure = failure_of(record);
  if (failure) std::visit([](const auto& error) { throw error; }, *failure);
}

void handle_many(Records records) {
  BatchError::Failures failures;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (auto failure = failure_of(records[i])) failures.emplace(i, std::move(*failure));
  }
  if (!failures.empty()) throw BatchError(std::move(failures));
}

Answer ok(std::uint32_t first, std::uint32_t last) { return {first, last, Code::ok, 0, ""}; }
Answer retry(std::uint32_t index) { return {index, index, Code::retry, 30'000, "busy"}; }
Answer dead(std::uint32_t index) { return {index, index, Code::dead_letter, 0, "no such account"}; }
Answer drop(std::uint32_t index) { return {index, index, Code::drop, 0, "a test's order"}; }
Answer release(std::uint32_t first, std::uint32_t last) { return {first, last, Code::release, 0, ""}; }

TEST(CppSdkResults, OnlyARetryHoldsItsLane) {
  Daemon daemon;
  daemon.start(handle_one, "one");
  daemon.batch(1, {rec(1, "dead"), rec(2, "drop"), rec(3, "a"), rec(4, "retry"), rec(5, "dead")});
  daemon.batch(2, {rec(6, "drop")});
  daemon.batch(3, {rec(4, "b"), rec(5, "dead"), rec(6, "c")}, {.run = 1, .attempt = 2});
  daemon.expect_answers(1, {dead(0), drop(1), ok(2, 2), retry(3), release(4, 4)});
  daemon.expect_answers(2, {release(0, 0)});
  daemon.expect_answers(3, {ok(0, 0), dead(1), ok(2, 2)});
}

TEST(CppSdkResults, ARecordAloneIsABatchOfOne) {
  Daemon daemon;
  daemon.start(
      [](const Record& record) {
        throw BatchError({{static_cast<std::size_t>(record.offset()), Drop("a test's order")}});
      },
      "one", "none");
  daemon.batch(1, {rec(0, "a"), rec(1, "b")});
  daemon.expect_answers(1, {drop(0), {1, 1, Code::retry, 0, "BatchError names record 1 of a batch of 1"}});
}

// A key waits for its own higher run; other keys of the partition come in higher and lower ones meanwhile.
TEST(CppSdkResults, KeysAreHeldOneByOne) {
  Daemon daemon;
  daemon.start(handle_one, "one", "key");
  daemon.batch(1, {rec(1, "retry", "x"), rec(2, "retry", "y"), rec(3, "a", "z"), rec(4, "retry")},
               {.run = 1});
  daemon.batch(2, {rec(5, "b", "y"), rec(6, "c", "z"), rec(7, "d")}, {.run = 2});
  daemon.batch(3, {rec(8, "e", "x"), rec(9, "f", "y"), rec(10, "g", "z"), rec(11, "h")}, {.run = 1});
  daemon.batch(4, {rec(12, "i", "z")}, {.run = 7});
  daemon.batch(5, {rec(13, "j", "x")}, {.run = 1});
  daemon.batch(6, {rec(14, "k", "x")}, {.run = 3});
  daemon.batch(7, {rec(15, "l", "x")}, {.run = 3});
  daemon.expect_answers(1, {retry(0), retry(1), ok(2, 2), retry(3)});
  daemon.expect_ok(2, 3);
  daemon.expect_answers(3, {release(0, 0), ok(1, 3)});
  daemon.expect_ok(4);
  daemon.expect_answers(5, {release(0, 0)});
  daemon.expect_ok(6);
  daemon.expect_ok(7);
}

TEST(CppSdkResults, ABatchErrorIsCutIntoItsPartitions) {
  Daemon daemon;
  daemon.start(handle_many, "many");
  daemon.batch(1, {rec(1, "a"), rec(2, "drop")}, {.partition = 0, .more = true});
  daemon.batch(2, {rec(1, "retry"), rec(2, "b"), rec(3, "dead")}, {.partition = 1, .more = true});
  daemon.batch(3, {rec(1, "c")}, {.partition = 2});
  daemon.batch(4, {rec(3, "d")}, {.partition = 0, .more = true});
  daemon.batch(5, {rec(4, "e")}, {.partition = 1});
  daemon.expect_answers(1, {ok(0, 0), drop(1)});
  daemon.expect_answers(2, {retry(0), ok(1, 1), dead(2)});
  daemon.expect_ok(3);
  daemon.expect_ok(4);
  daemon.expect_answers(5, {release(0, 0)});
}

// Of one lane: what is behind the failed record is answered as the handler says; later invocations wait.
TEST(CppSdkResults, WhatTheHandlerHasSeenIsSettled) {
  const struct {
    const char* ordering;
    std::vector<Answer> same_key, other_key;
  } table[] = {{"partition", {release(0, 0)}, {release(0, 0)}},
               {"key", {release(0, 0)}, {ok(0, 0)}},
               {"none", {ok(0, 0)}, {ok(0, 0)}}};
  for (const auto& row : table) {
    Daemon daemon;
    daemon.start(handle_many, "many", row.ordering);
    daemon.batch(1, {rec(1, "a", "x"), rec(2, "retry", "x"), rec(3, "b", "x"), rec(4, "dead", "y"),
                     rec(5, "drop", "x")});
    daemon.batch(2, {rec(6, "c", "x")});
    daemon.batch(3, {rec(7, "d", "y")});
    daemon.batch(4, {rec(2, "again", "x"), rec(6, "c", "x")}, {.run = 1, .attempt = 2});
    SCOPED_TRACE(row.ordering);
    daemon.expect_answers(1, {ok(0, 0), retry(1), ok(2, 2), dead(3), drop(4)});
    daemon.expect_answers(2, row.same_key);
    daemon.expect_answers(3, row.other_key);
    daemon.expect_ok(4, 2);
  }
}

// Also where records of held keys were taken out before the call.
TEST(CppSdkResults, IndicesAreThoseTheHandlerSaw) {
  Daemon daemon;
  daemon.start(handle_many, "many", "key");
  daemon.batch(1, {rec(1, "retry", "x")});
  daemon.batch(2, {rec(2, "a", "x"), rec(3, "b", "y"), rec(4, "c", "x"), rec(5, "drop", "z")},
               {.more = true});
  daemon.batch(3, {rec(1, "dead", "x"), rec(2, "retry", "y")}, {.partition = 4});
  daemon.batch(4, {rec(3, "d", "y"), rec(4, "e", "z")}, {.partition = 4});
  daemon.batch(5, {rec(6, "f", "y"), rec(7, "g", "x")});
  daemon.expect_answers(1, {retry(0)});
  daemon.expect_answers(2, {release(0, 0), ok(1, 1), release(2, 2), drop(3)});
  daemon.expect_answers(3, {dead(0), retry(1)});
  daemon.expect_answers(4, {release(0, 0), ok(1, 1)});
  daemon.expect_answers(5, {ok(0, 0), release(1, 1)});
}

TEST(CppSdkResults, OfTheWholeBatch) {
  Daemon daemon;
  daemon.start([](Records records) { handle_one(records.front()); }, "many", "partition");
  daemon.batch(1, {rec(1, "drop"), rec(2, "a")}, {.partition = 0, .more = true});
  daemon.batch(2, {rec(1, "b")}, {.partition = 1});
  daemon.batch(3, {rec(3, "dead"), rec(4, "a")}, {.partition = 0});
  daemon.batch(4, {rec(5, "retry"), rec(6, "a")}, {.partition = 0});
  daemon.batch(5, {rec(7, "a")}, {.partition = 0});
  daemon.expect_answers(1, {{0, 1, Code::drop, 0, "a test's order"}});
  daemon.expect_answers(2, {drop(0)});
  daemon.expect_answers(3, {{0, 1, Code::dead_letter, 0, "no such account"}});
  daemon.expect_answers(4, {{0, 1, Code::retry, 30'000, "busy"}});
  daemon.expect_answers(5, {release(0, 0)});
}

TEST(CppSdkResults, AnIndexThatTheBatchDoesNotHaveFailsItWhole) {
  Daemon daemon;
  daemon.start([](Records records) { throw BatchError({{0, Drop("x")}, {records.size(), Drop("x")}}); },
               "many");
  daemon.batch(1, {rec(1, "a"), rec(2, "b")}, {.partition = 0, .more = true});
  daemon.batch(2, {rec(1, "c")}, {.partition = 1});
  const std::string reason = "BatchError names record 3 of a batch of 3";
  daemon.expect_answers(1, {{0, 1, Code::retry, 0, reason}});
  daemon.expect_answers(2, {{0, 0, Code::retry, 0, reason}});
}

}  // namespace
}  // namespace triggerd::worker_sdk
