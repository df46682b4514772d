#include "kafka/record_reader.hpp"

#include <algorithm>
#include <utility>

namespace triggerd::kafka {
namespace {

constexpr std::size_t kRecordsPerTurn = 1000;
constexpr auto kTimePerTurn = std::chrono::milliseconds(1);
// A run is cut here, so that a sink that stops reading has not been lent much more than it wanted.
constexpr std::size_t kBytesPerRun = 1 << 20;

std::optional<std::string_view> bytes(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

bool RecordReader::turn(rd_kafka_queue_t* queue) {
  const auto end = std::chrono::steady_clock::now() + kTimePerTurn;
  std::size_t handed_out = 0;
  queue_empty_ = false;  // what wrote to the eventfd while we were not reading has been forgotten
  while (sink_.reading()) {
    if (next_ == end_ && !fill(queue)) return false;
    handed_out += hand_out();
    if (next_ != end_) continue;
    if (queue_empty_) return false;  // the eventfd tells when it is not
    if (handed_out >= kRecordsPerTurn || std::chrono::steady_clock::now() >= end) return true;
  }
  return false;
}

bool RecordReader::fill(rd_kafka_queue_t* queue) {
  const std::size_t most = std::clamp<std::size_t>(kBytesTaken / (usual_bytes_ + 1), 1, kTaken);
  const ssize_t taken = rd_kafka_consume_batch_queue(queue, 0, messages_.data(), most);
  next_ = 0;
  end_ = taken > 0 ? static_cast<std::size_t>(taken) : 0;
  queue_empty_ = end_ < most;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < end_; ++i) bytes += messages_[i]->len + messages_[i]->key_len;
  usual_bytes_ = bytes / std::max<std::size_t>(end_, 1);
  return end_ > 0;
}

// One run, one error, or one record of a partition that is not ours any more.
std::size_t RecordReader::hand_out() {
  const rd_kafka_message_t& first = *messages_[next_];
  if (first.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_message_t* message = messages_[next_++];
    if (first.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      caught_up(first);
    } else {
      sink_.error(*message);
    }
    rd_kafka_message_destroy(message);
    return 1;
  }
  const std::size_t count = run_length(first);
  ReadPartition* partition = assignment_.find(rd_kafka_topic_name(first.rkt), first.partition);
  const std::size_t begin = next_;
  next_ += count;  // first: the sink may discard what is held
  if (partition != nullptr && !partition->revoking) {
    views_.clear();
    headers_.clear();
    header_counts_.clear();
    for (std::size_t i = begin; i < begin + count; ++i) view(*messages_[i]);
    partition->epochs.note(Offset{first.offset}, rd_kafka_message_leader_epoch(&first));
    lend(*partition);
  }
  for (std::size_t i = begin; i < begin + count; ++i) rd_kafka_message_destroy(messages_[i]);
  return count;
}

// At the end of a log that ends in records: nothing new.
void RecordReader::caught_up(const rd_kafka_message_t& end) {
  ReadPartition* partition = assignment_.find(rd_kafka_topic_name(end.rkt), end.partition);
  if (partition == nullptr || partition->revoking || end.offset <= partition->position.value) return;
  partition->position = Offset{end.offset};
  sink_.caught_up({partition->source, partition->position});
}

// Records of one partition and one leader epoch.
std::size_t RecordReader::run_length(const rd_kafka_message_t& first) const {
  const std::int32_t epoch = rd_kafka_message_leader_epoch(&first);
  std::size_t size = 0;
  std::size_t i = next_;
  for (; i < end_ && size < kBytesPerRun; ++i) {
    const rd_kafka_message_t& message = *messages_[i];
    if (message.rkt != first.rkt || message.partition != first.partition ||
        message.err != RD_KAFKA_RESP_ERR_NO_ERROR || rd_kafka_message_leader_epoch(&message) != epoch) {
      break;
    }
    size += message.len + message.key_len;
  }
  return i - next_;
}

void RecordReader::lend(ReadPartition& partition) {
  // Only now the headers have their final place.
  const wire::HeaderView* header = headers_.data();
  for (std::size_t i = 0; i < views_.size(); ++i) {
    views_[i].headers = {header, header_counts_[i]};
    header += header_counts_[i];
  }
  partition.position = Offset{views_.back().offset.value + 1};
  sink_.records({partition.source, views_});
}

void RecordReader::view(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type{};
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  views_.push_back({Offset{message.offset},
                    type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
                    bytes(message.key, message.key_len),
                    bytes(message.payload, message.len),
                    {},
                    rd_kafka_message_leader_epoch(&message)});
  const std::size_t before = headers_.size();
  view_headers(message);
  header_counts_.push_back(headers_.size() - before);
}

void RecordReader::view_headers(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* list = nullptr;
  if (rd_kafka_message_headers(&message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(list, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    headers_.push_back({name, bytes(value, size)});
  }
}

void RecordReader::discard_revoked() {
  std::size_t kept = next_;
  for (std::size_t i = next_; i < end_; ++i) {
    rd_kafka_message_t* message = messages_[i];
    const ReadPartition* partition =
        message->rkt == nullptr ? nullptr
                                : assignment_.find(rd_kafka_topic_name(message->rkt), message->partition);
    // An end belongs to what was read before it: said of a later assignment it would skip records.
    const bool read =
        message->err == RD_KAFKA_RESP_ERR_NO_ERROR || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (read && (partition == nullptr || partition->revoking)) {
      rd_kafka_message_destroy(message);
    } else {
      messages_[kept++] = message;
    }
  }
  end_ = kept;
}

void RecordReader::discard_all() {
  while (next_ < end_) rd_kafka_message_destroy(messages_[next_++]);
  next_ = end_ = 0;
}

}  // namespace triggerd::kafka
