#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include <boost/json.hpp>
#include <poll.h>
#include <unistd.h>

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

void transact(const std::string& brokers, const Arguments& args) {
  Deliveries deliveries;
  const Client client = connect_producer(brokers, deliveries, {{"transactional.id", args.at(1)}});
  const auto must = [](rd_kafka_error_t* error, const char* what) {
    const Owned<rd_kafka_error_t, rd_kafka_error_destroy> owned(error);
    check(error, what);
  };
  must(rd_kafka_init_transactions(client.get(), kTimeoutMs), "init_transactions");
  std::size_t count = 0;
  bool open = false;
  for (std::string line; std::getline(std::cin, line);) {
    const json::object record = json::parse(line).as_object();
    if (!open) must(rd_kafka_begin_transaction(client.get()), "begin_transaction");
    open = !record.contains("end");
    if (open) {
      produce_one(client, args.at(0), record);
      ++count;
      continue;
    }
    check(rd_kafka_flush(client.get(), kTimeoutMs), "flush");  // an abort would discard what is queued
    if (record.at("end") == "commit") {
      must(rd_kafka_commit_transaction(client.get(), kTimeoutMs), "commit_transaction");
    } else {
      must(rd_kafka_abort_transaction(client.get(), kTimeoutMs), "abort_transaction");
    }
  }
  finish(client, deliveries, count);
}

// Each record begins with its number in decimal, so that a reader can tell them apart. At a rate it prints
// how many are delivered, five times a second: where the machine is slow that is not what was asked for.
void produce_fill(const std::string& brokers, const Arguments& args) {
  using Clock = std::chrono::steady_clock;
  Deliveries deliveries;
  std::uint64_t delivered = 0;
  Clock::time_point said = Clock::now();
  if (args.size() > 3) {
    deliveries.delivered = [&](const rd_kafka_message_t&) {
      ++delivered;
      if (Clock::now() - said < std::chrono::milliseconds(200)) return;
      said = Clock::now();
      std::cout << delivered << std::endl;
    };
  }
  const Client client = connect_producer(brokers, deliveries);
  const auto count = std::stoull(args.at(1));
  const auto size = std::stoull(args.at(2));
  const double rate = args.size() > 3 ? std::stod(args[3]) : 0;
  const int partitions = partitions_of(client, args.at(0));
  const Owned<rd_kafka_topic_t, rd_kafka_topic_destroy> topic(
      rd_kafka_topic_new(client.get(), args.at(0).c_str(), nullptr));
  const auto begin = Clock::now();
  const auto at_once = static_cast<std::size_t>(std::max(rate / 200, 1.0));  // a sleep for each is too slow
  std::string value(size, 'x');
  for (std::size_t i = 0; i < count; ++i) {
    if (rate > 0 && i % at_once == 0)
      std::this_thread::sleep_until(begin + std::chrono::duration<double>(static_cast<double>(i) / rate));
    const std::string number = std::to_string(i) + " ";
    value.replace(0, std::min(number.size(), value.size()), number, 0, std::min(number.size(), value.size()));
    const auto partition = static_cast<std::int32_t>(i % static_cast<std::size_t>(partitions));
    while (rd_kafka_produce(topic.get(), partition, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr,
                            0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(rd_kafka_last_error(), "produce");
      rd_kafka_poll(client.get(), 100);
    }
    if (i % 1024 == 0 || (rate > 0 && i % at_once == 0)) rd_kafka_poll(client.get(), 0);
  }
  finish(client, deliveries, count);
}

namespace {

// Whoever started us has closed our stdin, or ended.
bool told_to_end() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  char ignored = 0;
  return ::poll(&input, 1, 0) > 0 && ::read(STDIN_FILENO, &ignored, 1) <= 0;
}

// What a service would use that must not lose a record: each exactly once in the log, in order, however often
// a broker goes.
const std::vector<Property> kSafe = {{"enable.idempotence", "true"},
                                     {"acks", "all"},
                                     {"message.timeout.ms", "0"},
                                     {"topic.metadata.refresh.interval.ms", "1000"}};

void produce_number(const Client& client, const std::string& topic, std::uint64_t number, std::size_t size,
                    std::uint64_t keys) {
  const std::string key = "k" + std::to_string(number % keys);
  std::string value = std::to_string(number) + " ";
  value.resize(std::max(size, value.size()), 'x');
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  void* const opaque = reinterpret_cast<void*>(static_cast<std::uintptr_t>(number));
  for (;;) {
    const auto error = rd_kafka_producev(
        client.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_OPAQUE(opaque),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(error, "produce");
    rd_kafka_poll(client.get(), 100);
  }
}

}  // namespace

void produce_numbered(const std::string& brokers, const Arguments& args) {
  Deliveries deliveries;
  deliveries.delivered = [](const rd_kafka_message_t& message) {
    std::cout << reinterpret_cast<std::uintptr_t>(message._private) << ' ' << message.partition << ' '
              << message.offset << '\n';
  };
  const Client client = connect_producer(brokers, deliveries, kSafe);
  const auto most = std::stoull(args.at(1));
  const auto size = std::stoull(args.at(2));
  const double rate = std::stod(args.at(3));
  const auto keys = std::stoull(args.at(4));
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t number = 0;
  for (; number < most && !told_to_end(); ++number) {
    std::this_thread::sleep_until(begin + std::chrono::duration<double>(static_cast<double>(number) / rate));
    produce_number(client, args.at(0), number, size, keys);
    rd_kafka_poll(client.get(), 0);
    if (number % 256 == 0) std::cout << std::flush;
  }
  while (rd_kafka_outq_len(client.get()) > 0) rd_kafka_poll(client.get(), 100);
  if (deliveries.failed != 0)
    fail(std::to_string(deliveries.failed) + " not delivered: " + deliveries.reason);
}

}  // namespace triggerd::testing
