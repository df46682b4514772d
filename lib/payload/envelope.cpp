#include "payload/envelope.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/invariant.hpp"
#include "payload/base64.hpp"
#include "payload/json_text.hpp"

namespace triggerd::payload {
namespace {

void append_number(std::string& out, std::int64_t number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void append_digits(std::string& out, unsigned number, int digits) {
  char text[8];
  for (int i = digits; i-- > 0; number /= 10) text[i] = static_cast<char>('0' + number % 10);
  out.append(text, static_cast<std::size_t>(digits));
}

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return bytes.size() == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(number))
                           : static_cast<std::int64_t>(number);
}

}  // namespace

std::size_t key_bytes(KeyType type) { return type == KeyType::int32 ? 4 : type == KeyType::int64 ? 8 : 0; }

bool is_of_type(const std::optional<std::string_view>& key, KeyType type) {
  const std::size_t bytes = key_bytes(type);
  return !key || bytes == 0 || key->size() == bytes;
}

std::string timestamp_text(WallMillis time) {
  using namespace std::chrono;
  constexpr WallMillis kFirst = sys_time<milliseconds>(sys_days(year(1) / 1 / 1)).time_since_epoch().count();
  constexpr WallMillis kLast =
      sys_time<milliseconds>(sys_days(year(10'000) / 1 / 1)).time_since_epoch().count() - 1;
  const sys_time<milliseconds> at{milliseconds(time == -1 ? 0 : std::clamp(time, kFirst, kLast))};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  std::string text;
  const auto put = [&](auto number, int digits, char after) {
    append_digits(text, static_cast<unsigned>(number), digits);
    text += after;
  };
  put(static_cast<int>(date.year()), 4, '-');
  put(static_cast<unsigned>(date.month()), 2, '-');
  put(static_cast<unsigned>(date.day()), 2, 'T');
  put(clock.hours().count(), 2, ':');
  put(clock.minutes().count(), 2, ':');
  put(clock.seconds().count(), 2, '.');
  put(clock.subseconds().count(), 3, 'Z');
  const std::size_t kept = text.find_last_not_of('0', text.size() - 2);
  text.resize(text[kept] == '.' ? kept : kept + 1);
  return text + 'Z';
}

EnvelopeEncoder::EnvelopeEncoder(const TopicPartition& source, KeyType key_type) : key_type_(key_type) {
  after_offset_ = ",\"Partition\":";
  append_number(after_offset_, source.partition.value);
  after_offset_ += ",\"Topic\":";
  append_json_string(after_offset_, source.topic.name());
  after_offset_ += ",\"Timestamp\":\"";
  last_text_ = timestamp_text(last_time_);
}

void EnvelopeEncoder::append(std::string& out, const wire::RecordView& record) {
  TRIGGERD_INVARIANT(is_of_type(record.key, key_type_), "a key of another type");
  out += "{\"Offset\":";
  append_number(out, record.offset.value);
  out.append(after_offset_).append(time(record.timestamp)).append("\",\"Value\":");
  if (record.value)
    append_text(out, *record.value);
  else
    out += "null";
  out += ",\"LeaderEpoch\":";
  if (record.leader_epoch >= 0)
    append_number(out, record.leader_epoch);
  else
    out += "null";
  out += ",\"IsPartitionEOF\":false,\"Key\":";
  append_key(out, record.key);
  append_headers(out, record.headers);
  out += '}';
}

// Records that come together often were made in the same millisecond.
std::string_view EnvelopeEncoder::time(WallMillis time) {
  if (time != last_time_) {
    last_text_ = timestamp_text(time);
    last_time_ = time;
  }
  return last_text_;
}

void EnvelopeEncoder::append_key(std::string& out, const std::optional<std::string_view>& key) {
  if (!key) {
    out += "null";
    return;
  }
  switch (key_type_) {
    case KeyType::string: append_text(out, *key); break;
    case KeyType::int32:
    case KeyType::int64: append_number(out, big_endian(*key)); break;
    case KeyType::binary:
      out += '"';
      append_base64(out, *key);
      out += '"';
      break;
  }
}

void EnvelopeEncoder::append_headers(std::string& out, std::span<const wire::HeaderView> headers) {
  out += ",\"Headers\":[";
  const char* before = "{\"Key\":";
  for (const wire::HeaderView& header : headers) {
    out += before;
    before = ",{\"Key\":";
    append_text(out, header.name);
    if (header.value) {
      out += ",\"Value\":\"";
      append_base64(out, *header.value);
      out += "\"}";
    } else {
      out += ",\"Value\":null}";
    }
  }
  out += ']';
}

void EnvelopeEncoder::append_text(std::string& out, std::string_view bytes) {
  replaced_ += append_json_string(out, bytes);
}

}  // namespace triggerd::payload
