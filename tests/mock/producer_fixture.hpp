// A kafka::Producer under test, and what the tests of it against the mock cluster share.
#pragma once

#include "kafka/producer.hpp"
#include "mock/mock_test.hpp"

namespace triggerd::testing {

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

inline constexpr char kTopic[] = "orders.dlq";

struct SourceRecord {
  std::optional<std::string> key, value;
  std::int64_t timestamp = 1'700'000'000'000;
  Headers headers{};
};

// A kafka::Producer under test, and what it answered.
class Writer {
 public:
  Writer(Loop& loop, kafka::ProducerSpec spec) : loop_(loop) {
    kafka::Producer::Sink sink;
    sink.event = [this](const pipeline::Event& event) {
      const auto& answer = std::get<pipeline::DeadLettered>(event);
      EXPECT_FALSE(inside_) << "the answer never comes inside the call";
      EXPECT_FALSE(closed) << "nothing follows closed()";
      EXPECT_TRUE(answers.emplace(answer.id, answer).second) << "answered twice: " << answer.id;
      EXPECT_EQ(answer.delivered, answer.error.empty());
      on_answer(answer);
    };
    sink.error = [this](const kafka::ProducerError& error) { errors.push_back(error); };
    sink.closed = [this] { closed = true; };
    producer = std::make_unique<kafka::Producer>(loop.context(), loop.janitor(), std::move(spec), sink);
  }
  ~Writer() { close(); }

  void close() {
    if (!producer) return;
    producer->close();
    EXPECT_TRUE(loop_.until([this] { return closed; }));
    producer.reset();
  }
  // Its id.
  std::uint64_t ask(const SourceRecord& record) {
    std::vector<wire::HeaderView> headers;
    for (const auto& [name, value] : record.headers) {
      headers.push_back({name, value ? std::optional<std::string_view>(*value) : std::nullopt});
    }
    auto batch = std::make_shared<wire::RecordBatch>();
    EXPECT_TRUE(batch->append({Offset{static_cast<std::int64_t>(asked)}, record.timestamp,
                               record.key ? std::optional<std::string_view>(*record.key) : std::nullopt,
                               record.value ? std::optional<std::string_view>(*record.value) : std::nullopt,
                               headers}));
    pipeline::DeadLetter letter;
    letter.id = ++asked;
    letter.source = source("orders", 1);
    letter.batch = std::move(batch);
    letter.attempts = 3;
    letter.cause = pipeline::DeadLetter::Cause::rejected;
    letter.reason = "bad";
    inside_ = true;
    producer->produce(letter);
    inside_ = false;
    return letter.id;
  }
  std::uint64_t ask(const std::string& value) { return ask({.key = {}, .value = value}); }
  pipeline::DeadLettered answer(std::uint64_t id, std::chrono::milliseconds patience = 10s) {
    EXPECT_TRUE(loop_.until([&] { return answers.contains(id); }, patience)) << "no answer";
    return answers[id];
  }

  std::unique_ptr<kafka::Producer> producer;
  std::map<std::uint64_t, pipeline::DeadLettered> answers;
  std::vector<kafka::ProducerError> errors;
  bool closed = false;
  std::uint64_t asked = 0;
  std::function<void(const pipeline::DeadLettered&)> on_answer = [](const auto&) {};

 private:
  Loop& loop_;
  bool inside_ = false;
};

class ProducerTest : public MockTest {
 protected:
  ProducerTest() { cluster.create_topic(kTopic, 1); }

  kafka::ProducerSpec spec(std::chrono::milliseconds timeout = 10s) {
    kafka::ProducerSpec spec;
    spec.connection.broker_list = cluster.bootstrap();
    spec.connection.kafka = {{"reconnect.backoff.max.ms", "200"}};
    spec.trigger = "test";
    spec.group = "group";
    spec.topic = kTopic;
    spec.delivery_timeout = timeout;
    return spec;
  }
  // As the pipeline does: asks again.
  bool delivers(Writer& writer, const std::string& value) {
    return loop.until([&] { return writer.answer(writer.ask(value)).delivered; });
  }
  // What is in the dead-letter topic.
  std::vector<SeenRecord> read(std::size_t count) {
    auto with = MockTest::spec();
    with.topics = {kTopic};
    with.group = "reader-" + std::to_string(++readers_);
    const auto member = join(with);
    EXPECT_TRUE(reads(*member, count));
    loop.run_for(100ms);  // and nothing more
    return member->records;
  }
  std::vector<std::string> read_values(std::size_t count) {
    std::vector<std::string> out;
    for (const SeenRecord& r : read(count)) out.push_back(r.value.value_or("null"));
    return out;
  }

  int readers_ = 0;
};

}  // namespace triggerd::testing
