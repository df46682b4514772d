// The bytes of a journal file (trigger/journal.hpp): a head with the file's id, then records, each the whole
// Progress of one partition at one time. Pure.
//
//   head     "triggerd-journal" u32 version u64 id u32 checksum of the 28 bytes before
//   record   u32 bytes of payload, u32 checksum of it (CRC-32C)
//   payload  u64 sequence, i64 base, i32 partition, u16 bytes of group, u16 bytes of topic, group, topic,
//            progress as checkpoint/progress.hpp writes it
//
// In the byte order of the machine: a journal serves one only. A file is read up to the first record that is
// not whole; what lies behind cannot be told from rubbish. Of each partition the last record counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/types.hpp"
#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {

inline constexpr std::size_t kJournalHeadBytes = 32;
inline constexpr std::size_t kMaxJournalRecordBytes = 1u << 20;

struct JournalRecord {
  std::uint64_t sequence = 0;  // rises through the file
  std::string group;
  TopicPartition source;
  Progress progress;
  bool operator==(const JournalRecord&) const = default;
};

// Where a record lies in the file.
struct JournalPlace {
  std::uint64_t sequence = 0;
  std::size_t begin = 0, bytes = 0;
  bool operator==(const JournalPlace&) const = default;
};

struct JournalScan {
  std::uint64_t id = 0;
  std::uint64_t sequence = 0;                     // the highest
  std::map<TopicPartition, JournalPlace> last{};  // of the group asked for
  std::size_t end = 0;                            // of the last whole record
  std::string damage{};                           // why reading ended there; empty: so does the file
};

std::string encode_journal_head(std::uint64_t id);
// Error: journal_record_too_large.
Result<std::string> encode_journal_record(const JournalRecord& record);

// `bytes` are one record, no more and no less. Errors: journal_damaged, or decode()'s.
Result<JournalRecord> parse_journal_record(std::string_view bytes);
// `bytes` are a whole file. Error: journal_damaged, where there is no head of ours.
Result<JournalScan> scan_journal(std::string_view bytes, std::string_view group);

}  // namespace triggerd::checkpoint
