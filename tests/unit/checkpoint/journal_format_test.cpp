// The bytes of a journal: what is kept is read back, what is damaged ends the reading.
#include "checkpoint/journal_format.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "checkpoint/crc32c.hpp"
#include "support/progress_text.hpp"

namespace triggerd::checkpoint {
namespace {

TopicPartition source(std::int32_t partition) { return {Topic("orders"), Partition{partition}}; }

JournalRecord record(std::uint64_t sequence, std::int32_t partition, std::int64_t base) {
  return {sequence,
          "group",
          source(partition),
          {Offset{base}, {{Offset{base + 1}, Offset{base + 3}}}, {{Offset{base}, 2}}}};
}

std::string bytes_of(const JournalRecord& one) { return encode_journal_record(one).value(); }

// Three records of two partitions, and where each ends.
struct File {
  std::string bytes = encode_journal_head(0x1122334455667788);
  std::vector<std::size_t> ends = {bytes.size()};
  File() {
    for (const JournalRecord& one : {record(1, 0, 10), record(2, 1, 20), record(3, 0, 30)}) {
      bytes += bytes_of(one);
      ends.push_back(bytes.size());
    }
  }
};

TEST(JournalFormat, ARecordIsReadBack) {
  for (const JournalRecord& one :
       {record(1, 0, 10), JournalRecord{~0ULL, "", {Topic(""), Partition{-1}}, {Offset{0}}},
        JournalRecord{7, std::string("a\n\0b", 4), source(1), {Offset{3}}}}) {
    const auto parsed = parse_journal_record(bytes_of(one));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, one);
  }
}

TEST(JournalFormat, HoldsFarMoreThanTheMetadataAndSaysWhenItIsTooMuch) {
  JournalRecord large{1, "group", source(0), {Offset{0}}};
  for (std::int64_t at = 1; at < 200'000; at += 2)
    large.progress.settled.push_back({Offset{at}, Offset{at + 1}});
  ASSERT_FALSE(encode(large.progress).whole);
  EXPECT_EQ(parse_journal_record(bytes_of(large)).value(), large);

  for (std::int64_t at = 200'001; at < 1'200'000; at += 2)
    large.progress.settled.push_back({Offset{at}, Offset{at + 1}});
  EXPECT_EQ(encode_journal_record(large).error().code, "journal_record_too_large");
  JournalRecord names = record(1, 0, 10);
  names.group = std::string(65'536, 'g');
  EXPECT_EQ(encode_journal_record(names).error().code, "journal_record_too_large");
}

TEST(JournalFormat, OfEachPartitionTheLastRecordCounts) {
  const File file;
  const auto scan = scan_journal(file.bytes, "group");
  ASSERT_TRUE(scan) << scan.error().message;
  EXPECT_EQ(scan->id, 0x1122334455667788U);
  EXPECT_EQ(scan->sequence, 3U);
  EXPECT_EQ(scan->end, file.bytes.size());
  EXPECT_EQ(scan->damage, "");
  ASSERT_EQ(scan->last.size(), 2U);
  const JournalPlace place = scan->last.at(source(0));
  EXPECT_EQ(place, (JournalPlace{3, file.ends[2], file.ends[3] - file.ends[2]}));
  EXPECT_EQ(parse_journal_record(file.bytes.substr(place.begin, place.bytes)).value(), record(3, 0, 30));
  EXPECT_EQ(scan->last.at(source(1)).sequence, 2U);
}

TEST(JournalFormat, RecordsOfOtherGroupsOnlyTakeUpNumbers) {
  const File file;
  const auto scan = scan_journal(file.bytes, "another");
  ASSERT_TRUE(scan);
  EXPECT_TRUE(scan->last.empty());
  EXPECT_EQ(scan->sequence, 3U);
  EXPECT_EQ(scan->end, file.bytes.size());
}

TEST(JournalFormat, AFileWithoutRecordsIsFine) {
  const auto scan = scan_journal(encode_journal_head(9), "group");
  ASSERT_TRUE(scan);
  EXPECT_EQ(scan->end, kJournalHeadBytes);
  EXPECT_EQ(scan->damage, "");
}

// kill -9 in the middle of a write.
TEST(JournalFormat, CutAnywhereKeepsTheRecordsBefore) {
  const File file;
  for (std::size_t size = 0; size < file.bytes.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size));
    const auto scan = scan_journal(file.bytes.substr(0, size), "group");
    ASSERT_EQ(scan.has_value(), size >= kJournalHeadBytes);
    if (!scan) continue;
    std::size_t whole = 0;
    while (file.ends[whole + 1] <= size) ++whole;
    EXPECT_EQ(scan->end, file.ends[whole]);
    EXPECT_EQ(scan->sequence, whole);
    EXPECT_EQ(scan->damage.empty(), size == file.ends[whole]);
  }
}

TEST(JournalFormat, AChangedBitAnywhereIsSeen) {
  const File file;
  for (std::size_t at = 0; at < file.bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE("byte " + std::to_string(at) + " bit " + std::to_string(bit));
      std::string bytes = file.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const auto scan = scan_journal(bytes, "group");
      ASSERT_EQ(scan.has_value(), at >= kJournalHeadBytes);
      if (!scan) continue;
      std::size_t whole = 0;
      while (file.ends[whole + 1] <= at) ++whole;
      EXPECT_EQ(scan->end, file.ends[whole]) << "nothing behind the damage is believed";
      EXPECT_NE(scan->damage, "");
    }
  }
}

// What a power loss may leave of blocks that were allocated and not written.
TEST(JournalFormat, ZerosAreNoRecords) {
  const File file;
  const auto scan = scan_journal(file.bytes + std::string(4096, '\0'), "group");
  ASSERT_TRUE(scan);
  EXPECT_EQ(scan->end, file.bytes.size());
  EXPECT_NE(scan->damage, "");
  EXPECT_FALSE(scan_journal(std::string(4096, '\0'), "group"));
}

// A fuzzer's finding: with the checksum right, what could not be written again ended the process.
TEST(JournalFormat, AnOffsetBelowZeroIsDamage) {
  constexpr std::size_t kFrame = 8, kHighestOfBase = kFrame + 8 + 7;
  std::string bytes = bytes_of(record(1, 0, 30));
  bytes[kHighestOfBase] = '\x80';
  const std::uint32_t checksum = crc32c(std::string_view(bytes).substr(kFrame));
  std::memcpy(bytes.data() + 4, &checksum, sizeof checksum);
  EXPECT_EQ(parse_journal_record(bytes).error().message, "a record's base offset is below 0");
  const auto scan = scan_journal(encode_journal_head(1) + bytes, "group");
  EXPECT_EQ(scan->damage, "a record's base offset is below 0");
  EXPECT_TRUE(scan->last.empty());
}

TEST(JournalFormat, AnotherVersionIsNotRead) {
  std::string head = encode_journal_head(9).substr(0, kJournalHeadBytes - 4);
  head[16] = 2;
  const std::uint32_t checksum = crc32c(head);
  head.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  const auto scan = scan_journal(head, "group");
  ASSERT_FALSE(scan);
  EXPECT_EQ(scan.error().message, "version 2 is not known here");
}

TEST(JournalFormat, ARecordIsOneRecord) {
  const std::string one = bytes_of(record(1, 0, 10));
  EXPECT_EQ(parse_journal_record(one + one).error().code, "journal_damaged");
  EXPECT_EQ(parse_journal_record("").error().code, "journal_damaged");
}

}  // namespace
}  // namespace triggerd::checkpoint
