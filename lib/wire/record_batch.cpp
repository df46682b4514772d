#include "wire/record_batch.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/invariant.hpp"
#include "wire/frame.hpp"
#include "wire/layout.hpp"

namespace triggerd::wire {

namespace {

// More than any record's share of the columns, headers' own columns apart.
constexpr std::size_t kColumnBytesPerRecord = 20;
constexpr std::size_t kColumnBytesPerHeader = 12;
constexpr std::size_t kFixedBytes = sizeof(BatchHead) + kMaxTopicBytes + 16 * 8;

void set_bit(std::vector<std::uint8_t>& bits, std::size_t index) {
  if (bits.size() <= index / 8) bits.resize(index / 8 + 1);
  bits[index / 8] = static_cast<std::uint8_t>(bits[index / 8] | (1u << (index % 8)));
}

bool bit(const std::vector<std::uint8_t>& bits, std::size_t index) {
  return index / 8 < bits.size() && ((bits[index / 8] >> (index % 8)) & 1) != 0;
}

std::uint32_t start_of(const std::vector<std::uint32_t>& ends, std::size_t index) {
  return index == 0 ? 0 : ends[index - 1];
}

std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

std::size_t RecordView::bytes() const {
  std::size_t total = (key ? key->size() : 0) + (value ? value->size() : 0);
  for (const HeaderView& header : headers)
    total += header.name.size() + (header.value ? header.value->size() : 0);
  return total;
}

// With the limit of a frame kept here, every part of every batch can be sent.
bool RecordBatch::fits(const RecordView& record) const {
  const std::size_t payload = kFixedBytes + bytes() + record.bytes() +
                              (value_end_.size() + 1) * kColumnBytesPerRecord +
                              (header_name_end_.size() + record.headers.size()) * kColumnBytesPerHeader;
  if (payload > kMaxDaemonPayload || record.offset.value < 0) return false;
  if (empty()) return true;
  if (record.leader_epoch != leader_epoch_) return false;
  if (record.offset <= last_offset() ||
      record.offset.value - base_offset_ > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  if (base_timestamp_ < 0 || record.timestamp < 0) return base_timestamp_ < 0 && record.timestamp < 0;
  const std::int64_t delta = record.timestamp - base_timestamp_;
  return delta > -kMaxTimestampDelta && delta < kMaxTimestampDelta;
}

bool RecordBatch::append(const RecordView& record) {
  if (!fits(record)) return false;
  const std::uint32_t index = size();
  if (index == 0) {
    base_offset_ = record.offset.value;
    base_timestamp_ = std::max<WallMillis>(record.timestamp, -1);
    leader_epoch_ = record.leader_epoch;
  }
  append_offset(index, static_cast<std::uint32_t>(record.offset.value - base_offset_));
  if (base_timestamp_ >= 0)
    append_timestamp(index, static_cast<std::int32_t>(record.timestamp - base_timestamp_));
  if (record.key || !key_end_.empty()) append_key(index, record.key);
  if (!record.headers.empty() || !header_first_.empty()) append_headers(index, record.headers);
  if (record.value) {
    values_.append(*record.value);
  } else {
    set_bit(value_null_, index);
  }
  if (record.unreadable) set_bit(unreadable_, index);
  value_end_.push_back(u32(values_.size()));
  return true;
}

// Columns begin only when a record needs them; those before it are filled in then.
void RecordBatch::append_offset(std::uint32_t index, std::uint32_t delta) {
  if (offset_delta_.empty()) {
    if (delta == index) return;
    offset_delta_.resize(index);
    std::iota(offset_delta_.begin(), offset_delta_.end(), 0u);
  }
  offset_delta_.push_back(delta);
}

void RecordBatch::append_timestamp(std::uint32_t index, std::int32_t delta) {
  if (timestamp_delta_.empty()) {
    if (delta == 0) return;
    timestamp_delta_.resize(index);
  }
  timestamp_delta_.push_back(delta);
}

void RecordBatch::append_key(std::uint32_t index, const std::optional<std::string_view>& key) {
  if (key_end_.empty()) {
    key_end_.reserve(value_end_.capacity());
    key_end_.resize(index);
    for (std::uint32_t i = 0; i < index; ++i) set_bit(key_null_, i);
  }
  if (key) {
    keys_.append(*key);
  } else {
    set_bit(key_null_, index);
  }
  key_end_.push_back(u32(keys_.size()));
}

void RecordBatch::append_headers(std::uint32_t index, std::span<const HeaderView> headers) {
  if (header_first_.empty()) header_first_.resize(index + 1);
  for (const HeaderView& header : headers) {
    headers_.append(header.name);
    header_name_end_.push_back(u32(headers_.size()));
    if (header.value) {
      headers_.append(*header.value);
    } else {
      set_bit(header_null_, header_value_end_.size());
    }
    header_value_end_.push_back(u32(headers_.size()));
  }
  header_first_.push_back(u32(header_name_end_.size()));
}

void RecordBatch::reserve(std::size_t records, std::size_t value_bytes) {
  value_end_.reserve(records);
  values_.reserve(value_bytes);
}

RecordBatch::Range RecordBatch::value_range(std::uint32_t first, std::uint32_t count) const {
  return {start_of(value_end_, first), start_of(value_end_, first + count)};
}

RecordBatch::Range RecordBatch::key_range(std::uint32_t first, std::uint32_t count) const {
  if (key_end_.empty()) return {};
  return {start_of(key_end_, first), start_of(key_end_, first + count)};
}

RecordBatch::Range RecordBatch::header_range(std::uint32_t first, std::uint32_t count) const {
  if (header_first_.empty()) return {};
  return {start_of(header_value_end_, header_first_[first]),
          start_of(header_value_end_, header_first_[first + count])};
}

std::size_t RecordBatch::bytes(std::uint32_t first, std::uint32_t count) const {
  TRIGGERD_INVARIANT(count <= size() && first <= size() - count, "part of a batch");
  return std::size_t{value_range(first, count).size()} + key_range(first, count).size() +
         header_range(first, count).size();
}

Offset RecordBatch::offset(std::uint32_t index) const {
  return Offset{base_offset_ + (offset_delta_.empty() ? index : offset_delta_[index])};
}

WallMillis RecordBatch::timestamp(std::uint32_t index) const {
  return base_timestamp_ + (timestamp_delta_.empty() ? 0 : timestamp_delta_[index]);
}

std::optional<std::string_view> RecordBatch::key(std::uint32_t index) const {
  if (key_end_.empty() || bit(key_null_, index)) return std::nullopt;
  const Range range = key_range(index, 1);
  return std::string_view(keys_).substr(range.begin, range.size());
}

std::optional<std::string_view> RecordBatch::value(std::uint32_t index) const {
  if (bit(value_null_, index)) return std::nullopt;
  const Range range = value_range(index, 1);
  return std::string_view(values_).substr(range.begin, range.size());
}

bool RecordBatch::unreadable(std::uint32_t index) const { return bit(unreadable_, index); }

std::vector<HeaderView> RecordBatch::headers(std::uint32_t index) const {
  std::vector<HeaderView> views;
  if (header_first_.empty()) return views;
  const std::string_view arena(headers_);
  for (std::uint32_t h = header_first_[index]; h < header_first_[index + 1]; ++h) {
    const std::uint32_t begin = start_of(header_value_end_, h);
    HeaderView view{arena.substr(begin, header_name_end_[h] - begin), std::nullopt};
    if (!bit(header_null_, h))
      view.value = arena.substr(header_name_end_[h], header_value_end_[h] - header_name_end_[h]);
    views.push_back(view);
  }
  return views;
}

}  // namespace triggerd::wire
