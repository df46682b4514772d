// Owners of librdkafka's objects, and small values built from them. Any thread, but for the client itself: it
// is made and destroyed on the janitor only, because both may block (design §3).
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>

#include <librdkafka/rdkafka.h>

#include "base/types.hpp"

namespace triggerd::kafka {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const {
    destroy(object);
  }
};
template <typename T, auto destroy>
using Owned = std::unique_ptr<T, Destroy<destroy>>;

using Conf = Owned<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using Queue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using QueueEvent = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using PartitionList = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using ErrorHandle = Owned<rd_kafka_error_t, rd_kafka_error_destroy>;
using AdminOptions = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using GroupMetadata = Owned<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;
using GroupOffsetsRequest =
    Owned<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy>;

// Waits for librdkafka's threads: janitor only. What is prefetched of the partition is thrown away; resumed,
// it is read on behind the last record that was taken from the queue.
inline void pause_partition(rd_kafka_t* client, const TopicPartition& source, bool paused) {
  const Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy> list(
      rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), source.topic.name().c_str(), source.partition.value);
  paused ? rd_kafka_pause_partitions(client, list.get()) : rd_kafka_resume_partitions(client, list.get());
}

// The group was left before (client.cpp).
inline void destroy_client(rd_kafka_t* client) {
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

// A ^regex as we subscribe to it. librdkafka searches a topic's name for the expression; ours is to match all
// of it. A group.protocol of `consumer` does so anyway.
inline std::string whole_name(const std::string& topic) {
  return topic.starts_with('^') ? "^(" + topic.substr(1) + ")$" : topic;
}
inline PartitionList partition_list(std::size_t capacity) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(capacity)));
}
inline rd_kafka_topic_partition_t& add(const PartitionList& list, const TopicPartition& source) {
  return *rd_kafka_topic_partition_list_add(list.get(), source.topic.name().c_str(), source.partition.value);
}
inline TopicPartition source_of(const rd_kafka_topic_partition_t& entry) {
  return {Topic(entry.topic), Partition{entry.partition}};
}
// Of a commit; "" where it has none. The list owns the text.
inline std::string metadata_of(const rd_kafka_topic_partition_t& entry) {
  if (entry.metadata == nullptr) return {};
  return {static_cast<const char*>(entry.metadata), entry.metadata_size};
}
inline void set_metadata(rd_kafka_topic_partition_t& entry, const std::string& text) {
  if (text.empty()) return;
  entry.metadata = std::malloc(text.size());  // destroying the list frees it
  if (entry.metadata == nullptr) throw std::bad_alloc();
  std::memcpy(entry.metadata, text.data(), text.size());
  entry.metadata_size = text.size();
}
inline std::span<const rd_kafka_topic_partition_t> entries(const rd_kafka_topic_partition_list_t* list) {
  if (list == nullptr) return {};
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

}  // namespace triggerd::kafka
