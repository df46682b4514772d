// Records that own their bytes, to build batches from and compare with what came back; for the tests of wire.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wire/message.hpp"

namespace triggerd::wire::test {

using Text = std::optional<std::string>;

struct Record {
  std::int64_t offset = 0;
  WallMillis timestamp = -1;
  Text key, value;
  std::vector<std::pair<std::string, Text>> headers;
  bool unreadable = false;
  bool operator==(const Record&) const = default;
};

inline std::optional<std::string_view> view(const Text& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}
inline Text own(std::optional<std::string_view> text) {
  return text ? Text(std::string(*text)) : std::nullopt;
}

inline bool append(RecordBatch& batch, const Record& record) {
  std::vector<HeaderView> headers;
  for (const auto& [name, value] : record.headers) headers.push_back({name, view(value)});
  return batch.append({.offset = Offset{record.offset},
                       .timestamp = record.timestamp,
                       .key = view(record.key),
                       .value = view(record.value),
                       .headers = headers,
                       .unreadable = record.unreadable});
}

inline std::shared_ptr<const RecordBatch> make_batch(const std::vector<Record>& records) {
  auto batch = std::make_shared<RecordBatch>();
  for (const Record& record : records) {
    if (!append(*batch, record)) ADD_FAILURE() << "refused: offset " << record.offset;
  }
  return batch;
}

inline Delivery make_delivery(const std::vector<Record>& records) {
  Delivery delivery{
      BatchId{1}, {Topic("orders"), Partition{3}}, Epoch{1}, 0, 1, false, make_batch(records), 0, 0};
  delivery.count = delivery.batch->size();
  return delivery;
}

// The records a delivery carries.
inline std::vector<Record> records_of(const Delivery& delivery) {
  std::vector<Record> out;
  for (std::uint32_t i = delivery.first; i < delivery.first + delivery.count; ++i) {
    const RecordBatch& batch = *delivery.batch;
    Record record{batch.offset(i).value, batch.timestamp(i), own(batch.key(i)), own(batch.value(i)), {},
                  batch.unreadable(i)};
    for (const HeaderView& header : batch.headers(i))
      record.headers.emplace_back(header.name, own(header.value));
    out.push_back(std::move(record));
  }
  return out;
}

inline std::string frame_of(const Delivery& delivery) {
  BatchEncoder encoder;
  encoder.encode(delivery);
  std::string out;
  for (const std::string_view piece : encoder.pieces()) out += piece;
  EXPECT_EQ(out.size(), encoder.frame_bytes());
  return out;
}

template <typename T>
std::string frame_of(const T& message) {
  std::string out;
  encode(out, message);
  return out;
}

inline void feed(FrameDecoder& decoder, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = decoder.prepare();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    decoder.commit(count);
    bytes.remove_prefix(count);
  }
}

// What `bytes`, one frame, say.
inline Result<Message> read(std::string_view bytes, std::size_t max_payload = kMaxDaemonPayload) {
  FrameDecoder decoder(max_payload);
  feed(decoder, bytes);
  TRY(const std::optional<Frame> frame, decoder.next());
  if (!frame) return Error{"test", "the frame is not whole"};
  return parse(*frame);
}

}  // namespace triggerd::wire::test
