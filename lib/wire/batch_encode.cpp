#include <cstring>

#include "base/invariant.hpp"
#include "wire/batch_encoder.hpp"
#include "wire/frame.hpp"
#include "wire/layout.hpp"

namespace triggerd::wire {

namespace {

constexpr char kZeros[8] = {};

// Entries `first` on of a column; ends and deltas then count from `base`, where the part begins.
template <typename T>
void put_part(std::string& out, const std::vector<T>& column, std::size_t first, std::size_t count, T base) {
  const std::size_t at = out.size();
  if (base == 0) {
    out.append(reinterpret_cast<const char*>(column.data() + first), count * sizeof(T));
  } else {
    out.resize(at + count * sizeof(T));
    char* to = out.data() + at;
    for (std::size_t i = 0; i < count; ++i) {
      const T value = static_cast<T>(column[first + i] - base);
      std::memcpy(to + i * sizeof value, &value, sizeof value);
    }
  }
  pad_to_8(out, at, '\0');
}

// Bits `first` on, moved to begin at bit 0. The set may end before the part does.
void put_bits(std::string& out, const std::vector<std::uint8_t>& bits, std::size_t first, std::size_t count) {
  const auto byte = [&](std::size_t index) { return index < bits.size() ? unsigned{bits[index]} : 0u; };
  const std::size_t bytes = bitset_bytes(count);
  const std::size_t shift = first % 8;
  const std::size_t at = out.size();
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t from = first / 8 + i;
    out.push_back(static_cast<char>((byte(from) >> shift) | (byte(from + 1) << (8 - shift))));
  }
  if (count % 8 != 0) out.back() = static_cast<char>(out.back() & ((1 << (count % 8)) - 1));
  pad_to_8(out, at, '\0');
}

}  // namespace

// What of a batch is sent: where its records' bytes and headers lie.
struct BatchEncoder::Part {
  explicit Part(const Delivery& delivery)
      : batch(*delivery.batch),
        first(delivery.first),
        count(delivery.count),
        values(batch.value_range(first, count)),
        keys(batch.key_range(first, count)),
        headers(batch.header_range(first, count)) {
    if (batch.header_first_.empty()) return;
    first_header = batch.header_first_[first];
    header_count = batch.header_first_[first + count] - first_header;
  }
  static std::string_view slice(const std::string& arena, RecordBatch::Range range) {
    return std::string_view(arena).substr(range.begin, range.size());
  }

  const RecordBatch& batch;
  const std::uint32_t first, count;
  const RecordBatch::Range values, keys, headers;
  std::uint32_t first_header = 0, header_count = 0;
};

void BatchEncoder::encode(const Delivery& delivery) {
  const std::uint32_t records = delivery.batch->size();
  TRIGGERD_INVARIANT(
      delivery.count >= 1 && delivery.count <= records && delivery.first <= records - delivery.count,
      "part of a batch");
  const Part part(delivery);
  const std::string& topic = delivery.source.topic.name();
  BatchHead head;
  head_.assign(kFrameHeaderBytes + sizeof head, '\0');  // written below, when the columns are known
  head.n = part.count;
  head.columns = put_columns(part);
  head.base_offset = part.batch.offset(part.first).value;
  head.base_timestamp = part.batch.timestamp(part.first);
  head.partition = delivery.source.partition.value;
  head.epoch = delivery.epoch.value;
  head.run = delivery.run;
  head.attempt = delivery.attempt;
  head.topic_bytes = static_cast<std::uint32_t>(topic.size());
  head.header_count = part.header_count;
  head.value_bytes = part.values.size();
  head.key_bytes = part.keys.size();
  head.header_bytes = part.headers.size();
  head.leader_epoch = static_cast<std::uint32_t>(delivery.leader_epoch) + 1;
  head_ += topic;
  pad_to_8(head_, 0, '\0');

  piece_count_ = 0;
  frame_bytes_ = 0;
  add_piece(head_);
  add_arena(Part::slice(part.batch.values_, part.values));
  add_arena(Part::slice(part.batch.keys_, part.keys));
  add_arena(Part::slice(part.batch.headers_, part.headers));
  const std::size_t payload = frame_bytes_ - kFrameHeaderBytes;
  TRIGGERD_INVARIANT(payload <= kMaxDaemonPayload, "RecordBatch::append keeps to the limit");
  std::string header;
  append_header(header, {static_cast<std::uint32_t>(payload), FrameType::batch,
                         delivery.more ? kFlagMore : std::uint8_t{0}, delivery.id.value});
  std::memcpy(head_.data(), header.data(), header.size());
  std::memcpy(head_.data() + header.size(), &head, sizeof head);
}

std::uint32_t BatchEncoder::put_columns(const Part& part) {
  const RecordBatch& batch = part.batch;
  std::uint32_t columns = 0;
  put_part(head_, batch.value_end_, part.first, part.count, part.values.begin);
  if (!batch.value_null_.empty()) {
    columns |= kValueNull;
    put_bits(head_, batch.value_null_, part.first, part.count);
  }
  if (!batch.unreadable_.empty()) {
    columns |= kUnreadable;
    put_bits(head_, batch.unreadable_, part.first, part.count);
  }
  if (!batch.key_end_.empty()) columns |= put_key_columns(part);
  if (!batch.offset_delta_.empty()) {
    columns |= kOffsetDelta;
    put_part(head_, batch.offset_delta_, part.first, part.count, batch.offset_delta_[part.first]);
  }
  if (!batch.timestamp_delta_.empty()) {
    columns |= kTimestampDelta;
    put_part(head_, batch.timestamp_delta_, part.first, part.count, batch.timestamp_delta_[part.first]);
  }
  if (!batch.header_first_.empty()) columns |= put_header_columns(part);
  return columns;
}

std::uint32_t BatchEncoder::put_key_columns(const Part& part) {
  put_part(head_, part.batch.key_end_, part.first, part.count, part.keys.begin);
  if (part.batch.key_null_.empty()) return kKeys;
  put_bits(head_, part.batch.key_null_, part.first, part.count);
  return kKeys | kKeyNull;
}

std::uint32_t BatchEncoder::put_header_columns(const Part& part) {
  const RecordBatch& batch = part.batch;
  put_part(head_, batch.header_first_, part.first, std::size_t{part.count} + 1, part.first_header);
  put_part(head_, batch.header_name_end_, part.first_header, part.header_count, part.headers.begin);
  put_part(head_, batch.header_value_end_, part.first_header, part.header_count, part.headers.begin);
  if (batch.header_null_.empty()) return kHeaders;
  put_bits(head_, batch.header_null_, part.first_header, part.header_count);
  return kHeaders | kHeaderNull;
}

void BatchEncoder::add_piece(std::string_view piece) {
  if (piece.empty()) return;
  pieces_[piece_count_++] = piece;
  frame_bytes_ += piece.size();
}

// Arenas are not copied: the pieces point into the batch.
void BatchEncoder::add_arena(std::string_view arena) {
  add_piece(arena);
  add_piece({kZeros, padded(arena.size()) - arena.size()});
}

}  // namespace triggerd::wire
