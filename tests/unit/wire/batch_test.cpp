#include <gtest/gtest.h>

#include "unit/wire/records.hpp"
#include "wire/layout.hpp"

namespace triggerd::wire {
namespace {

using test::Record;

BatchHead head_of(const std::string& frame) { return get<BatchHead>(frame, kFrameHeaderBytes); }

Record at(std::int64_t offset, WallMillis timestamp = -1) {
  return {offset, timestamp, std::nullopt, "v", {}};
}

// Which columns a frame has; and that the records come back.
TEST(RecordBatch, HasAColumnOnlyWhereARecordNeedsIt) {
  const struct {
    const char* name;
    std::vector<Record> records;
    std::uint32_t columns;
  } table[] = {
      {"dense", {at(1), at(2), at(3)}, 0},
      {"one timestamp", {at(1, 5), at(2, 5)}, 0},
      {"hole", {at(1), at(3)}, kOffsetDelta},
      {"hole at the end", {at(1), at(2), at(4)}, kOffsetDelta},
      {"timestamps", {at(1, 5), at(2, 5), at(3, 4)}, kTimestampDelta},
      {"tombstone", {at(1), {2, -1, {}, {}, {}}}, kValueNull},
      {"empty value", {{1, -1, {}, "", {}}}, 0},
      {"keys", {{1, -1, "k", "v", {}}, {2, -1, "", "v", {}}}, kKeys},
      {"key after none", {at(1), at(2), {3, -1, "k", "v", {}}}, kKeys | kKeyNull},
      {"none after key", {{1, -1, "k", "v", {}}, at(2)}, kKeys | kKeyNull},
      {"header", {{1, -1, {}, "v", {{"a", "b"}}}}, kHeaders},
      {"header late", {at(1), {2, -1, {}, "v", {{"a", ""}, {"a", "c"}}}, at(3)}, kHeaders},
      {"null header", {{1, -1, {}, "v", {{"a", std::nullopt}, {"", "x"}}}, at(2)}, kHeaders | kHeaderNull},
  };
  for (const auto& row : table) {
    const std::string frame = test::frame_of(test::make_delivery(row.records));
    EXPECT_EQ(head_of(frame).columns, row.columns) << row.name;
    const auto message = test::read(frame);
    ASSERT_TRUE(message) << row.name << ": " << message.error().message;
    EXPECT_EQ(test::records_of(std::get<Batch>(*message).delivery), row.records) << row.name;
  }
}

TEST(RecordBatch, RefusesWhatItsColumnsCannotSay) {
  constexpr std::int64_t kU32 = 0xFFFFFFFF;
  const struct {
    const char* name;
    Record first, second;
    bool fits;
  } table[] = {
      {"next offset", at(5), at(6), true},
      {"same offset", at(5), at(5), false},
      {"lower offset", at(5), at(4), false},
      {"widest gap", at(5), at(5 + kU32), true},
      {"gap too wide", at(5), at(6 + kU32), false},
      {"latest timestamp", at(1, 1000), at(2, 1000 + kMaxTimestampDelta - 1), true},
      {"timestamp too late", at(1, 1000), at(2, 1000 + kMaxTimestampDelta), false},
      {"earliest timestamp", at(1, kMaxTimestampDelta), at(2, 1), true},
      {"timestamp too early", at(1, kMaxTimestampDelta), at(2, 0), false},
      {"no timestamp after one", at(1, 0), at(2, -1), false},
      {"timestamp after none", at(1, -1), at(2, 0), false},
      {"negative is none", at(1, -1), at(2, -7), true},
  };
  for (const auto& row : table) {
    RecordBatch batch;
    ASSERT_TRUE(test::append(batch, row.first));
    EXPECT_EQ(test::append(batch, row.second), row.fits) << row.name;
    EXPECT_EQ(batch.size(), row.fits ? 2u : 1u) << row.name;
    EXPECT_EQ(batch.last_offset().value, row.fits ? row.second.offset : row.first.offset) << row.name;
  }
}

TEST(RecordBatch, ANegativeTimestampIsNone) {
  RecordBatch batch;
  ASSERT_TRUE(test::append(batch, at(1, -1000)));
  EXPECT_EQ(batch.timestamp(0), -1);
}

// The frame's limit is kept while the batch is built, so no part of it can break the limit later.
TEST(RecordBatch, KeepsToTheLimitOfAFrame) {
  const std::string large(kMaxDaemonPayload / 2, 'x');
  RecordBatch batch;
  EXPECT_FALSE(batch.append({Offset{1}, -1, std::nullopt, std::string_view(large.data(), 0),
                             std::vector<HeaderView>{{large, large}}}));
  EXPECT_TRUE(batch.empty()) << "no frame carries it";
  ASSERT_TRUE(batch.append({Offset{1}, -1, std::nullopt, large, {}}));
  EXPECT_FALSE(batch.append({Offset{2}, -1, std::nullopt, large, {}}));
  EXPECT_FALSE(batch.append({Offset{2}, -1, large, std::nullopt, {}}));
  ASSERT_TRUE(batch.append({Offset{2}, -1, std::nullopt, std::string_view(large).substr(4096), {}}));
  Delivery delivery = test::make_delivery({at(1)});
  delivery.batch = std::make_shared<const RecordBatch>(std::move(batch));
  delivery.count = 2;
  BatchEncoder encoder;
  encoder.encode(delivery);
  EXPECT_LE(encoder.frame_bytes(), kFrameHeaderBytes + kMaxDaemonPayload);
}

TEST(RecordBatch, CountsBytesOfAnyPart) {
  const std::vector<Record> records = {{1, -1, {}, "12345", {}},
                                       {2, -1, "key", {}, {{"n", "val"}, {"m", std::nullopt}}},
                                       {3, -1, "", "", {}},
                                       {4, -1, "k", "v", {{"", ""}}}};
  const std::size_t bytes[] = {5, 8, 0, 2};
  const auto batch = test::make_batch(records);
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(batch->bytes(i, 1), bytes[i]) << i;
    total += bytes[i];
    EXPECT_EQ(batch->bytes(0, i + 1), total) << i;
  }
  EXPECT_EQ(batch->bytes(), total);
  EXPECT_EQ(batch->bytes(4, 0), 0u);
  const std::vector<HeaderView> headers = {{"ab", "c"}, {"d", std::nullopt}};
  EXPECT_EQ((RecordView{Offset{1}, -1, "key", "value", headers}.bytes()), 12u);
  EXPECT_EQ((RecordView{Offset{1}, -1, std::nullopt, std::nullopt, {}}.bytes()), 0u);
}

// Every part of a batch with every kind of column: 30 records cross the bytes of the bit sets at each
// alignment.
TEST(BatchEncoder, AnyPartSaysItsRecords) {
  std::vector<Record> records;
  for (int i = 0; i < 30; ++i) {
    Record record{100 + i * (i % 3 + 1) + i * 2, 5000 - i * 7, {}, {}, {}};
    if (i % 2 == 0) record.key = "key" + std::to_string(i);
    if (i % 5 != 0) record.value = std::string(static_cast<std::size_t>(i), 'v');
    for (int h = 0; h < i % 4; ++h)
      record.headers.emplace_back("h" + std::to_string(h), h == 1 ? test::Text() : "x");
    records.push_back(std::move(record));
  }
  for (std::size_t i = 1; i < records.size(); ++i)
    records[i].offset = records[i - 1].offset + 1 + static_cast<int>(i % 3);
  Delivery delivery = test::make_delivery(records);
  for (std::uint32_t first = 0; first < 30; ++first) {
    for (std::uint32_t count = 1; first + count <= 30; ++count) {
      delivery.first = first;
      delivery.count = count;
      const auto message = test::read(test::frame_of(delivery));
      ASSERT_TRUE(message) << message.error().message;
      EXPECT_EQ(test::records_of(std::get<Batch>(*message).delivery), test::records_of(delivery))
          << first << "+" << count;
    }
  }
}

TEST(BatchEncoder, ArenasStayWhereTheyLie) {
  const Delivery delivery = test::make_delivery({{1, -1, "the key", "the value", {}}, {2, -1, "k", "v", {}}});
  BatchEncoder encoder;
  encoder.encode(delivery);
  const auto pieces = encoder.pieces();
  ASSERT_EQ(pieces.size(), 4u) << "head, values and padding, keys";
  EXPECT_EQ(pieces[1].data(), delivery.batch->value(0)->data());
  EXPECT_EQ(pieces[3].data(), delivery.batch->key(0)->data());
}

TEST(BatchEncoder, ReplacesWhatItHeld) {
  BatchEncoder encoder;
  encoder.encode(test::make_delivery({{1, -1, "key", "value", {{"a", "b"}}}}));
  const Delivery second = test::make_delivery({at(1)});
  encoder.encode(second);
  std::string bytes;
  for (const std::string_view piece : encoder.pieces()) bytes += piece;
  EXPECT_EQ(bytes, test::frame_of(second));
}

TEST(BatchEncoderDeathTest, APartThatIsNotThereIsOurBug) {
  Delivery delivery = test::make_delivery({at(1), at(2)});
  BatchEncoder encoder;
  for (const auto& [first, count] : {std::pair{0u, 0u}, {0u, 3u}, {1u, 2u}, {2u, 1u}, {0xFFFFFFFFu, 2u}}) {
    delivery.first = first;
    delivery.count = count;
    EXPECT_DEATH(encoder.encode(delivery), "part of a batch") << first << "+" << count;
  }
}

}  // namespace
}  // namespace triggerd::wire
