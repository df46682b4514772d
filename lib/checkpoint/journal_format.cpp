#include "checkpoint/journal_format.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "checkpoint/crc32c.hpp"

namespace triggerd::checkpoint {
namespace {

constexpr std::string_view kMagic = "triggerd-journal";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFrameBytes = 8;
constexpr std::size_t kFixedBytes = 24;  // of a payload, before its texts
static_assert(kMagic.size() + 16 == kJournalHeadBytes);

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

std::string_view take_text(std::string_view& bytes, std::size_t size) {
  const std::string_view text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return text;
}

Error damaged(const std::string& text) { return {"journal_damaged", text}; }

struct Payload {
  std::uint64_t sequence;
  Offset base;
  Partition partition;
  std::string_view group, topic, progress;
};

// The payload of the record at the front of `bytes`, which loses it.
Result<Payload> take_record(std::string_view& bytes) {
  if (bytes.size() < kFrameBytes) return damaged("a record is cut off");
  std::string_view rest = bytes;
  const auto size = take<std::uint32_t>(rest);
  const auto checksum = take<std::uint32_t>(rest);
  // A hole of zeros would be an empty payload with the right checksum.
  if (size < kFixedBytes || size > kMaxJournalRecordBytes) return damaged("a record's length is none");
  if (size > rest.size()) return damaged("a record is cut off");
  std::string_view payload = take_text(rest, size);
  if (crc32c(payload) != checksum) return damaged("a record's checksum is wrong");
  Payload out{};
  out.sequence = take<std::uint64_t>(payload);
  out.base = Offset{take<std::int64_t>(payload)};
  out.partition = Partition{take<std::int32_t>(payload)};
  if (out.base.value < 0) return damaged("a record's base offset is below 0");
  const std::size_t group = take<std::uint16_t>(payload);
  const std::size_t topic = take<std::uint16_t>(payload);
  if (group + topic > payload.size()) return damaged("a record's names are longer than it");
  out.group = take_text(payload, group);
  out.topic = take_text(payload, topic);
  out.progress = payload;
  bytes = rest;
  return out;
}

Result<std::uint64_t> parse_head(std::string_view bytes) {
  if (bytes.size() < kJournalHeadBytes || !bytes.starts_with(kMagic)) return damaged("this is no journal");
  std::string_view rest = bytes.substr(kMagic.size());
  const auto version = take<std::uint32_t>(rest);
  const auto id = take<std::uint64_t>(rest);
  if (take<std::uint32_t>(rest) != crc32c(bytes.substr(0, kJournalHeadBytes - 4)))
    return damaged("the checksum of the head is wrong");
  if (version != kVersion) return damaged("version " + std::to_string(version) + " is not known here");
  return id;
}

}  // namespace

std::string encode_journal_head(std::uint64_t id) {
  std::string out(kMagic);
  put(out, kVersion);
  put(out, id);
  put(out, crc32c(out));
  return out;
}

Result<std::string> encode_journal_record(const JournalRecord& record) {
  const std::string& topic = record.source.topic.name();
  constexpr std::size_t kMaxName = std::numeric_limits<std::uint16_t>::max();
  const std::size_t others = kFixedBytes + record.group.size() + topic.size();
  const Encoded progress = encode(record.progress, kMaxJournalRecordBytes - 2 * kMaxName - kFixedBytes);
  if (record.group.size() > kMaxName || topic.size() > kMaxName || !progress.whole) {
    return Error{"journal_record_too_large", "the work done beyond the first gap of " +
                                                 to_string(record.source) + " is too scattered to be kept"};
  }
  std::string payload;
  payload.reserve(others + progress.text.size());
  put(payload, record.sequence);
  put(payload, record.progress.base.value);
  put(payload, record.source.partition.value);
  put(payload, static_cast<std::uint16_t>(record.group.size()));
  put(payload, static_cast<std::uint16_t>(topic.size()));
  payload += record.group;
  payload += topic;
  payload += progress.text;
  std::string out;
  out.reserve(kFrameBytes + payload.size());
  put(out, static_cast<std::uint32_t>(payload.size()));
  put(out, crc32c(payload));
  out += payload;
  return {boost::system::in_place_value, std::move(out)};
}

Result<JournalRecord> parse_journal_record(std::string_view bytes) {
  TRY(const Payload payload, take_record(bytes));
  if (!bytes.empty()) return damaged("there is more than one record");
  TRY(Progress progress, decode(payload.progress, payload.base, kMaxJournalRecordBytes));
  return JournalRecord{payload.sequence,
                       std::string(payload.group),
                       {Topic(std::string(payload.topic)), payload.partition},
                       std::move(progress)};
}

Result<JournalScan> scan_journal(std::string_view bytes, std::string_view group) {
  TRY(const std::uint64_t id, parse_head(bytes));
  JournalScan scan{.id = id, .end = kJournalHeadBytes};
  for (std::string_view rest = bytes.substr(scan.end); !rest.empty();) {
    const Result<Payload> payload = take_record(rest);
    if (!payload) {
      scan.damage = payload.error().message;
      break;
    }
    const std::size_t end = bytes.size() - rest.size();
    scan.sequence = std::max(scan.sequence, payload->sequence);
    if (payload->group == group) {
      const TopicPartition source{Topic(std::string(payload->topic)), payload->partition};
      scan.last[source] = {payload->sequence, scan.end, end - scan.end};
    }
    scan.end = end;
  }
  return scan;
}

}  // namespace triggerd::checkpoint
