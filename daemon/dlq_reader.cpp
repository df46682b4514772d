#include "daemon/dlq_reader.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kafka/properties.hpp"

namespace triggerd::daemon {
namespace {

constexpr int kTimeoutMs = 15'000;
constexpr int kPollMs = 100;
// Brokers that say nothing for so long are not waited for.
constexpr auto kPatience = std::chrono::seconds(30);
constexpr std::uint64_t kPrefetchBytes = 16 << 20;
constexpr std::size_t kBytesPerRead = 16 << 20;

using Metadata = kafka::Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using TopicHandle = kafka::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;

Error unavailable(const std::string& what, rd_kafka_resp_err_t error) {
  return {"unavailable", what + ": " + rd_kafka_err2str(error)};
}

std::vector<kafka::Property> properties(const config::Trigger& trigger) {
  kafka::ConsumerSpec spec;
  spec.connection = trigger.connection;
  // No member: the ways of a group do not matter, and a commit from outside of it is a classic one.
  for (const char* name : {"group.protocol", "group.remote.assignor"}) spec.connection.kafka.erase(name);
  spec.trigger = trigger.name;
  spec.group = trigger.consumer_group + ".dlq-replay";
  spec.queued_bytes = kPrefetchBytes;
  auto out = kafka::properties(spec);
  out.push_back({"enable.partition.eof", "true"});  // the last offsets may be no records
  return out;
}

}  // namespace

Result<int> partitions_of(rd_kafka_t* client, const std::string& topic) {
  const TopicHandle handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* answer = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle.get(), &answer, kTimeoutMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Error{"unavailable", rd_kafka_err2str(error)};
  const Metadata metadata(answer);
  const rd_kafka_metadata_topic_t& found = answer->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return Error{"unavailable", rd_kafka_err2str(found.err)};
  return found.partition_cnt;
}

Result<std::unique_ptr<DlqReader>> DlqReader::open(const config::Trigger& trigger, const std::string& topic,
                                                   bool from_beginning) {
  std::unique_ptr<DlqReader> reader(new DlqReader(trigger.name, topic));
  if (auto error = reader->connect(trigger)) return *error;
  if (auto error = reader->find_stretches(from_beginning)) return *error;
  if (auto error = reader->begin()) return *error;
  return reader;
}

DlqReader::~DlqReader() {
  if (client_ != nullptr) kafka::destroy_client(client_);
}

std::optional<Error> DlqReader::connect(const config::Trigger& trigger) {
  auto conf = kafka::make_conf(properties(trigger));
  if (!conf) return conf.error();
  const auto made = log_.make_client(RD_KAFKA_CONSUMER, 0, std::move(*conf));
  if (!made) return made.error();
  client_ = *made;
  rd_kafka_poll_set_consumer(client_);
  return std::nullopt;
}

std::optional<Error> DlqReader::find_stretches(bool from_beginning) {
  const auto count = partitions_of(client_, topic_);
  if (!count) return in_context("topic " + topic_, count.error());
  const kafka::PartitionList list = kafka::partition_list(static_cast<std::size_t>(*count));
  for (std::int32_t p = 0; p < *count; ++p) {
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), p);
  }
  const rd_kafka_resp_err_t error = rd_kafka_committed(client_, list.get(), kTimeoutMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("what was replayed before", error);
  for (const rd_kafka_topic_partition_t& entry : kafka::entries(list.get())) {
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("what was replayed before", entry.err);
    partitions_[entry.partition].committed = entry.offset;
    if (auto failed = find_stretch(entry.partition, from_beginning)) return failed;
  }
  return std::nullopt;
}

std::optional<Error> DlqReader::find_stretch(std::int32_t partition, bool from_beginning) {
  std::int64_t start = 0;
  std::int64_t end = 0;
  const rd_kafka_resp_err_t error =
      rd_kafka_query_watermark_offsets(client_, topic_.c_str(), partition, &start, &end, kTimeoutMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("topic " + topic_, error);
  Stretch& stretch = partitions_[partition];
  stretch.end = end;
  stretch.next = from_beginning ? start : std::max(start, stretch.committed);
  // A topic made anew is shorter than what was read of the old one.
  if (stretch.next > end) stretch.next = start;
  if (stretch.committed < 0) stretch.committed = start;  // nothing to remember yet
  return std::nullopt;
}

std::optional<Error> DlqReader::begin() {
  const kafka::PartitionList list = kafka::partition_list(partitions_.size());
  for (const auto& [partition, stretch] : partitions_) {
    if (stretch.next >= stretch.end) continue;
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = stretch.next;
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(client_, list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("topic " + topic_, error);
  return std::nullopt;
}

Result<std::vector<DeadLetterMessage>> DlqReader::read(std::size_t most) {
  std::vector<DeadLetterMessage> out;
  std::size_t bytes = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (left() > 0 && out.size() < most && bytes < kBytesPerRead) {
    DeadLetterMessage message(rd_kafka_consumer_poll(client_, kPollMs));
    if (message && take(*message)) {
      bytes += message->len + message->key_len;
      out.push_back(std::move(message));
    } else if (!out.empty() && !message) {
      break;
    } else if (out.empty() && std::chrono::steady_clock::now() > deadline) {
      return Error{"unavailable", "topic " + topic_ + ": no records for 30 s, though there are " +
                                      (trouble_.empty() ? "some" : "some: " + trouble_)};
    }
  }
  return out;
}

bool DlqReader::take(const rd_kafka_message_t& message) {
  const bool at_end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !at_end) {
    trouble_ = rd_kafka_message_errstr(&message);
    return false;
  }
  Stretch& stretch = partitions_[message.partition];
  const std::int64_t next = at_end ? message.offset : message.offset + 1;
  const bool wanted = !at_end && message.offset < stretch.end;
  stretch.next = std::max(stretch.next, std::min(next, stretch.end));
  return wanted;
}

std::map<std::int32_t, std::int64_t> DlqReader::positions() const {
  std::map<std::int32_t, std::int64_t> out;
  for (const auto& [partition, stretch] : partitions_) out[partition] = stretch.next;
  return out;
}

std::optional<Error> DlqReader::commit(const std::map<std::int32_t, std::int64_t>& positions) {
  const kafka::PartitionList list = kafka::partition_list(positions.size());
  for (const auto& [partition, position] : positions) {
    if (partitions_[partition].committed == position) continue;
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = position;
  }
  if (list->cnt == 0) return std::nullopt;
  const rd_kafka_resp_err_t error = rd_kafka_commit(client_, list.get(), 0);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("remembering what was replayed", error);
  for (const rd_kafka_topic_partition_t& entry : kafka::entries(list.get())) {
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return unavailable("remembering what was replayed", entry.err);
    }
    partitions_[entry.partition].committed = entry.offset;
  }
  return std::nullopt;
}

std::uint64_t DlqReader::left() const {
  std::uint64_t sum = 0;
  for (const auto& [partition, stretch] : partitions_) {
    sum += static_cast<std::uint64_t>(std::max<std::int64_t>(stretch.end - stretch.next, 0));
  }
  return sum;
}

}  // namespace triggerd::daemon
