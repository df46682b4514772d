// Properties of the worker protocol's codec: whatever the records and however the stream is cut, the same
// comes out.
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "unit/wire/records.hpp"

namespace triggerd::wire {
namespace {

using test::Record;

// Bytes where short, empty and non-text ones all come often.
rc::Gen<std::string> bytes() { return rc::gen::container<std::string>(rc::gen::arbitrary<char>()); }
rc::Gen<test::Text> maybe_bytes() {
  return rc::gen::weightedOneOf<test::Text>(
      {{1, rc::gen::just(test::Text())},
       {1, rc::gen::just(test::Text(""))},
       {4, rc::gen::map(bytes(), [](std::string s) { return test::Text(std::move(s)); })}});
}

// Records one batch can hold. Each kind of column is on or off for the whole list, so that batches without it
// come often.
std::vector<Record> arbitrary_records() {
  const bool holes = *rc::gen::arbitrary<bool>();
  const bool timestamps = *rc::gen::arbitrary<bool>();
  const bool spread = *rc::gen::arbitrary<bool>();
  const bool keys = *rc::gen::arbitrary<bool>();
  const bool headers = *rc::gen::arbitrary<bool>();
  const auto count = *rc::gen::inRange<std::size_t>(1, 60);
  const auto base_time = *rc::gen::inRange<WallMillis>(1 << 30, 1'800'000'000'000);
  std::vector<Record> records;
  std::int64_t offset = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 60);
  for (std::size_t i = 0; i < count; ++i) {
    Record record;
    record.offset = offset;
    offset += holes ? *rc::gen::inRange<std::int64_t>(1, 1'000'000) : 1;
    record.timestamp = !timestamps ? -1
                       : !spread   ? base_time
                                   : base_time + *rc::gen::inRange(-(1 << 29), 1 << 29);
    if (keys) record.key = *maybe_bytes();
    record.value = *maybe_bytes();
    if (headers) {
      record.headers =
          *rc::gen::resize(4, rc::gen::container<std::vector<std::pair<std::string, test::Text>>>(
                                  rc::gen::pair(bytes(), maybe_bytes())));
    }
    records.push_back(std::move(record));
  }
  return records;
}

void expect(bool holds) { EXPECT_TRUE(holds); }

TEST(WireProperty, AnyPartOfAnyBatchComesBack) {
  expect(rc::check([] {
    const std::vector<Record> records = arbitrary_records();
    Delivery delivery = test::make_delivery(records);
    delivery.first = *rc::gen::inRange<std::uint32_t>(0, delivery.batch->size());
    delivery.count = *rc::gen::inRange<std::uint32_t>(1, delivery.batch->size() - delivery.first + 1);
    delivery.id = BatchId{*rc::gen::arbitrary<std::uint64_t>()};
    delivery.epoch = Epoch{*rc::gen::arbitrary<std::uint32_t>()};
    delivery.run = *rc::gen::arbitrary<std::uint32_t>();
    delivery.attempt = *rc::gen::inRange<std::uint32_t>(1, 1000);
    delivery.more = *rc::gen::arbitrary<bool>();
    const auto message = test::read(test::frame_of(delivery));
    RC_ASSERT(message.has_value());
    const Delivery& got = std::get<Batch>(*message).delivery;
    const auto begin = records.begin() + delivery.first;
    RC_ASSERT(test::records_of(got) == std::vector<Record>(begin, begin + delivery.count));
    RC_ASSERT(got.id == delivery.id && got.source == delivery.source && got.epoch == delivery.epoch);
    RC_ASSERT(got.run == delivery.run && got.attempt == delivery.attempt && got.more == delivery.more);
    RC_ASSERT(got.batch->bytes() == delivery.batch->bytes(delivery.first, delivery.count));
  }));
}

// What was read back can be sent on: the frame is the same.
TEST(WireProperty, AParsedBatchEncodesToTheSameFrame) {
  expect(rc::check([] {
    const std::string frame = test::frame_of(test::make_delivery(arbitrary_records()));
    const auto message = test::read(frame);
    RC_ASSERT(message.has_value());
    RC_ASSERT(test::frame_of(std::get<Batch>(*message).delivery) == frame);
  }));
}

TEST(WireProperty, AnyAckComesBack) {
  expect(rc::check([] {
    Ack ack{BatchId{*rc::gen::arbitrary<std::uint64_t>()}, {}};
    const auto count = *rc::gen::inRange(0, 20);
    for (int i = 0; i < count; ++i) {
      Answer answer;
      answer.first = *rc::gen::inRange(0u, 1000u);
      answer.last = answer.first + *rc::gen::inRange(0u, 1000u);
      answer.code = Answer::Code{*rc::gen::inRange(0u, 5u)};
      if (answer.code == Answer::Code::retry) answer.retry_after_ms = *rc::gen::arbitrary<std::uint32_t>();
      if (answer.code != Answer::Code::ok && answer.code != Answer::Code::release) {
        answer.reason = *rc::gen::string<std::string>();
        for (char& c : answer.reason) c = static_cast<char>(c & 0x7F);
      }
      ack.answers.push_back(std::move(answer));
    }
    const auto message = test::read(test::frame_of(ack), kMaxWorkerPayload);
    RC_ASSERT(message.has_value());
    RC_ASSERT(std::get<Ack>(*message) == ack);
  }));
}

TEST(WireProperty, FramesComeWholeUnderAnySplit) {
  expect(rc::check([] {
    std::string stream;
    std::vector<std::string> expected;
    const auto frames = *rc::gen::inRange<std::size_t>(1, 12);
    for (std::size_t i = 0; i < frames; ++i) {
      const auto units = *rc::gen::weightedElement<std::size_t>({{4, 0}, {4, 3}, {2, 500}, {1, 20'000}});
      expected.emplace_back(units * 8, static_cast<char>('a' + i));
      append_header(stream, {static_cast<std::uint32_t>(units * 8), FrameType::ack, 0, i});
      stream += expected.back();
    }
    FrameDecoder decoder(kMaxWorkerPayload);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < stream.size();) {
      const std::span<char> room = decoder.prepare();
      RC_ASSERT(!room.empty());
      const auto most = std::min(room.size(), stream.size() - at);
      const auto count =
          std::min(most, *rc::gen::weightedElement<std::size_t>({{1, 1}, {2, 7}, {3, 1000}, {3, 30'000}}));
      std::memcpy(room.data(), stream.data() + at, count);
      decoder.commit(count);
      at += count;
      for (auto frame = decoder.next(); RC_ASSERT(frame.has_value()), *frame; frame = decoder.next()) {
        RC_ASSERT((*frame)->header.id == seen.size());
        seen.emplace_back((*frame)->payload);
      }
    }
    RC_ASSERT(seen == expected);
  }));
}

// Bytes changed anywhere in a good frame give a value or an error, never a read outside (the asan build sees
// to that).
TEST(WireProperty, AnyDamageIsAValueOrAnError) {
  expect(rc::check([] {
    std::string frame = test::frame_of(test::make_delivery(arbitrary_records()));
    const auto changes = *rc::gen::inRange(1, 6);
    for (int i = 0; i < changes; ++i) {
      frame[*rc::gen::inRange<std::size_t>(0, frame.size())] = *rc::gen::arbitrary<char>();
    }
    FrameDecoder decoder(kMaxWorkerPayload);
    test::feed(decoder, frame);
    for (auto next = decoder.next(); next && *next; next = decoder.next()) {
      RC_ASSERT((*next)->payload.size() == (*next)->header.length);
      if (const auto message = parse(**next); message && std::holds_alternative<Batch>(*message)) {
        const Delivery& delivery = std::get<Batch>(*message).delivery;
        RC_ASSERT(test::records_of(delivery).size() == delivery.count);
      }
    }
  }));
}

}  // namespace
}  // namespace triggerd::wire
