// The queue of one partition. Slices are written as text: "10-19" are the offsets, "×2" that they failed so
// often.
#include "dispatch/partition_queue.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace triggerd::dispatch {
namespace {

using Lines = std::vector<std::string>;

TimePoint at(int ms) { return TimePoint{} + std::chrono::milliseconds(ms); }

class Queue {
 public:
  explicit Queue(std::uint32_t records = 10, std::uint64_t bytes = 1000)
      : queue({records, bytes}, Offset{0}) {}

  void append(std::int64_t first, std::int64_t last, std::size_t bytes = 1, int ms = 0) {
    const std::string value(bytes, 'x');
    for (std::int64_t offset = first; offset <= last; ++offset) {
      wire::RecordView record;
      record.offset = Offset{offset};
      record.value = value;
      ASSERT_TRUE(queue.append(record, at(ms)));
    }
  }
  // Takes slices of at most so much until nothing is left.
  Lines take_all(std::uint32_t records = 1000, std::uint64_t bytes = 1000) {
    Lines lines;
    while (auto slice = take(records, bytes)) lines.push_back(*slice);
    return lines;
  }
  std::optional<std::string> take(std::uint32_t records = 1000, std::uint64_t bytes = 1000) {
    const auto slice = queue.peek(records, bytes);
    if (!slice) return std::nullopt;
    EXPECT_EQ(slice->bytes, slice->chunk->batch->bytes(slice->first, slice->count));
    queue.take(*slice);
    for (std::uint32_t i = 0; i < slice->count; ++i)
      where[slice->chunk->batch->offset(slice->first + i).value] = {slice->chunk, slice->first + i};
    const auto first = slice->chunk->batch->offset(slice->first).value;
    const auto last = slice->chunk->batch->offset(slice->first + slice->count - 1).value;
    std::string text = std::to_string(first) + "-" + std::to_string(last);
    if (const auto failed = slice->chunk->failed(slice->first)) text += " ×" + std::to_string(failed);
    return text;
  }
  // By offsets, of one chunk; what is covered.
  std::string settle(std::int64_t first, std::int64_t last) {
    const auto [chunk, index] = where.at(first);
    const std::uint32_t count = where.at(last).second - index + 1;
    queue.ran(*chunk, index, count);
    const auto covered = queue.settle(*chunk, index, count);
    return std::to_string(covered.first.value) + "-" + std::to_string(covered.end.value);
  }
  std::uint32_t fail(std::int64_t offset) {
    const auto [chunk, index] = where.at(offset);
    queue.ran(*chunk, index, 1);
    return PartitionQueue::fail(*chunk, index);
  }
  void ran(std::int64_t offset) { queue.ran(*where.at(offset).first, where.at(offset).second, 1); }
  std::string unsettled() const {
    const Place place = queue.first_unsettled();
    return std::to_string(place.offset.value) + " #" + std::to_string(place.sequence);
  }

