#include "payload/presenter.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace triggerd::payload {
namespace {

namespace json = boost::json;
using wire::HeaderView;
using wire::RecordView;

const HeaderView kHeaders[] = {{"h", "v"}};

// Five records from offset 10 on, with keys of 4 bytes but for the fourth's, of leader epoch 7; 1 to 3 of
// them are on their way.
wire::Delivery delivery() {
  auto batch = std::make_shared<wire::RecordBatch>();
  for (int i = 0; i < 5; ++i) {
    const std::string key = i == 3 ? "long key" : std::string("\0\0\0", 3) + static_cast<char>(i);
    const std::string value = "value " + std::to_string(i);
    EXPECT_TRUE(batch->append({Offset{10 + i}, 1'000, key,
                               i == 2 ? std::nullopt : std::optional<std::string_view>(value), kHeaders, 7}));
  }
  wire::Delivery delivery;
  delivery.id = BatchId{1};
  delivery.source = {Topic("orders"), Partition{3}};
  delivery.batch = batch;
  delivery.first = 1;
  delivery.count = 3;
  return delivery;
}

wire::Delivery all_of(const std::shared_ptr<const wire::RecordBatch>& batch) {
  wire::Delivery delivery;
  delivery.source = {Topic("t"), Partition{0}};
  delivery.batch = batch;
  delivery.count = batch->size();
  return delivery;
}

TEST(Presenter, Envelopes) {
  Presenter presenter({.key_type = KeyType::int32});
  const wire::Delivery out = presenter.present(delivery());
  ASSERT_EQ(out.count, 3u);
  EXPECT_EQ(out.first, 0u);
  EXPECT_EQ(out.id, BatchId{1});
  EXPECT_EQ(out.leader_epoch, 7);
  const json::value first = json::parse(*out.batch->value(0));
  EXPECT_EQ(first.at("Offset"), json::value(11));
  EXPECT_EQ(first.at("LeaderEpoch"), json::value(7));
  EXPECT_EQ(first.at("Key"), json::value(1));
  EXPECT_EQ(first.at("Headers"), json::parse(R"([{"Key":"h","Value":"dg=="}])"));
  EXPECT_TRUE(json::parse(*out.batch->value(1)).at("Value").is_null());
  EXPECT_FALSE(out.batch->unreadable(0));
  EXPECT_TRUE(out.batch->unreadable(2));
  EXPECT_EQ(out.batch->value(2), "the key has 8 bytes; keyDataType int has 4");
  EXPECT_FALSE(out.batch->key(0));
  for (std::uint32_t i = 0; i < out.count; ++i) EXPECT_TRUE(out.batch->headers(i).empty()) << i;
  EXPECT_EQ(presenter.stats().unreadable, 1u);
}

TEST(Presenter, KeysForTheLanes) {
  Presenter presenter({.key_type = KeyType::binary, .keeps_keys = true});
  const wire::Delivery out = presenter.present(delivery());
  EXPECT_EQ(out.batch->key(0), std::string_view("\0\0\0\x01", 4));
  EXPECT_EQ(out.batch->key(2), "long key");
}

TEST(Presenter, BinaryRecordsStayWhereTheyAre) {
  Presenter presenter({.as_text = false});
  const wire::Delivery in = delivery();
  const wire::Delivery out = presenter.present(in);
  EXPECT_EQ(out.batch, in.batch);
  EXPECT_EQ(out.first, 1u);
  EXPECT_EQ(out.leader_epoch, 7);
}

TEST(Presenter, BinaryRecordsWithAKeyOfNoType) {
  Presenter presenter({.key_type = KeyType::int64, .as_text = false});
  const wire::Delivery out = presenter.present(delivery());
  EXPECT_TRUE(out.batch->unreadable(0));
  EXPECT_EQ(out.batch->value(0), "the key has 4 bytes; keyDataType long has 8");
  EXPECT_FALSE(out.batch->unreadable(2));
  EXPECT_EQ(out.batch->value(2), "value 3");
  for (std::uint32_t i = 0; i < out.count; ++i) EXPECT_EQ(out.batch->headers(i).size(), 1u) << i;
}

TEST(Presenter, CountsTextThatIsNone) {
  auto batch = std::make_shared<wire::RecordBatch>();
  ASSERT_TRUE(batch->append({.offset = Offset{1}, .value = "a\xff"}));
  Presenter presenter({});
  presenter.present(all_of(batch));
  EXPECT_EQ(presenter.stats().replaced, 1u);
}

// Each byte of such a value becomes six.
TEST(Presenter, WhatNoFrameCanCarry) {
  auto batch = std::make_shared<wire::RecordBatch>();
  const std::string control(40 << 20, '\x01');
  ASSERT_TRUE(batch->append({.offset = Offset{1}, .value = control}));
  ASSERT_TRUE(batch->append({.offset = Offset{2}, .value = "small"}));
  Presenter presenter({});
  const wire::Delivery out = presenter.present(all_of(batch));
  EXPECT_TRUE(out.batch->unreadable(0));
  EXPECT_EQ(out.batch->value(0), "as JSON it is larger than a frame can carry");
  EXPECT_FALSE(out.batch->unreadable(1));
}

}  // namespace
}  // namespace triggerd::payload
