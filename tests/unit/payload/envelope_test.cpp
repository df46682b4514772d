// The rules of azure-kafka-trigger: the order of the members, what is null, text and base64.
#include "payload/envelope.hpp"

#include <limits>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace triggerd::payload {
namespace {

using wire::HeaderView;
using wire::RecordView;

const TopicPartition kSource{Topic("orders"), Partition{3}};

std::string envelope(const RecordView& record, KeyType type = KeyType::string) {
  EnvelopeEncoder encoder(kSource, type);
  std::string out;
  encoder.append(out, record);
  return out;
}

TEST(Envelope, Everything) {
  const HeaderView headers[] = {{"test", "python"}, {"empty", std::nullopt}, {"test", ""}};
  const RecordView record{.offset = Offset{364},
                          .timestamp = 1'651'145'068'961,
                          .key = "k1",
                          .value = R"({"registertime":1,"userid":"User_1"})",
                          .headers = headers,
                          .leader_epoch = 0};
  EXPECT_EQ(envelope(record),
            R"({"Offset":364,"Partition":3,"Topic":"orders","Timestamp":"2022-04-28T11:24:28.961Z",)"
            R"("Value":"{\"registertime\":1,\"userid\":\"User_1\"}","LeaderEpoch":0,"IsPartitionEOF":false,)"
            R"("Key":"k1","Headers":[{"Key":"test","Value":"cHl0aG9u"},{"Key":"empty","Value":null},)"
            R"({"Key":"test","Value":""}]})");
}

TEST(Envelope, ATombstone) {
  EXPECT_EQ(envelope({.offset = Offset{0}}),
            R"({"Offset":0,"Partition":3,"Topic":"orders","Timestamp":"1970-01-01T00:00:00Z","Value":null,)"
            R"("LeaderEpoch":null,"IsPartitionEOF":false,"Key":null,"Headers":[]})");
}

std::string key_of(std::optional<std::string_view> key, KeyType type) {
  const std::string text = envelope({.offset = Offset{1}, .key = key}, type);
  const std::size_t begin = text.find("\"Key\":") + 6;
  return text.substr(begin, text.find(",\"Headers\"") - begin);
}

TEST(Envelope, KeysByTheirType) {
  using namespace std::string_view_literals;
  const std::tuple<std::optional<std::string_view>, KeyType, const char*> rows[] = {
      {"k1", KeyType::string, "\"k1\""},
      {"", KeyType::string, "\"\""},
      {"\xff", KeyType::string, "\"\xef\xbf\xbd\""},
      {std::nullopt, KeyType::string, "null"},
      {"k1z", KeyType::binary, "\"azF6\""},
      {"", KeyType::binary, "\"\""},
      {std::nullopt, KeyType::binary, "null"},
      {"\0\0\0\x7b"sv, KeyType::int32, "123"},
      {"\xff\xff\xff\xff"sv, KeyType::int32, "-1"},
      {"\x80\0\0\0"sv, KeyType::int32, "-2147483648"},
      {"\0\0\0\0\0\0\0\x7b"sv, KeyType::int64, "123"},
      {"\x80\0\0\0\0\0\0\0"sv, KeyType::int64, "-9223372036854775808"},
      {"\xff\xff\xff\xff\xff\xff\xff\xfe"sv, KeyType::int64, "-2"},
      {std::nullopt, KeyType::int64, "null"},
  };
  for (const auto& [key, type, text] : rows) EXPECT_EQ(key_of(key, type), text) << key.value_or("none");
}

TEST(Envelope, KeysOfNoType) {
  for (const KeyType type : {KeyType::int32, KeyType::int64}) {
    EXPECT_TRUE(is_of_type(std::nullopt, type));
    EXPECT_TRUE(is_of_type(std::string(key_bytes(type), '\0'), type));
    EXPECT_FALSE(is_of_type("", type));
    EXPECT_FALSE(is_of_type(std::string(key_bytes(type) - 1, '\0'), type));
  }
  EXPECT_TRUE(is_of_type("", KeyType::string));
  EXPECT_TRUE(is_of_type("", KeyType::binary));
}

TEST(Envelope, Timestamps) {
  const std::pair<WallMillis, const char*> rows[] = {
      {0, "1970-01-01T00:00:00Z"},
      {-1, "1970-01-01T00:00:00Z"},
      {-2, "1969-12-31T23:59:59.998Z"},
      {1'651'145'068'960, "2022-04-28T11:24:28.96Z"},
      {1'651'145'068'900, "2022-04-28T11:24:28.9Z"},
      {1'651'145'068'000, "2022-04-28T11:24:28Z"},
      {951'782'400'001, "2000-02-29T00:00:00.001Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {253'402'300'800'000, "9999-12-31T23:59:59.999Z"},
      {std::numeric_limits<WallMillis>::max(), "9999-12-31T23:59:59.999Z"},
      {std::numeric_limits<WallMillis>::min(), "0001-01-01T00:00:00Z"},
  };
  for (const auto& [time, text] : rows) EXPECT_EQ(timestamp_text(time), text) << time;
}

// The text of a time is kept for the next record; another time is another text.
TEST(Envelope, RecordsOfOneEncoder) {
  EnvelopeEncoder encoder(kSource, KeyType::string);
  for (const WallMillis time : {5, 5, 6, -1, 5}) {
    std::string out;
    encoder.append(out, {.offset = Offset{1}, .timestamp = time, .value = "\xff"});
    const auto value = boost::json::parse(out);
    EXPECT_EQ(value.at("Timestamp"), boost::json::value(timestamp_text(time)));
  }
  EXPECT_EQ(encoder.replaced(), 5u);
}

TEST(Envelope, IsJsonWhateverTheBytesAre) {
  const HeaderView headers[] = {{"\"\xff\n", "\0x"}};
  const std::string text = [&] {
    EnvelopeEncoder encoder({Topic("a\"b"), Partition{0}}, KeyType::string);
    std::string out;
    encoder.append(out, {.offset = Offset{std::numeric_limits<std::int64_t>::max()},
                         .key = "\x01\\",
                         .value = "\xe2\x82",
                         .headers = headers});
    return out;
  }();
  const auto value = boost::json::parse(text);
  EXPECT_EQ(value.at("Topic"), boost::json::value("a\"b"));
  EXPECT_EQ(value.at("Key"), boost::json::value("\x01\\"));
  EXPECT_EQ(value.at("Value"), boost::json::value("\xef\xbf\xbd"));
  EXPECT_EQ(value.at("Offset").as_int64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(value.at("Headers").at(0).at("Key"), boost::json::value("\"\xef\xbf\xbd\n"));
}

}  // namespace
}  // namespace triggerd::payload
