#include "support/kafka_client.hpp"

#include <utility>

namespace triggerd::testing {

void fail(const std::string& what) { throw std::runtime_error(what); }
void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(what + ": " + rd_kafka_err2str(error));
}
void check(const rd_kafka_error_t* error, const std::string& what) {
  if (error != nullptr) fail(what + ": " + rd_kafka_error_string(error));
}

namespace {
void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& deliveries = *static_cast<Deliveries*>(opaque);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (deliveries.delivered) deliveries.delivered(*message);
    return;
  }
  ++deliveries.failed;
  deliveries.reason = rd_kafka_err2str(message->err);
}
}  // namespace

namespace {
Client open(rd_kafka_type_t type, const std::vector<Property>& properties, Deliveries* deliveries) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[512] = "";
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) fail(text);
  }
  if (deliveries != nullptr) {
    rd_kafka_conf_set_opaque(conf, deliveries);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, text, sizeof text);
  if (client == nullptr) fail(text);
  return Client(client);
}
}  // namespace

Client connect(const std::string& brokers) {
  return open(RD_KAFKA_CONSUMER,
              {{"bootstrap.servers", brokers}, {"group.id", "kafka_tool"}, {"log_level", "2"}}, nullptr);
}

Client connect_producer(const std::string& brokers, Deliveries& deliveries,
                        const std::vector<Property>& more) {
  std::vector<Property> properties = {
      {"bootstrap.servers", brokers},
      {"log_level", "2"},
      {"linger.ms", "5"},
      {"batch.size", "1000000"},
      {"batch.num.messages", "100000"},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "262144"},
      {"message.max.bytes", "1000000000"}};  // a broker says what is too large
  properties.insert(properties.end(), more.begin(), more.end());
  return open(RD_KAFKA_PRODUCER, properties, &deliveries);
}

Metadata metadata_of(const Client& client, const std::string& topic) {
  const Owned<rd_kafka_topic_t, rd_kafka_topic_destroy> handle(
      rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  const rd_kafka_metadata_t* answer = nullptr;
  check(rd_kafka_metadata(client.get(), 0, handle.get(), &answer, kTimeoutMs), "metadata of " + topic);
  return Metadata(answer);
}

namespace {
// The number of partitions once each has a leader; nothing before.
std::optional<int> led_partitions(const Client& client, const std::string& topic) {
  const Metadata metadata = metadata_of(client, topic);
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
      found.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
    return std::nullopt;
  }
  check(found.err, topic);
  for (int i = 0; i < found.partition_cnt; ++i) {
    if (found.partitions[i].leader < 0) return std::nullopt;
  }
  return found.partition_cnt;
}
}  // namespace

int partitions_of(const Client& client, const std::string& topic) {
  return await_partitions(client, topic, 1, std::chrono::seconds(5));
}

// Metadata has no event, and each broker hears of a new topic a few milliseconds after its creation is
// answered.
int await_partitions(const Client& client, const std::string& topic, int want,
                     std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const int count = led_partitions(client, topic).value_or(0);
    if (count >= want) return count;
    if (std::chrono::steady_clock::now() > deadline) fail("no topic " + topic + ", or no leaders for it");
    rd_kafka_poll(client.get(), 20);
  }
}

Client connect_reader(const std::string& brokers) {
  Client client = open(RD_KAFKA_CONSUMER,
                       {{"bootstrap.servers", brokers},
                        {"group.id", "kafka_tool"},
                        {"enable.auto.commit", "false"},
                        {"enable.partition.eof", "true"},
                        {"fetch.wait.max.ms", "20"},
                        {"log_level", "2"}},
                       nullptr);
  rd_kafka_poll_set_consumer(client.get());
  return client;
}

}  // namespace triggerd::testing
