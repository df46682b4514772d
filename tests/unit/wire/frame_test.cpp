#include "wire/frame.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "unit/wire/records.hpp"

namespace triggerd::wire {
namespace {

std::string frame(FrameType type, std::size_t payload_bytes, char fill, std::uint64_t id = 0) {
  std::string out;
  append_header(out, {static_cast<std::uint32_t>(payload_bytes), type, 0, id});
  out.append(payload_bytes, fill);
  return out;
}

struct Seen {
  FrameHeader header;
  std::string payload;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> drain(FrameDecoder& decoder) {
  std::vector<Seen> out;
  for (;;) {
    auto next = decoder.next();
    if (!next) ADD_FAILURE() << next.error().message;
    if (!next || !*next) return out;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*next)->payload.data()) % 8, 0u);
    out.push_back({(*next)->header, std::string((*next)->payload)});
  }
}

TEST(FrameHeader, HasSixteenBytesInTheOrderOfTheProtocol) {
  std::string out;
  append_header(out, {0x01020304, FrameType::batch, kFlagMore, 0x1112131415161718});
  EXPECT_EQ(out, std::string("\x04\x03\x02\x01\x03\x01\0\0\x18\x17\x16\x15\x14\x13\x12\x11", 16));
}

TEST(Padding, CountsFromItsStart) {
  const struct {
    std::size_t before, bytes, padded;
  } table[] = {{0, 0, 0}, {0, 1, 8}, {0, 8, 8}, {3, 5, 8}, {3, 8, 8}, {1, 9, 16}};
  for (const auto& row : table) {
    std::string out(row.before + row.bytes, 'x');
    pad_to_8(out, row.before, '.');
    EXPECT_EQ(out.size(), row.before + row.padded);
    EXPECT_EQ(out.find('.'), row.padded == row.bytes ? std::string::npos : row.before + row.bytes);
  }
}

TEST(FrameDecoder, GivesFramesWholeUnderAnyPieceSize) {
  const std::string stream = frame(FrameType::ack, 8, 'a', 1) + frame(FrameType::ping, 0, ' ', 2) +
                             frame(FrameType::ack, 4096, 'b', 3) + frame(FrameType::pong, 0, ' ', 4);
  std::vector<Seen> expected;
  for (std::size_t piece = 1; piece <= stream.size(); piece = piece < 40 ? piece + 1 : piece * 2) {
    FrameDecoder decoder(kMaxWorkerPayload);
    std::vector<Seen> seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      test::feed(decoder, std::string_view(stream).substr(at, piece));
      for (Seen& one : drain(decoder)) seen.push_back(std::move(one));
    }
    ASSERT_EQ(seen.size(), 4u) << "pieces of " << piece;
    EXPECT_EQ(seen[2].payload, std::string(4096, 'b'));
    if (expected.empty()) expected = seen;
    EXPECT_EQ(seen, expected);
  }
}

TEST(FrameDecoder, ManyFramesOfOneReadComeOneByOne) {
  std::string stream;
  for (std::uint64_t id = 1; id <= 1000; ++id) stream += frame(FrameType::ping, 0, ' ', id);
  FrameDecoder decoder(kMaxWorkerPayload);
  test::feed(decoder, stream);
  const std::vector<Seen> seen = drain(decoder);
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_EQ(seen.back().header.id, 1000u);
}

// A frame that has begun gets all its room at once and is not moved again while it fills.
TEST(FrameDecoder, ALargeFrameIsMovedAtMostOnce) {
  const std::string large = frame(FrameType::ack, 8u << 20, 'x', 9);
  FrameDecoder decoder(kMaxWorkerPayload);
  test::feed(decoder, std::string_view(large).substr(0, 5000));
  ASSERT_FALSE(*decoder.next());
  const char* end = decoder.prepare().data();
  for (std::size_t at = 5000; at < large.size();) {
    const std::span<char> room = decoder.prepare();
    ASSERT_EQ(room.data(), end);
    ASSERT_GE(room.size(), large.size() - at);
    const std::size_t count = std::min<std::size_t>(100'000, large.size() - at);
    std::memcpy(room.data(), large.data() + at, count);
    decoder.commit(count);
    at += count;
    end = room.data() + count;
  }
  const auto whole = decoder.next();
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->payload, std::string(8u << 20, 'x'));
}

TEST(FrameDecoder, GivesTheMemoryOfAHugeFrameBack) {
  FrameDecoder decoder(kMaxWorkerPayload);
  test::feed(decoder, frame(FrameType::ack, 8u << 20, 'x', 9));
  ASSERT_EQ(drain(decoder).size(), 1u);
  EXPECT_LE(decoder.prepare().size(), 1u << 20);
}

TEST(FrameDecoder, OffersRoomAtEveryPoint) {
  FrameDecoder decoder(kMaxWorkerPayload);
  EXPECT_GE(decoder.prepare().size(), 16u << 10);
  EXPECT_GE(decoder.prepare().size(), 16u << 10) << "nothing was committed between";
  decoder.commit(0);
  EXPECT_FALSE(*decoder.next());
}

TEST(FrameDecoder, AnErrorIsRepeatedAndFramesBeforeItCome) {
  FrameDecoder decoder(kMaxWorkerPayload);
  test::feed(decoder, frame(FrameType::ping, 0, ' ', 1) + frame(FrameType{200}, 0, ' '));
  EXPECT_TRUE(*decoder.next());
  for (int i = 0; i < 2; ++i) {
    const auto refused = decoder.next();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (Error{"frame_malformed", "frame header: type 200 is unknown"}));
    decoder.prepare();
  }
}

TEST(FrameDecoder, RefusesALengthBeforeItsPayloadComes) {
  const struct {
    FrameType type;
    std::uint32_t length;
    std::size_t limit;
    bool fits;
  } table[] = {
      {FrameType::ack, kMaxWorkerPayload, kMaxWorkerPayload, true},
      {FrameType::ack, kMaxWorkerPayload + 8, kMaxWorkerPayload, false},
      {FrameType::batch, kMaxDaemonPayload, kMaxDaemonPayload, true},
      {FrameType::batch, kMaxDaemonPayload + 8, kMaxDaemonPayload, false},
      {FrameType::batch, 0xFFFFFFF8, kMaxDaemonPayload, false},
      {FrameType::hello, kMaxJsonPayload, kMaxWorkerPayload, true},
      {FrameType::hello, kMaxJsonPayload + 8, kMaxWorkerPayload, false},
      {FrameType::welcome, kMaxJsonPayload + 8, kMaxDaemonPayload, false},
      {FrameType::bye, kMaxJsonPayload + 8, kMaxDaemonPayload, false},
      {FrameType::log, 16, 8, false},
  };
  for (const auto& row : table) {
    FrameDecoder decoder(row.limit);
    std::string header;
    append_header(header, {row.length, row.type, 0, 0});
    test::feed(decoder, header);
    const auto next = decoder.next();
    EXPECT_EQ(next.has_value(), row.fits) << int(row.type) << " " << row.length;
    if (!next) {
      EXPECT_EQ(next.error().code, "frame_too_large");
    }
  }
}

TEST(FrameDecoderDeathTest, MoreThanTheRoomIsOurBug) {
  FrameDecoder decoder(kMaxWorkerPayload);
  EXPECT_DEATH(decoder.commit(1), "more was read than there was room for");
}

}  // namespace
}  // namespace triggerd::wire
