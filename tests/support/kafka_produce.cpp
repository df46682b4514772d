#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include <boost/json.hpp>

#include "support/kafka_client.hpp"

namespace triggerd::testing {
namespace {

namespace json = boost::json;

std::string unhex(const json::string& text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(text.data() + i, 2), nullptr, 16));
  }
  return out;
}

std::optional<std::string> bytes(const json::value* value) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_object()) return unhex(value->as_object().at("hex").as_string());
  return std::string(value->as_string());
}

// Queues one record; where librdkafka's queue is full, waits for deliveries to make room.
void produce_one(const Client& client, const std::string& topic, const json::object& record) {
  const auto key = bytes(record.if_contains("key"));
  const auto value = bytes(record.if_contains("value"));
  const json::value* partition = record.if_contains("partition");
  const json::value* timestamp = record.if_contains("timestamp");
  const json::value* headers = record.if_contains("headers");
  const std::int32_t to =
      partition != nullptr ? static_cast<std::int32_t>(partition->as_int64()) : RD_KAFKA_PARTITION_UA;
  const std::int64_t at = timestamp != nullptr ? timestamp->as_int64() : 0;
  void* value_data = value ? const_cast<char*>(value->data()) : nullptr;
  const std::size_t value_size = value ? value->size() : 0;
  const void* key_data = key ? key->data() : nullptr;
  const std::size_t key_size = key ? key->size() : 0;
  for (;;) {
    rd_kafka_headers_t* list = rd_kafka_headers_new(4);
    for (const auto& header : headers != nullptr ? headers->as_array() : json::array{}) {
      const auto& name = header.as_array().at(0).as_string();
      const auto text = bytes(&header.as_array().at(1));
      rd_kafka_header_add(list, name.data(), static_cast<ssize_t>(name.size()), text ? text->data() : nullptr,
                          text ? static_cast<ssize_t>(text->size()) : 0);
    }
    const auto error =
        rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(to),
                          RD_KAFKA_V_KEY(key_data, key_size), RD_KAFKA_V_VALUE(value_data, value_size),
                          RD_KAFKA_V_TIMESTAMP(at), RD_KAFKA_V_HEADERS(list),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    rd_kafka_headers_destroy(list);
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(error, "produce");
    rd_kafka_poll(client.get(), 100);
  }
}

void finish(const Client& client, const Deliveries& deliveries, std::size_t count) {
  check(rd_kafka_flush(client.get(), 10 * kTimeoutMs), "flush");
  if (deliveries.failed != 0)
    fail(std::to_string(deliveries.failed) + " not delivered: " + deliveries.reason);
  std::cout << json::serialize(json::object{{"produced", count}}) << "\n";
}

}  // namespace

void produce(const std::string& brokers, const Arguments& args) {
  Deliveries deliveries;
  const Client client = connect_producer(brokers, deliveries);
  std::size_t count = 0;
  for (std::string line; std::getline(std::cin, line); ++count) {
    produce_one(client, args.at(0), json::parse(line).as_object());
    if (count % 1024 == 0) rd_kafka_poll(client.get(), 0);
  }
  finish(client, deliveries, count);
}

// Each record begins with its number in decimal, so that a reader can tell them apart.
void produce_fill(const std::string& brokers, const Arguments& args) {
  Deliveries deliveries;
  const Client client = connect_producer(brokers, deliveries);
  const auto count = std::stoull(args.at(1));
  const auto size = std::stoull(args.at(2));
  const double rate = args.size() > 3 ? std::stod(args[3]) : 0;
  const int partitions = partitions_of(client, args.at(0));
  const Owned<rd_kafka_topic_t, rd_kafka_topic_destroy> topic(
      rd_kafka_topic_new(client.get(), args.at(0).c_str(), nullptr));
  const auto begin = std::chrono::steady_clock::now();
  std::string value(size, 'x');
  for (std::size_t i = 0; i < count; ++i) {
    if (rate > 0)
      std::this_thread::sleep_until(begin + std::chrono::duration<double>(static_cast<double>(i) / rate));
    const std::string number = std::to_string(i) + " ";
    value.replace(0, std::min(number.size(), value.size()), number, 0, std::min(number.size(), value.size()));
    const auto partition = static_cast<std::int32_t>(i % static_cast<std::size_t>(partitions));
    while (rd_kafka_produce(topic.get(), partition, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr,
                            0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(rd_kafka_last_error(), "produce");
      rd_kafka_poll(client.get(), 100);
    }
    if (i % 1024 == 0 || rate > 0) rd_kafka_poll(client.get(), 0);
  }
  finish(client, deliveries, count);
}

}  // namespace triggerd::testing
