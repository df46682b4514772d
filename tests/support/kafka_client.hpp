// What the test tools share of librdkafka: owners, errors as exceptions, a connected producer client.
// Thread: each tool is one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace triggerd::testing {

using Arguments = std::vector<std::string>;
constexpr int kTimeoutMs = 30'000;

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const {
    destroy(object);
  }
};
template <typename T, auto destroy>
using Owned = std::unique_ptr<T, Destroy<destroy>>;
using Client = Owned<rd_kafka_t, rd_kafka_destroy>;
using Queue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using Options = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using List = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using Metadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

[[noreturn]] void fail(const std::string& what);
void check(rd_kafka_resp_err_t error, const std::string& what);
void check(const rd_kafka_error_t* error, const std::string& what);

// Deliveries that failed for good; `delivered` is told of the others. The reports come on the thread that
// polls, ours.
struct Deliveries {
  std::size_t failed = 0;
  std::string reason;
  std::function<void(const rd_kafka_message_t&)> delivered;
};
using Property = std::pair<const char*, std::string>;

// For asking. A consumer with a group it never joins: in librdkafka 2.15.1 ListConsumerGroupOffsets ends a
// client that has no group, where the group's coordinator has just moved.
Client connect(const std::string& brokers);
Client connect_producer(const std::string& brokers, Deliveries& deliveries,
                        const std::vector<Property>& more = {});
// Until the topic has so many partitions, each with a leader; returns how many there are.
int await_partitions(const Client& client, const std::string& topic, int want, std::chrono::seconds patience);
// For reading: it tells the ends of partitions.
Client connect_reader(const std::string& brokers);
// The verb that reads records (kafka_read.cpp).
void read(const std::string& brokers, const Arguments& args);
int partitions_of(const Client& client, const std::string& topic);
Metadata metadata_of(const Client& client, const std::string& topic);

// The verbs that write records (kafka_produce.cpp).
void produce(const std::string& brokers, const Arguments& args);
void transact(const std::string& brokers, const Arguments& args);
void produce_fill(const std::string& brokers, const Arguments& args);
void produce_numbered(const std::string& brokers, const Arguments& args);

}  // namespace triggerd::testing
