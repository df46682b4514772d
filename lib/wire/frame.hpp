// Frames on a worker's socket: header, limits, incremental decoding (PROTOCOL.md §2). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace triggerd::wire {

enum class FrameType : std::uint8_t {
  hello = 1,
  welcome = 2,
  batch = 3,
  ack = 4,
  credit = 5,
  cancel = 6,
  drain = 7,
  ping = 8,
  pong = 9,
  log = 10,
  bye = 11,
};

inline constexpr std::size_t kFrameHeaderBytes = 16;
inline constexpr std::size_t kMaxWorkerPayload = 16u << 20;   // worker → daemon
inline constexpr std::size_t kMaxDaemonPayload = 256u << 20;  // daemon → worker
inline constexpr std::size_t kMaxJsonPayload = 64u << 10;
inline constexpr std::uint8_t kFlagMore = 1;

struct FrameHeader {
  std::uint32_t length = 0;
  FrameType type{};
  std::uint8_t flags = 0;
  std::uint64_t id = 0;
  bool operator==(const FrameHeader&) const = default;
};

// `payload` lies in the decoder and is valid until its next prepare().
struct Frame {
  FrameHeader header;
  std::string_view payload;
};

// The header's 16 bytes, appended.
void append_header(std::string& out, const FrameHeader& header);
// Pads with `fill` to a multiple of 8, counted from `start`.
void pad_to_8(std::string& out, std::size_t start, char fill);

// Bytes in any pieces → whole frames, each payload 8-aligned in memory. Holds at most one frame and one
// read's worth more, and gives the memory of a huge frame back. After an error it only repeats it.
class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t max_payload) : max_payload_(max_payload) {}
  // Room for the socket to read into: 16 KiB or more, or what is left of a frame that has begun. Then
  // commit() what it read, and call next() until it gives nothing.
  std::span<char> prepare();
  void commit(std::size_t bytes);
  // The next whole frame; nullopt: more bytes are needed; an error (`frame_too_large`, `frame_malformed`)
  // ends the session.
  Result<std::optional<Frame>> next();

 private:
  // Bytes the frame at begin_ has in all; 0 while its header is not complete or is refused.
  std::size_t frame_bytes() const;
  void make_room(std::size_t bytes);

  std::size_t max_payload_;
  std::unique_ptr<char[]> buffer_;  // not a vector: that would write zeros first
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of the first byte not returned yet; a multiple of 8
  std::size_t end_ = 0;    // of what was committed
};

}  // namespace triggerd::wire
