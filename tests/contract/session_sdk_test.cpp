// The daemon's side of a session against each SDK's own: the same conversation, whoever speaks it.
#include <map>

#include <gtest/gtest.h>

#include "contract/session_rig.hpp"
#include "unit/worker/batches.hpp"

namespace triggerd::worker {
namespace {

using pipeline::Answered;
using pipeline::WorkerLost;
using pipeline::WorkerReady;
using Code = wire::Answer::Code;

constexpr WorkerId kFirst{1};

struct Sdk {
  const char* name;
  std::vector<std::string> command;
  const char* cardinality;
  bool fails_on_request = true;    // at the value "fail"
  bool answers_on_request = true;  // at "retry", "dead letter" and "drop": session_handlers.py
};

class SessionSdk : public ::testing::TestWithParam<Sdk> {
 protected:
  SessionSdk() : rig_({}) {
    rig_.spec.worker.command = GetParam().command;
    rig_.spec.welcome.cardinality = GetParam().cardinality;
    rig_.spec.sdk_python_path = TRIGGERD_PYTHON_SDK;
    // Longer than any machine takes: a worker that needs TERM has failed.
    rig_.spec.timings.kill_after_term = std::chrono::seconds(20);
  }
  bool many() const { return std::string_view(GetParam().cardinality) == "many"; }

  void send(std::uint64_t id, const std::vector<std::string>& values, std::uint32_t run = 0,
            std::int32_t partition = 2, std::uint32_t attempt = 1) {
    wire::Delivery delivery = delivery_of(id, batch_of(values));
    delivery.run = run;
    delivery.attempt = attempt;
    delivery.source.partition = Partition{partition};
    sizes_[id] = delivery.count;
    rig_.send(kFirst, std::move(delivery));
  }
  // One letter for each record of the batch, once all have their answer: o(k), r(etry), (dea)d (letter),
  // (dro)p or R(elease).
  std::string answers(std::uint64_t id) {
    std::string codes;
    const bool complete = rig_.until([&] {
      codes = std::string(sizes_[id], '.');
      for (const Answered& answered : rig_.all<Answered>()) {
        if (answered.ack.id.value == id) apply(answered.ack, codes);
      }
      return codes.find('.') == std::string::npos || !rig_.all<WorkerLost>().empty();
    });
    return complete ? codes : "incomplete: " + codes;
  }
  // Of the batch's record with this answer, the first of them.
  wire::Answer answer(std::uint64_t id, Code code) const {
    for (const Answered& answered : rig_.all<Answered>()) {
      for (const wire::Answer& answer : answered.ack.answers) {
        if (answered.ack.id.value == id && answer.code == code) return answer;
      }
    }
    return {};
  }

  SessionRig rig_;

