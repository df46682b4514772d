// Records of one partition by columns, built once from the broker's and sent as they lie (PROTOCOL.md §4).
// Pure.
//
// A RecordBatch grows by append() until it is first sent; after that it is shared and constant until its last
// record is settled, so a retry or another worker can be sent any part of it again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::wire {

struct HeaderView {
  std::string_view name;
  std::optional<std::string_view> value;  // nullopt: null, which is not empty
};

// A record as its owner lends it: valid during the call it is passed to.
struct RecordView {
  Offset offset;
  WallMillis timestamp = -1;
  std::optional<std::string_view> key = {};
  std::optional<std::string_view> value = {};  // nullopt: a tombstone
  std::span<const HeaderView> headers = {};
  std::int32_t leader_epoch = -1;  // of the partition's leader that wrote it; -1: not known
  bool unreadable = false;         // no handler can be given it; `value` says why (PROTOCOL.md §11)

  // Bytes of key, value and headers: what budgets and windows count.
  std::size_t bytes() const;
};

class RecordBatch {
 public:
  // What one frame's columns can say: u32 arenas, u32 offset deltas, i32 timestamp deltas, all or no
  // timestamps, one leader epoch. False: this record needs a batch of its own; nothing was changed.
  bool append(const RecordView& record);
  // Room for so many records and bytes of values, so that appending does not move them.
  void reserve(std::size_t records, std::size_t value_bytes);

  std::uint32_t size() const { return static_cast<std::uint32_t>(value_end_.size()); }
  bool empty() const { return value_end_.empty(); }
  // Bytes of keys, values and headers of all records.
  std::size_t bytes() const { return values_.size() + keys_.size() + headers_.size(); }
  std::size_t bytes(std::uint32_t first, std::uint32_t count) const;

  Offset offset(std::uint32_t index) const;
  Offset last_offset() const { return offset(size() - 1); }
  WallMillis timestamp(std::uint32_t index) const;
  std::optional<std::string_view> key(std::uint32_t index) const;
  std::optional<std::string_view> value(std::uint32_t index) const;
  std::vector<HeaderView> headers(std::uint32_t index) const;
  bool unreadable(std::uint32_t index) const;
  std::int32_t leader_epoch() const { return leader_epoch_; }

 private:
  friend class BatchEncoder;
  friend class BatchParser;

  // A stretch of an arena.
  struct Range {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t size() const { return end - begin; }
  };
  Range value_range(std::uint32_t first, std::uint32_t count) const;
  Range key_range(std::uint32_t first, std::uint32_t count) const;
  Range header_range(std::uint32_t first, std::uint32_t count) const;

  bool fits(const RecordView& record) const;
  void append_offset(std::uint32_t index, std::uint32_t delta);
  void append_timestamp(std::uint32_t index, std::int32_t delta);
  void append_key(std::uint32_t index, const std::optional<std::string_view>& key);
  void append_headers(std::uint32_t index, std::span<const HeaderView> headers);

  std::int64_t base_offset_ = 0;
  WallMillis base_timestamp_ = -1;
  std::int32_t leader_epoch_ = -1;
  // Columns of PROTOCOL.md §4.2. All but value_end_ are empty until a record needs them; bit sets may end
  // early, the rest of their bits being 0.
  std::vector<std::uint32_t> value_end_, key_end_, offset_delta_, header_first_, header_name_end_,
      header_value_end_;
  std::vector<std::int32_t> timestamp_delta_;
  std::vector<std::uint8_t> value_null_, unreadable_, key_null_, header_null_;
  std::string values_, keys_, headers_;
};

// Part of a batch on its way to a worker.
struct Delivery {
  BatchId id;
  TopicPartition source;
  Epoch epoch;
  std::uint32_t run = 0;
  std::uint32_t attempt = 1;
  bool more = false;  // the invocation goes on in the next delivery
  std::shared_ptr<const RecordBatch> batch;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::int32_t leader_epoch = -1;  // as it is told to a worker of payload azure; -1: not
};

}  // namespace triggerd::wire
