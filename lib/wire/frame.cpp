#include "wire/frame.hpp"

#include <algorithm>
#include <cstring>

#include "base/invariant.hpp"
#include "wire/layout.hpp"

namespace triggerd::wire {

namespace {

constexpr std::size_t kReadBytes = 64u << 10;
constexpr std::size_t kLeastRead = 16u << 10;  // less room than this is not worth a read
constexpr std::size_t kKeptBytes = 1u << 20;   // a larger buffer is given back once it is empty

bool known(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(FrameType::hello) &&
         type <= static_cast<std::uint8_t>(FrameType::bye);
}

bool is_json(FrameType type) {
  return type == FrameType::hello || type == FrameType::welcome || type == FrameType::log ||
         type == FrameType::bye;
}

bool has_id(FrameType type) {
  return type == FrameType::batch || type == FrameType::ack || type == FrameType::ping ||
         type == FrameType::pong;
}

Error malformed(const std::string& text) { return {"frame_malformed", "frame header: " + text}; }

Error too_large(std::size_t length, std::size_t limit) {
  return {"frame_too_large", "frame header: length " + std::to_string(length) + " is over the limit of " +
                                 std::to_string(limit)};
}

// PROTOCOL.md §2, rule by rule.
Result<FrameHeader> parse_header(std::string_view bytes, std::size_t max_payload) {
  const auto type = get<std::uint8_t>(bytes, 4);
  if (!known(type)) return malformed("type " + std::to_string(type) + " is unknown");
  const FrameHeader header{get<std::uint32_t>(bytes, 0), FrameType{type}, get<std::uint8_t>(bytes, 5),
                           get<std::uint64_t>(bytes, 8)};
  const std::uint8_t allowed_flags = header.type == FrameType::batch ? kFlagMore : 0;
  if ((header.flags & ~allowed_flags) != 0) return malformed("flags must be 0 (MORE in a Batch)");
  if (get<std::uint16_t>(bytes, 6) != 0) return malformed("reserved must be 0");
  if (header.id != 0 && !has_id(header.type)) return malformed("id must be 0 in this type");
  if (header.length % 8 != 0) return malformed("length must be a multiple of 8");
  if (header.length > max_payload) return too_large(header.length, max_payload);
  if (is_json(header.type) && header.length > kMaxJsonPayload)
    return too_large(header.length, kMaxJsonPayload);
  return header;
}

}  // namespace

void append_header(std::string& out, const FrameHeader& header) {
  put(out, header.length);
  put(out, static_cast<std::uint8_t>(header.type));
  put(out, header.flags);
  put(out, std::uint16_t{0});
  put(out, header.id);
}

void pad_to_8(std::string& out, std::size_t start, char fill) {
  const std::size_t bytes = out.size() - start;
  out.append(padded(bytes) - bytes, fill);
}

std::size_t FrameDecoder::frame_bytes() const {
  if (end_ - begin_ < kFrameHeaderBytes) return 0;
  const auto length = get<std::uint32_t>({buffer_.get() + begin_, kFrameHeaderBytes}, 0);
  return length > max_payload_ ? 0 : kFrameHeaderBytes + length;
}

// The unread bytes go to the front of a buffer of at least `bytes`: the one there is, where it is large
// enough.
void FrameDecoder::make_room(std::size_t bytes) {
  const std::size_t unread = end_ - begin_;
  if (capacity_ >= bytes) {
    if (unread > 0) std::memmove(buffer_.get(), buffer_.get() + begin_, unread);
  } else {
    auto larger = std::make_unique_for_overwrite<char[]>(bytes);
    if (unread > 0) std::memcpy(larger.get(), buffer_.get() + begin_, unread);
    buffer_ = std::move(larger);
    capacity_ = bytes;
  }
  begin_ = 0;
  end_ = unread;
}

std::span<char> FrameDecoder::prepare() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > kKeptBytes) {
      buffer_.reset();
      capacity_ = 0;
    }
  }
  const std::size_t unread = end_ - begin_;
  const std::size_t frame = frame_bytes();
  const std::size_t missing = frame > unread ? frame - unread : 0;
  // A frame that has begun is moved at most once, to where all of it has room.
  const std::size_t enough = missing > 0 ? missing : kLeastRead;
  if (capacity_ - end_ < enough) make_room(unread + std::max(missing, kReadBytes));
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameDecoder::commit(std::size_t bytes) {
  TRIGGERD_INVARIANT(bytes <= capacity_ - end_, "more was read than there was room for");
  end_ += bytes;
}

Result<std::optional<Frame>> FrameDecoder::next() {
  if (end_ - begin_ < kFrameHeaderBytes) return std::nullopt;
  const char* bytes = buffer_.get() + begin_;
  TRY(const FrameHeader header, parse_header({bytes, kFrameHeaderBytes}, max_payload_));
  if (end_ - begin_ < kFrameHeaderBytes + header.length) return std::nullopt;
  begin_ += kFrameHeaderBytes + header.length;
  return std::optional<Frame>(Frame{header, {bytes + kFrameHeaderBytes, header.length}});
}

}  // namespace triggerd::wire
