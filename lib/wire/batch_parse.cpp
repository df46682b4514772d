#include "wire/batch_parse.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "wire/layout.hpp"

namespace triggerd::wire {

// One frame, read from front to back. The first broken rule is kept in problem_ and ends the reading;
// whatever was read by then is dropped.
class BatchParser {
 public:
  explicit BatchParser(const Frame& frame) : frame_(frame) {}
  Result<Batch> parse();

 private:
  bool fail(std::string problem);
  bool has(Column column) const { return (head_.columns & column) != 0; }
  bool read_head();
  bool check_head();
  bool check_size();
  bool read_columns();
  bool read_key_columns();
  bool read_offsets();
  bool read_timestamps();
  bool read_header_columns();
  bool read_arenas(Delivery& delivery);
  bool check_headers();

  // The next so many bytes and their padding; check_size() has seen that they are there.
  bool take(std::size_t bytes, std::string_view& out);
  template <typename T>
  bool take_column(std::size_t count, std::vector<T>& out);
  bool take_bits(std::size_t count, std::vector<std::uint8_t>& out, const char* name);
  bool check_ends(const std::vector<std::uint32_t>& ends, std::uint32_t arena, const char* name);
  bool check_nulls(const std::vector<std::uint32_t>& ends, const std::vector<std::uint8_t>& nulls,
                   const char* name);

  const Frame& frame_;
  BatchHead head_;
  std::size_t at_ = 0;
  RecordBatch batch_;
  std::string problem_;
};

bool BatchParser::fail(std::string problem) {
  problem_ = "batch: " + std::move(problem);
  return false;
}

Result<Batch> BatchParser::parse() {
  Batch out;
  Delivery& delivery = out.delivery;
  if (!read_head() || !read_columns() || !read_arenas(delivery))
    return Error{"frame_malformed", std::move(problem_)};
  delivery.id = BatchId{frame_.header.id};
  delivery.epoch = Epoch{head_.epoch};
  delivery.run = head_.run;
  delivery.attempt = head_.attempt;
  delivery.more = (frame_.header.flags & kFlagMore) != 0;
  delivery.count = head_.n;
  delivery.leader_epoch = static_cast<std::int32_t>(head_.leader_epoch - 1);
  delivery.batch = std::make_shared<const RecordBatch>(std::move(batch_));
  return out;
}

bool BatchParser::read_head() {
  if (frame_.payload.size() < sizeof head_) return fail("shorter than its head");
  head_ = get<BatchHead>(frame_.payload, 0);
  at_ = sizeof head_;
  batch_.base_offset_ = head_.base_offset;
  batch_.base_timestamp_ = head_.base_timestamp;
  return check_head() && check_size();
}

bool BatchParser::check_head() {
  if (head_.n == 0) return fail("n must be at least 1");
  if (head_.columns > kAllColumns) return fail("columns has unknown bits");
  if (has(kKeyNull) && !has(kKeys)) return fail("key_null without keys");
  if (has(kHeaderNull) && !has(kHeaders)) return fail("header_null without headers");
  if (head_.base_offset < 0) return fail("base_offset must not be negative");
  if (head_.base_timestamp < -1) return fail("base_timestamp must be at least -1");
  if (head_.base_timestamp == -1 && has(kTimestampDelta))
    return fail("timestamp_delta without base_timestamp");
  if (head_.partition < 0) return fail("partition must not be negative");
  if (head_.attempt == 0) return fail("attempt must be at least 1");
  if (head_.topic_bytes == 0 || head_.topic_bytes > kMaxTopicBytes)
    return fail("topic must have 1 to 249 bytes");
  if (head_.key_bytes != 0 && !has(kKeys)) return fail("key_bytes without keys");
  if ((head_.header_count != 0 || head_.header_bytes != 0) && !has(kHeaders)) {
    return fail("header_count or header_bytes without headers");
  }
  if (head_.leader_epoch > std::uint32_t{1} << 31) return fail("leader_epoch must be at most 2^31");
  return true;
}

// No sum here can overflow: each term is below 2^36.
bool BatchParser::check_size() {
  const std::size_t n = head_.n;
  const std::size_t h = head_.header_count;
  std::size_t expected = sizeof head_ + padded(4 * n) + padded(head_.topic_bytes) +
                         padded(head_.value_bytes) + padded(head_.key_bytes) + padded(head_.header_bytes);
  if (has(kValueNull)) expected += padded(bitset_bytes(n));
  if (has(kUnreadable)) expected += padded(bitset_bytes(n));
  if (has(kKeys)) expected += padded(4 * n);
  if (has(kKeyNull)) expected += padded(bitset_bytes(n));
  if (has(kOffsetDelta)) expected += padded(4 * n);
  if (has(kTimestampDelta)) expected += padded(4 * n);
  if (has(kHeaders)) expected += padded(4 * (n + 1)) + 2 * padded(4 * h);
  if (has(kHeaderNull)) expected += padded(bitset_bytes(h));
  if (expected == frame_.payload.size()) return true;
  return fail("length is " + std::to_string(frame_.payload.size()) + " where its head asks for " +
              std::to_string(expected));
}

bool BatchParser::read_columns() {
  if (!take_column(head_.n, batch_.value_end_) ||
      !check_ends(batch_.value_end_, head_.value_bytes, "value_end")) {
    return false;
  }
  if (has(kValueNull) && !(take_bits(head_.n, batch_.value_null_, "value_null") &&
                           check_nulls(batch_.value_end_, batch_.value_null_, "value"))) {
    return false;
  }
  if (has(kUnreadable) && !take_bits(head_.n, batch_.unreadable_, "unreadable")) return false;
  return (!has(kKeys) || read_key_columns()) && (!has(kOffsetDelta) || read_offsets()) &&
         (!has(kTimestampDelta) || read_timestamps()) && (!has(kHeaders) || read_header_columns());
}

bool BatchParser::read_key_columns() {
  if (!take_column(head_.n, batch_.key_end_) || !check_ends(batch_.key_end_, head_.key_bytes, "key_end"))
    return false;
  return !has(kKeyNull) || (take_bits(head_.n, batch_.key_null_, "key_null") &&
                            check_nulls(batch_.key_end_, batch_.key_null_, "key"));
}

bool BatchParser::read_offsets() {
  std::vector<std::uint32_t>& deltas = batch_.offset_delta_;
  if (!take_column(head_.n, deltas)) return false;
  if (deltas.front() != 0) return fail("offset_delta must begin with 0");
  for (std::size_t i = 1; i < deltas.size(); ++i) {
    if (deltas[i] <= deltas[i - 1]) return fail("offset_delta does not rise at record " + std::to_string(i));
  }
  if (head_.base_offset > std::numeric_limits<std::int64_t>::max() - deltas.back())
    return fail("an offset overflows");
  return true;
}

bool BatchParser::read_timestamps() {
  if (!take_column(head_.n, batch_.timestamp_delta_)) return false;
  if (batch_.timestamp_delta_.front() != 0) return fail("timestamp_delta must begin with 0");
  for (std::size_t i = 0; i < head_.n; ++i) {
    const std::int64_t delta = batch_.timestamp_delta_[i];
    if (delta <= -kMaxTimestampDelta || delta >= kMaxTimestampDelta) {
      return fail("timestamp_delta is not within 2^30 at record " + std::to_string(i));
    }
    if (delta < -head_.base_timestamp ||
        delta > std::numeric_limits<std::int64_t>::max() - head_.base_timestamp) {
      return fail("a timestamp is negative or overflows at record " + std::to_string(i));
    }
  }
  return true;
}

bool BatchParser::read_header_columns() {
  const std::size_t h = head_.header_count;
  std::vector<std::uint32_t>& first = batch_.header_first_;
  if (!take_column(std::size_t{head_.n} + 1, first)) return false;
  if (first.front() != 0 || first.back() != h) return fail("header_first must go from 0 to header_count");
  if (!std::is_sorted(first.begin(), first.end())) return fail("header_first falls");
  if (!take_column(h, batch_.header_name_end_) || !take_column(h, batch_.header_value_end_)) return false;
  if (has(kHeaderNull) && !take_bits(h, batch_.header_null_, "header_null")) return false;
  return check_headers();
}

bool BatchParser::check_headers() {
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < head_.header_count; ++i) {
    const std::uint32_t name_end = batch_.header_name_end_[i];
    const std::uint32_t value_end = batch_.header_value_end_[i];
    if (name_end < begin || value_end < name_end || value_end > head_.header_bytes) {
      return fail("the ends of header " + std::to_string(i) + " fall or pass the arena");
    }
    const bool null = has(kHeaderNull) && ((batch_.header_null_[i / 8] >> (i % 8)) & 1) != 0;
    if (null && value_end != name_end) return fail("header " + std::to_string(i) + " is null and not empty");
    begin = value_end;
  }
  if (begin != head_.header_bytes) return fail("header_value_end does not end with its arena");
  return true;
}

