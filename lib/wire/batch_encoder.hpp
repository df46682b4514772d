// Batch frames for the socket, without copying the records' bytes (PROTOCOL.md §4). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wire/record_batch.hpp"

namespace triggerd::wire {

// A Batch frame as pieces for one writev: large arenas stay where they lie in the batch, which must outlive
// the write.
class BatchEncoder {
 public:
  // Replaces what was encoded before; the buffers are kept.
  void encode(const Delivery& delivery);
  // In wire order; together the whole frame.
  std::span<const std::string_view> pieces() const { return {pieces_.data(), piece_count_}; }
  std::size_t frame_bytes() const { return frame_bytes_; }

 private:
  struct Part;
  // Each appends to head_; put_columns says which columns it wrote.
  std::uint32_t put_columns(const Part& part);
  std::uint32_t put_key_columns(const Part& part);
  std::uint32_t put_header_columns(const Part& part);
  void add_piece(std::string_view piece);
  void add_arena(std::string_view arena);

  std::string head_;  // frame header, batch head, columns, topic
  std::array<std::string_view, 8> pieces_{};
  std::size_t piece_count_ = 0;
  std::size_t frame_bytes_ = 0;
};

}  // namespace triggerd::wire
