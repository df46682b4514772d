// Dead letters: one answer each, whatever happens, and delivered means that the broker has it.
#include "mock/producer_fixture.hpp"

namespace triggerd::testing {
namespace {

Headers ours(const std::string& offset) {
  return {{"triggerd.dlq.topic", "orders"},   {"triggerd.dlq.partition", "1"},
          {"triggerd.dlq.offset", offset},    {"triggerd.dlq.group", "group"},
          {"triggerd.dlq.trigger", "test"},   {"triggerd.dlq.attempts", "3"},
          {"triggerd.dlq.error", "rejected"}, {"triggerd.dlq.reason", "bad"}};
}

TEST_F(ProducerTest, ARecordIsWrittenAsItWas) {
  const std::string bytes("\0\xff\n", 3);
  const std::vector<SourceRecord> records{
      {.key = "k", .value = "v"},
      {.key = {}, .value = {}},
      {.key = "", .value = ""},
      {.key = bytes, .value = bytes, .timestamp = 1},
      {.key = "k", .value = {}, .timestamp = -1},
      {.key = {}, .value = std::string(3'000'000, 'x')},
      {.key = "h", .value = "h", .headers = {{"a", "1"}, {"b", {}}, {"a", ""}, {"", "x"}, {"a", bytes}}},
  };
  Writer writer(loop, spec());
  for (const SourceRecord& r : records) {
    const auto answer = writer.answer(writer.ask(r));
    EXPECT_TRUE(answer.delivered) << answer.error;
  }
  const auto seen = read(records.size());
  ASSERT_EQ(seen.size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(seen[i].key, records[i].key) << i;
    EXPECT_EQ(seen[i].value, records[i].value) << i;
    EXPECT_EQ(seen[i].timestamp, records[i].timestamp) << i;
    Headers expected = records[i].headers;
    for (const auto& h : ours(std::to_string(i))) expected.push_back(h);
    EXPECT_EQ(seen[i].headers, expected) << i;
  }
}

TEST_F(ProducerTest, ManyAreEachAnsweredOnceAndInTheTopicOnce) {
  constexpr std::size_t kCount = 5000;
  Writer writer(loop, spec());
  for (std::size_t i = 0; i < kCount; ++i) writer.ask(std::to_string(i));
  ASSERT_TRUE(loop.until([&] { return writer.answers.size() == kCount; }));
  for (const auto& [id, answer] : writer.answers) EXPECT_TRUE(answer.delivered) << answer.error;
  const auto values = read_values(kCount);
  ASSERT_EQ(values.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(values[i], std::to_string(i));
}

// Delivered is what the report says, not that it was sent.
TEST_F(ProducerTest, NothingIsAnsweredBeforeTheBrokerAnswers) {
  Writer writer(loop, spec());
  writer.answer(writer.ask("first"));
  cluster.delay_next(Api::produce, 600);
  const auto id = writer.ask("second");
  loop.run_for(300ms);
  EXPECT_FALSE(writer.answers.contains(id));
  EXPECT_TRUE(writer.answer(id).delivered);
}

struct RefusedCase {
  rd_kafka_resp_err_t error;
  const char* words;
};
void PrintTo(const RefusedCase& c, std::ostream* out) { *out << rd_kafka_err2name(c.error); }

class RefusedRecordTest : public ProducerTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedRecordTest, IsToldWithItsReasonAndTheNextOneIsWritten) {
  Writer writer(loop, spec());
  cluster.fail_next(Api::produce, {GetParam().error});
  const auto refused = writer.answer(writer.ask("refused"));
  EXPECT_FALSE(refused.delivered);
  EXPECT_NE(refused.error.find(GetParam().words), std::string::npos) << refused.error;
  EXPECT_NE(refused.error.find(kTopic), std::string::npos) << refused.error;
  EXPECT_TRUE(delivers(writer, "next"));
  EXPECT_EQ(read_values(1), std::vector<std::string>{"next"});
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedRecordTest,
    ::testing::Values(RefusedCase{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "Message size too large"},
                      RefusedCase{RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, "timestamp"},
                      RefusedCase{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "authorization"},
                      RefusedCase{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "authorization"}));

TEST_F(ProducerTest, WhatPassesIsTriedAgainByTheClient) {
  Writer writer(loop, spec());
  cluster.fail_next(Api::produce,
                    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                     RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  const auto answer = writer.answer(writer.ask("v"));
  EXPECT_TRUE(answer.delivered) << answer.error;
  EXPECT_EQ(read_values(1), std::vector<std::string>{"v"});
}

TEST_F(ProducerTest, ABrokerThatIsDownIsToldWithinTheTimeoutAndRecoveredFrom) {
  Writer writer(loop, spec(1s));
  ASSERT_TRUE(delivers(writer, "before"));
  cluster.set_broker_up(false);
  const auto begun = std::chrono::steady_clock::now();
  const auto lost = writer.answer(writer.ask("lost"));
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_FALSE(lost.delivered);
  EXPECT_NE(lost.error.find("timed out"), std::string::npos) << lost.error;
  EXPECT_GE(took, 900ms);
  EXPECT_LT(took, 6s) << "librdkafka looks once a second";
  EXPECT_FALSE(writer.errors.empty()) << "the state is seen before the first answer";
  EXPECT_GT(lost.error.size(), std::string("topic orders.dlq: Local: Message timed out").size())
      << "and why: " << lost.error;
  cluster.set_broker_up(true);
  EXPECT_TRUE(delivers(writer, "after"));
  EXPECT_EQ(read_values(2).back(), "after");
}

TEST_F(ProducerTest, ABrokerThatIsSilentIsToldWithinTheTimeout) {
  Writer writer(loop, spec(1s));
  ASSERT_TRUE(delivers(writer, "before"));
  cluster.delay_next(Api::produce, 8000);
  const auto begun = std::chrono::steady_clock::now();
  const auto lost = writer.answer(writer.ask("lost"));
  EXPECT_FALSE(lost.delivered);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 6s);
  EXPECT_TRUE(delivers(writer, "after"));
}

TEST_F(ProducerTest, AMissingTopicIsAClearErrorUntilItIsThere) {
  auto with = spec();
  with.connection.kafka["topic.metadata.propagation.max.ms"] = "300";
  with.topic = "missing.dlq";
  Writer writer(loop, with);
  for (int i = 0; i < 2; ++i) {
    const auto answer = writer.answer(writer.ask("v"));
    EXPECT_FALSE(answer.delivered);
    EXPECT_NE(answer.error.find("missing.dlq"), std::string::npos) << answer.error;
    EXPECT_NE(answer.error.find("nknown topic"), std::string::npos) << answer.error;
  }
  cluster.create_topic("missing.dlq", 1);
  EXPECT_TRUE(delivers(writer, "v"));
}

TEST_F(ProducerTest, ATopicThatMayNotBeWrittenIsToldAtOnce) {
  cluster.fail_topic(kTopic, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  Writer writer(loop, spec());
  const auto answer = writer.answer(writer.ask("v"), 3s);
  EXPECT_FALSE(answer.delivered);
  EXPECT_NE(answer.error.find("authorization"), std::string::npos) << answer.error;
}

TEST_F(ProducerTest, WhatDoesNotFitTheQueueIsToldAtOnceButOneAlwaysFits) {
  auto with = spec();
  with.queued_bytes = 1000;
  Writer writer(loop, with);
  const auto large = writer.ask(std::string(5000, 'x'));
  const auto next = writer.ask("v");
  EXPECT_FALSE(writer.answer(next).delivered);
  EXPECT_FALSE(writer.answers.contains(large));
  EXPECT_TRUE(writer.answer(large).delivered);
  EXPECT_TRUE(writer.answer(writer.ask("v")).delivered) << "there is room again";
}

TEST_F(ProducerTest, AClientThatCannotBeMadeAnswersAndIsMadeAnew) {
  auto refused = spec();
  refused.connection.kafka["reconnect.backoff.ms"] = "hidden";
  auto without_ca = spec();
  without_ca.connection.protocol = config::Connection::Protocol::ssl;
  without_ca.connection.ssl_ca_location = "no-such-file.pem";
  for (const auto& [with, code] :
       {std::pair{refused, "configuration_refused"}, {without_ca, "client_refused"}}) {
    Writer writer(loop, with);
    for (int i = 0; i < 2; ++i) {
      const auto one = writer.ask("v");
      const auto two = writer.ask("w");
      EXPECT_FALSE(writer.answer(one).delivered);
      EXPECT_FALSE(writer.answer(two).delivered);
      EXPECT_EQ(writer.answers[one].error.find("hidden"), std::string::npos) << "values may be secrets";
    }
    ASSERT_EQ(writer.errors.size(), 1U) << "not repeated";
    EXPECT_EQ(writer.errors[0].code, code);
  }
}

TEST_F(ProducerTest, AConnectionIsTakenOverByANewClient) {
  auto elsewhere = spec();
  elsewhere.connection.broker_list = "127.0.0.1:1";
  Writer writer(loop, elsewhere);
  const auto early = writer.ask("early");
  writer.producer->renew(spec().connection, config::Renewal::client);
  EXPECT_TRUE(writer.answer(early).delivered) << "the client was being made, and had not got it";

  elsewhere.connection.broker_list = "127.0.0.1:2";
  writer.errors.clear();
  writer.producer->renew(elsewhere.connection, config::Renewal::client);
  const auto lost = writer.ask("lost");
  EXPECT_TRUE(loop.until([&] { return !writer.errors.empty(); })) << "no connection";
  writer.producer->renew(spec().connection, config::Renewal::client);
  const auto answer = writer.answer(lost);
  EXPECT_FALSE(answer.delivered);
  EXPECT_NE(answer.error.find("credentials have changed"), std::string::npos) << answer.error;
  EXPECT_TRUE(delivers(writer, "again"));
  EXPECT_EQ(read_values(2), (std::vector<std::string>{"early", "again"}));
}

// A client that has lost its right to write, or the count of its records, is over; the next one is not.
TEST_F(ProducerTest, AFatalErrorAnswersAllAndTheNextClientWorks) {
  Writer writer(loop, spec());
  cluster.fail_next(Api::init_producer_id, {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
  for (int i = 0; i < 10; ++i) writer.ask("lost");
  std::vector<std::uint64_t> again;
  writer.on_answer = [&](const pipeline::DeadLettered& answer) {
    if (!answer.delivered) again.push_back(writer.ask("again " + std::to_string(answer.id)));
  };
  ASSERT_TRUE(loop.until([&] { return writer.answers.size() == 20; }));
  for (std::uint64_t id = 1; id <= 10; ++id) {
    EXPECT_FALSE(writer.answers[id].delivered);
    EXPECT_NE(writer.answers[id].error.find("authorization"), std::string::npos) << writer.answers[id].error;
  }
  for (const auto id : again) EXPECT_TRUE(writer.answers[id].delivered) << writer.answers[id].error;
  ASSERT_EQ(writer.errors.size(), 1U);
  EXPECT_EQ(writer.errors[0].code, "CLUSTER_AUTHORIZATION_FAILED");
  EXPECT_EQ(read_values(10).size(), 10U);
}

// librdkafka's own reports of what a fatal error has ended say "purged".
TEST_F(ProducerTest, AFatalErrorIsTheReasonOfEachReport) {
  for (int i = 0; i < 3; ++i) {
    Writer writer(loop, spec());
    cluster.fail_next(Api::init_producer_id, {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
    const auto refused = writer.answer(writer.ask("v"));
    EXPECT_FALSE(refused.delivered);
    EXPECT_NE(refused.error.find("authorization"), std::string::npos) << refused.error;
    const auto next = writer.answer(writer.ask("v"));
    EXPECT_TRUE(next.delivered) << next.error;
  }
}

TEST_F(ProducerTest, TheSinkMayAskAgainInsideAnAnswer) {
  Writer writer(loop, spec());
  int again = 3;
  writer.on_answer = [&](const pipeline::DeadLettered& answer) {
    if (!answer.delivered && again-- > 0) writer.ask("again");
  };
  cluster.fail_next(Api::produce, std::vector(3, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
  writer.ask("v");
  ASSERT_TRUE(loop.until([&] { return writer.answers.size() == 4; }));
  EXPECT_TRUE(writer.answers.rbegin()->second.delivered);
}

}  // namespace
}  // namespace triggerd::testing