  PartitionQueue queue;
  std::map<std::int64_t, std::pair<std::shared_ptr<Chunk>, std::uint32_t>> where;
};

TEST(PartitionQueue, AnEmptyOneHasNothing) {
  Queue q;
  EXPECT_EQ(q.queue.peek(10, 1000), std::nullopt);
  EXPECT_EQ(q.queue.undelivered(), 0u);
  EXPECT_EQ(q.unsettled(), "0 #0");
  q.queue.rewind();
  q.queue.drop_undelivered();
  EXPECT_EQ(q.take(), std::nullopt);
}

TEST(PartitionQueue, ChunksEndAtTheirCaps) {
  Queue count(4);
  count.append(0, 9);
  EXPECT_EQ(count.take_all(), (Lines{"0-3", "4-7", "8-9"}));

  Queue bytes(100, 10);
  bytes.append(0, 6, 4);
  bytes.append(7, 7, 50);
  bytes.append(8, 8, 4);
  EXPECT_EQ(bytes.take_all(), (Lines{"0-1", "2-3", "4-5", "6-6", "7-7", "8-8"}));
}

TEST(PartitionQueue, SlicesAreCutByCountAndBytes) {
  Queue q;
  q.append(0, 9, 10);
  EXPECT_EQ(q.take(3, 1000), "0-2");
  EXPECT_EQ(q.take(10, 25), "3-4");
  EXPECT_EQ(q.take(10, 9), "5-5") << "one record alone may be larger";
  EXPECT_EQ(q.take(0, 1000), std::nullopt);
  EXPECT_EQ(q.take(1, 1000), "6-6");
  EXPECT_EQ(q.take_all(), Lines{"7-9"});
}

TEST(PartitionQueue, PeekTakesNothing) {
  Queue q;
  q.append(0, 4);
  EXPECT_EQ(q.queue.peek(2, 1000)->count, 2u);
  EXPECT_EQ(q.queue.peek(3, 1000)->count, 3u);
  EXPECT_EQ(q.queue.undelivered(), 5u);
}

TEST(PartitionQueue, ADeliveredChunkGrowsNoMore) {
  Queue q;
  q.append(0, 2);
  EXPECT_EQ(q.take(), "0-2");
  q.append(3, 5);
  EXPECT_EQ(q.take(1), "3-3");
  q.append(6, 7);
  EXPECT_EQ(q.take_all(), (Lines{"4-5", "6-7"}));
}

TEST(PartitionQueue, CountsAreOfRecordsHoweverManyHoles) {
  Queue q(4);
  for (const std::int64_t offset : {3, 7, 100, 101, 250, 9000}) q.append(offset, offset);
  EXPECT_EQ(q.queue.undelivered(), 6u);
  EXPECT_EQ(q.take_all(), (Lines{"3-101", "250-9000"}));
  EXPECT_EQ(q.queue.delivered_most(), 6u);
  EXPECT_EQ(q.unsettled(), "3 #0");
  EXPECT_EQ(q.settle(3, 7), "3-100") << "over the hole behind it";
  EXPECT_EQ(q.unsettled(), "100 #2");
  EXPECT_EQ(q.settle(100, 101), "100-102") << "the end of a chunk";
  EXPECT_EQ(q.unsettled(), "250 #4");
  EXPECT_EQ(q.settle(250, 9000), "250-9001");
  EXPECT_EQ(q.unsettled(), "9001 #6");
}

TEST(PartitionQueue, HeldCountsGoToZero) {
  Queue q(4);
  q.append(0, 9, 5);
  EXPECT_EQ(q.queue.held_records(), 10u);
  EXPECT_EQ(q.queue.held_bytes(), 50u);
  EXPECT_EQ(q.queue.undelivered_bytes(), 50u);
  q.take_all();
  EXPECT_EQ(q.queue.undelivered_bytes(), 0u);
  q.settle(4, 5);
  EXPECT_EQ(q.queue.held_records(), 8u);
  EXPECT_EQ(q.queue.held_bytes(), 50u) << "a chunk's bytes are freed together";
  q.settle(6, 7);
  EXPECT_EQ(q.queue.held_bytes(), 30u);
  q.settle(0, 3);
  q.settle(8, 9);
  EXPECT_EQ(q.queue.held_records(), 0u);
  EXPECT_EQ(q.queue.held_bytes(), 0u);
}

TEST(PartitionQueue, RewindDeliversTheUnsettledAgainInANewRun) {
  Queue q(4);
  q.append(0, 9);
  q.take_all();
  q.settle(1, 2);
  q.settle(4, 7);
  EXPECT_EQ(q.queue.run(), 1u);
  q.queue.rewind();
  EXPECT_EQ(q.queue.run(), 2u);
  EXPECT_EQ(q.take_all(), (Lines{"0-0", "3-3", "8-9"}));
}

TEST(PartitionQueue, RewindAfterPartsOfAChunk) {
  Queue q;
  q.append(0, 9);
  EXPECT_EQ(q.take(4), "0-3");
  q.settle(0, 1);
  q.queue.rewind();
  EXPECT_EQ(q.take_all(), Lines{"2-9"});
}

TEST(PartitionQueue, FailuresPartSlices) {
  Queue q;
  q.append(0, 9);
  q.take_all();
  EXPECT_EQ(q.fail(3), 1u);
  EXPECT_EQ(q.fail(4), 1u);
  q.settle(0, 2);
  q.queue.rewind();
  EXPECT_EQ(q.take_all(), (Lines{"3-4 ×1", "5-9"}));
  EXPECT_EQ(q.fail(4), 2u);
  q.settle(6, 6);
  q.queue.rewind();
  EXPECT_EQ(q.take_all(), (Lines{"3-3 ×1", "4-4 ×2", "5-5", "7-9"}));
}

TEST(PartitionQueue, FailuresAndSettledPartSlicesCutByBytesToo) {
  Queue q;
  q.append(0, 5, 10);
  q.take_all();
  q.fail(1);
  q.settle(3, 3);
  q.queue.rewind();
  EXPECT_EQ(q.take_all(100, 15), (Lines{"0-0", "1-1 ×1", "2-2", "4-4", "5-5"}));
}

TEST(PartitionQueue, WhatComesAgainIsCounted) {
  Queue q;
  q.append(0, 9);
  q.take(6);
  EXPECT_EQ(q.queue.again(), 0u);
  EXPECT_EQ(q.queue.delivered_most(), 6u);
  q.ran(4);  // 0 to 4 may have been seen; 5 certainly not
  q.settle(0, 0);
  q.queue.rewind();
  EXPECT_EQ(q.queue.delivered_most(), 5u);
  EXPECT_EQ(q.queue.again(), 4u);
  EXPECT_EQ(q.queue.undelivered(), 9u);
  EXPECT_EQ(q.queue.undelivered_bytes(), 9u);
  q.take(4);
  EXPECT_EQ(q.queue.again(), 0u);
  q.take(1);
  EXPECT_EQ(q.queue.delivered_most(), 6u);
}

TEST(PartitionQueue, WhatNobodySawIsNotDelivered) {
  Queue q;
  q.append(0, 9);
  q.take_all();
  q.queue.rewind();
  EXPECT_EQ(q.queue.delivered_most(), 0u);
  EXPECT_EQ(q.queue.again(), 0u);
  EXPECT_EQ(q.take_all(), Lines{"0-9"});
}

TEST(PartitionQueue, WaitingSinceIsTheArrivalOfWhatComesNext) {
  Queue q(2);
  q.append(0, 0, 1, 5);
  q.append(1, 1, 1, 7);
  q.append(2, 3, 1, 9);
  EXPECT_EQ(q.queue.waiting_since(), at(5));
  q.take();
  EXPECT_EQ(q.queue.waiting_since(), at(9));
}

TEST(PartitionQueue, DroppingTheUndeliveredLeavesWhatIsOut) {
  struct Row {
    const char* what;
    std::uint32_t taken;
    std::size_t held_records, held_bytes;
  };
  // Ten records of 5 bytes in chunks of 4.
  const Row rows[] = {{"nothing out", 0, 0, 0},
                      {"part of a chunk out", 2, 2, 20},
                      {"a chunk out", 4, 4, 20},
                      {"a chunk and a part", 6, 6, 40},
                      {"all out", 10, 10, 50}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Queue q(4);
    q.append(0, 9, 5);
    for (std::uint32_t taken = 0; taken < row.taken; taken += 2) ASSERT_TRUE(q.take(2));
    q.queue.drop_undelivered();
    EXPECT_EQ(q.queue.held_records(), row.held_records);
    EXPECT_EQ(q.queue.held_bytes(), row.held_bytes);
    EXPECT_EQ(q.queue.undelivered(), 0u);
    EXPECT_EQ(q.queue.undelivered_bytes(), 0u);
    EXPECT_EQ(q.take(), std::nullopt);
    for (std::int64_t i = 0; i < row.taken; i += 2) q.settle(i, i + 1);
    EXPECT_EQ(q.queue.held_records(), 0u);
    EXPECT_EQ(q.queue.held_bytes(), 0u);
    EXPECT_EQ(q.unsettled(), std::to_string(row.taken) + " #" + std::to_string(row.taken));
  }
}

// After a rewind chunks further on may be settled: their bytes are gone already and must not go twice.
TEST(PartitionQueue, DroppingAfterARewindCountsOnce) {
  Queue q(4);
  q.append(0, 11, 5);
  q.take_all();
  q.settle(4, 7);
  q.settle(8, 9);
  q.queue.rewind();
  q.queue.drop_undelivered();
  EXPECT_EQ(q.queue.held_records(), 0u);
  EXPECT_EQ(q.queue.held_bytes(), 0u);
  EXPECT_EQ(q.unsettled(), "0 #0");
}

TEST(PartitionQueue, DropFromKeepsWhatComesBefore) {
  Queue q(4);
  q.append(0, 9, 5);
  q.take_all();
  q.fail(6);
  q.settle(0, 2);
  q.settle(8, 9);
  q.queue.rewind();
  q.queue.drop_from(Offset{6});
  EXPECT_EQ(q.queue.held_records(), 3u);
  EXPECT_EQ(q.queue.undelivered(), 3u);
  EXPECT_EQ(q.queue.undelivered_bytes(), 15u);
  EXPECT_EQ(q.take_all(), (Lines{"3-3", "4-5"}));
  q.settle(3, 3);
  EXPECT_EQ(q.unsettled(), "4 #4");
  q.settle(4, 5);
  EXPECT_EQ(q.unsettled(), "6 #6");
  EXPECT_EQ(q.queue.held_records(), 0u);
  EXPECT_EQ(q.queue.held_bytes(), 0u);
}

TEST(PartitionQueue, DropFromTheFirstOrPastTheLast) {
  Queue q(4);
  q.append(5, 9);
  q.queue.drop_from(Offset{10});
  EXPECT_EQ(q.queue.undelivered(), 5u);
  q.queue.drop_from(Offset{0});
  EXPECT_EQ(q.queue.undelivered(), 0u);
  EXPECT_EQ(q.queue.held_bytes(), 0u);
  EXPECT_EQ(q.unsettled(), "5 #0");
}

TEST(PartitionQueue, DropFromARecordInAHole) {
  Queue q(10);
  q.append(0, 1);
  q.append(10, 11);
  q.queue.drop_from(Offset{5});
  EXPECT_EQ(q.take_all(), Lines{"0-1"});
  EXPECT_EQ(q.queue.held_records(), 2u);
}

TEST(PartitionQueue, ARecordNoFrameCanCarryIsRefused) {
  // The memory is reserved, never touched.
  const auto bytes = std::make_unique_for_overwrite<char[]>(kMaxRecordBytes + 1);
  Queue q;
  wire::RecordView record;
  record.value = std::string_view(bytes.get(), kMaxRecordBytes + 1);
  EXPECT_FALSE(q.queue.append(record, at(0)));
  EXPECT_EQ(q.queue.held_records(), 0u);
  EXPECT_EQ(q.queue.held_bytes(), 0u);
  EXPECT_EQ(q.queue.undelivered(), 0u);
}

TEST(PartitionQueue, ARecordWhoseHeadersMakeItTooLargeForAFrameIsRefusedToo) {
  const auto bytes = std::make_unique_for_overwrite<char[]>(kMaxRecordBytes);
  const std::vector<wire::HeaderView> headers(2'200'000);  // of no bytes, but of columns
  Queue q;
  q.append(0, 1);
  wire::RecordView record;
  record.offset = Offset{2};
  record.value = std::string_view(bytes.get(), kMaxRecordBytes);
  record.headers = headers;
  EXPECT_FALSE(q.queue.append(record, at(0)));
  EXPECT_EQ(q.queue.undelivered(), 2u);
  q.append(3, 3);
  EXPECT_EQ(q.take_all(), Lines{"0-3"}) << "what came before and after is as if it had not come";
}

}  // namespace
}  // namespace triggerd::dispatch