bool BatchParser::read_arenas(Delivery& delivery) {
  std::string_view topic, values, keys, headers;
  if (!take(head_.topic_bytes, topic) || !take(head_.value_bytes, values) || !take(head_.key_bytes, keys) ||
      !take(head_.header_bytes, headers)) {
    return false;
  }
  delivery.source = {Topic(std::string(topic)), Partition{head_.partition}};
  batch_.values_.assign(values);
  batch_.keys_.assign(keys);
  batch_.headers_.assign(headers);
  return true;
}

bool BatchParser::take(std::size_t bytes, std::string_view& out) {
  out = frame_.payload.substr(at_, bytes);
  const std::string_view padding = frame_.payload.substr(at_ + bytes, padded(bytes) - bytes);
  at_ += padded(bytes);
  if (padding.find_first_not_of('\0') != std::string_view::npos) return fail("padding must be zero bytes");
  return true;
}

template <typename T>
bool BatchParser::take_column(std::size_t count, std::vector<T>& out) {
  std::string_view bytes;
  if (!take(count * sizeof(T), bytes)) return false;
  out.resize(count);
  if (count > 0) std::memcpy(out.data(), bytes.data(), bytes.size());
  return true;
}

bool BatchParser::take_bits(std::size_t count, std::vector<std::uint8_t>& out, const char* name) {
  if (!take_column(bitset_bytes(count), out)) return false;
  if (count % 8 != 0 && (out.back() >> (count % 8)) != 0)
    return fail(std::string(name) + " has bits past the last record");
  return true;
}

bool BatchParser::check_ends(const std::vector<std::uint32_t>& ends, std::uint32_t arena, const char* name) {
  const auto fall = std::is_sorted_until(ends.begin(), ends.end());
  if (fall != ends.end())
    return fail(std::string(name) + " falls at record " + std::to_string(fall - ends.begin()));
  if (ends.back() != arena) return fail(std::string(name) + " does not end with its arena");
  return true;
}

bool BatchParser::check_nulls(const std::vector<std::uint32_t>& ends, const std::vector<std::uint8_t>& nulls,
                              const char* name) {
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (((nulls[i / 8] >> (i % 8)) & 1) != 0 && ends[i] != (i == 0 ? 0 : ends[i - 1])) {
      return fail(std::string(name) + " " + std::to_string(i) + " is null and not empty");
    }
  }
  return true;
}

Result<Batch> parse_batch(const Frame& frame) { return BatchParser(frame).parse(); }

}  // namespace triggerd::wire