 private:
  static void apply(const wire::Ack& ack, std::string& codes) {
    if (ack.answers.empty()) {
      for (char& code : codes) code = code == '.' ? 'o' : code;
    }
    for (const wire::Answer& answer : ack.answers) {
      const char code = std::string_view("ordpR").at(static_cast<std::size_t>(answer.code));
      for (std::uint32_t i = answer.first; i <= answer.last; ++i) codes[i] = code;
    }
  }
  std::map<std::uint64_t, std::uint32_t> sizes_;
};

TEST_P(SessionSdk, BatchesRetriesRunsAndDrain) {
  rig_.start();
  ASSERT_TRUE(rig_.ready());
  EXPECT_GE(rig_.all<WorkerReady>()[0].concurrency, 1U);
  const std::string sdk = rig_.field("worker_ready", "sdk");
  EXPECT_TRUE(std::string_view(GetParam().name).starts_with(sdk.substr(0, sdk.find('/')))) << sdk;

  send(1, {"a", "b", "c"});
  EXPECT_EQ(answers(1), "ooo");
  if (GetParam().fails_on_request) {
    send(2, {"d", "fail", "e"});
    EXPECT_EQ(answers(2), many() ? "rrr" : "orR");
    const std::string reason = answer(2, Code::retry).reason;
    EXPECT_NE(reason.find("the value says fail"), std::string::npos) << reason;
    send(3, {"f"});
    EXPECT_EQ(answers(3), "R") << "the lane waits for a higher run";
    send(4, {"g"}, 0, 7);
    EXPECT_EQ(answers(4), "o") << "another partition goes on";
    send(5, {"d", "e", "f"}, 1);
    EXPECT_EQ(answers(5), "ooo");
  }
  EXPECT_EQ(rig_.pool->stats().ignored_answers, 0U);
  ASSERT_TRUE(rig_.stopped());
  EXPECT_EQ(rig_.field("worker_stopped", "exit"), "exit status 0");
  EXPECT_EQ(rig_.lost_reason(), "said Bye: drained");
  EXPECT_EQ(rig_.pool->stats().protocol_errors, 0U);
}

TEST_P(SessionSdk, EachRecordHasItsOwnResult) {
  if (!GetParam().answers_on_request) GTEST_SKIP() << "a sample that knows no such values";
  rig_.start();
  ASSERT_TRUE(rig_.ready());
  send(1, {"drop", "a", "dead letter", "b"}, 0, 2, 3);
  EXPECT_EQ(answers(1), "podo") << "neither holds the lane";
  EXPECT_EQ(answer(1, Code::drop), (wire::Answer{0, 0, Code::drop, 0, "attempt 3"}));
  EXPECT_EQ(answer(1, Code::dead_letter), (wire::Answer{2, 2, Code::dead_letter, 0, "attempt 3"}));
  send(2, {"a", "retry", "b", "drop"});
  EXPECT_EQ(answers(2), many() ? "orop" : "orRR") << "of a batch, what the handler has seen stands";
  EXPECT_EQ(answer(2, Code::retry), (wire::Answer{1, 1, Code::retry, 2000, "attempt 1"}));
  send(3, {"c"});
  EXPECT_EQ(answers(3), "R") << "what follows waits";
  send(4, {"d"}, 1, 2, 2);
  EXPECT_EQ(answers(4), "o");
  EXPECT_EQ(rig_.pool->stats().ignored_answers, 0U);
  ASSERT_TRUE(rig_.stopped());
  EXPECT_EQ(rig_.pool->stats().protocol_errors, 0U);
}

TEST_P(SessionSdk, ALargeBatch) {
  rig_.start();
  ASSERT_TRUE(rig_.ready());
  send(1, std::vector<std::string>(64, std::string(128 << 10, 'x')));
  EXPECT_EQ(answers(1), std::string(64, 'o'));
  EXPECT_TRUE(rig_.stopped());
}

TEST_P(SessionSdk, ACancelledPartitionIsReleased) {
  rig_.start();
  ASSERT_TRUE(rig_.ready());
  rig_.pool->cancel({kFirst, {Topic("orders"), Partition{2}}, Epoch{5}});
  send(1, {"a", "b"});
  EXPECT_EQ(answers(1), "RR");
  send(2, {"c"}, 0, 3);
  EXPECT_EQ(answers(2), "o");
  EXPECT_TRUE(rig_.stopped());
}

class IdleSdk : public SessionSdk {};

TEST_P(IdleSdk, AnIdleWorkerAnswersPings) {
  rig_.spec.timings.ping_after = std::chrono::milliseconds(20);
  rig_.spec.timings.pong_within = std::chrono::seconds(1);
  rig_.start();
  ASSERT_TRUE(rig_.ready());
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(1300);
  ASSERT_TRUE(rig_.until([&] { return std::chrono::steady_clock::now() > later; }));
  EXPECT_TRUE(rig_.all<WorkerLost>().empty()) << "a Pong must have come";
  EXPECT_TRUE(rig_.stopped());
}

Sdk python(const char* name, const char* handler, const char* cardinality) {
  return {name,
          {TRIGGERD_PYTHON, "-m", "triggerd", TRIGGERD_TESTS_DIR "/contract/session_handlers.py", "--handler",
           handler},
          cardinality};
}

INSTANTIATE_TEST_SUITE_P(Each, SessionSdk,
                         ::testing::Values(python("python_one", "one", "one"),
                                           python("python_many", "many", "many"),
                                           python("python_async_one", "one_async", "one"),
                                           python("python_async_many", "many_async", "many"),
                                           Sdk{"cpp_one", {TRIGGERD_CPP_HANDLERS, "one"}, "one"},
                                           Sdk{"cpp_many", {TRIGGERD_CPP_HANDLERS, "many"}, "many"},
                                           Sdk{"cpp_print", {TRIGGERD_CPP_PRINT}, "one", true, false},
                                           Sdk{"cpp_count", {TRIGGERD_CPP_COUNT}, "many", false, false}),
                         [](const auto& row) { return std::string(row.param.name); });

#ifdef TRIGGERD_NODE
Sdk node(const char* name, const char* handler, const char* cardinality) {
  return {name,
          {TRIGGERD_NODE, TRIGGERD_NODE_SDK "/main.mjs", TRIGGERD_TESTS_DIR "/contract/session_handlers.mjs",
           "--handler", handler},
          cardinality};
}

INSTANTIATE_TEST_SUITE_P(Node, SessionSdk,
                         ::testing::Values(node("node_one", "one", "one"), node("node_many", "many", "many"),
                                           node("node_async_one", "oneAsync", "one"),
                                           node("node_async_many", "manyAsync", "many")),
                         [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(Node, IdleSdk, ::testing::Values(node("node_one", "one", "one")),
                         [](const auto& row) { return std::string(row.param.name); });
#endif

INSTANTIATE_TEST_SUITE_P(Each, IdleSdk,
                         ::testing::Values(python("python_one", "one", "one"),
                                           python("python_async_one", "one_async", "one"),
                                           Sdk{"cpp_one", {TRIGGERD_CPP_PRINT}, "one"}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace triggerd::worker
