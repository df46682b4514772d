// Byte layout shared by the encoders and parsers of this folder; not for others. Pure.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace triggerd::wire {

// Heads and columns are copied as they lie in memory.
static_assert(std::endian::native == std::endian::little, "the protocol is little-endian");

inline constexpr std::size_t kMaxTopicBytes = 249;        // Kafka's own limit
inline constexpr std::size_t kMaxReasonBytes = 4u << 10;  // of one answer
inline constexpr std::size_t kMaxTextBytes =
    8u << 10;  // of a Log or Bye; fits kMaxJsonPayload however it is escaped
inline constexpr std::int64_t kMaxTimestampDelta =
    1 << 30;  // exclusive, so that any slice's deltas fit an i32 too

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }
constexpr std::size_t bitset_bytes(std::size_t bits) { return (bits + 7) / 8; }

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// PROTOCOL.md §4.1.
struct BatchHead {
  std::uint32_t n = 0;
  std::uint32_t columns = 0;
  std::int64_t base_offset = 0;
  std::int64_t base_timestamp = -1;
  std::int32_t partition = 0;
  std::uint32_t epoch = 0;
  std::uint32_t run = 0;
  std::uint32_t attempt = 1;
  std::uint32_t topic_bytes = 0;
  std::uint32_t header_count = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t header_bytes = 0;
  std::uint32_t leader_epoch = 0;  // plus 1; 0: not told
};
static_assert(sizeof(BatchHead) == 64);

// Bits of BatchHead::columns.
enum Column : std::uint32_t {
  kOffsetDelta = 1,
  kTimestampDelta = 2,
  kKeys = 4,
  kHeaders = 8,
  kValueNull = 16,
  kKeyNull = 32,
  kHeaderNull = 64,
  kUnreadable = 128,
  kAllColumns = 255,
};

}  // namespace triggerd::wire
