#include "kafka/dead_letter.hpp"

#include <gtest/gtest.h>

namespace triggerd::kafka {
namespace {

using wire::HeaderView;
using Cause = pipeline::DeadLetter::Cause;

// The second record of a batch, with these headers.
pipeline::DeadLetter letter(const std::vector<HeaderView>& headers) {
  auto batch = std::make_shared<wire::RecordBatch>();
  EXPECT_TRUE(batch->append({Offset{40}, 1000, "a", "first", {}}));
  EXPECT_TRUE(batch->append({Offset{42}, 1001, "b", "second", headers}));
  pipeline::DeadLetter letter;
  letter.id = 7;
  letter.source = {Topic("orders"), Partition{3}};
  letter.batch = batch;
  letter.index = 1;
  letter.attempts = 5;
  letter.cause = Cause::retries_used_up;
  letter.reason = "ValueError: no total";
  return letter;
}

std::vector<HeaderView> views(const std::vector<Header>& headers) {
  std::vector<HeaderView> out;
  for (const Header& h : headers)
    out.push_back({h.name, h.value ? std::optional<std::string_view>(*h.value) : std::nullopt});
  return out;
}

std::optional<std::string> value(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& h : headers) {
    if (h.name == name) return h.value;
  }
  return std::nullopt;
}

std::vector<Header> ours() {
  return {{"triggerd.dlq.topic", "orders"},
          {"triggerd.dlq.partition", "3"},
          {"triggerd.dlq.offset", "42"},
          {"triggerd.dlq.group", "billing"},
          {"triggerd.dlq.trigger", "orders-trigger"},
          {"triggerd.dlq.attempts", "5"},
          {"triggerd.dlq.error", "retries_used_up"},
          {"triggerd.dlq.reason", "ValueError: no total"}};
}

std::vector<Header> operator+(std::vector<Header> first, const std::vector<Header>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST(DeadLetterHeaders, StandBehindTheRecordsOwn) {
  const std::vector<Header> own{{"trace", "1"},
                                {"empty", ""},
                                {"trace", std::nullopt},
                                {"", "no name"},
                                {"trace", std::string("\0\xff", 2)}};
  EXPECT_EQ(headers_of(letter(views(own)), "billing", "orders-trigger"), own + ours());
  EXPECT_EQ(headers_of(letter({}), "billing", "orders-trigger"), ours());
}

TEST(DeadLetterHeaders, OfAnEarlierDeadLetterAreReplacedButItsReplaysAreCounted) {
  const std::vector<Header> own{{"triggerd.dlq.topic", "elsewhere"}, {"kept", "1"},
                                {"triggerd.dlq.replayed", "2"},      {"triggerd.dlq.unknown", "x"},
                                {"triggerd.dlqs", "not ours"},       {"triggerd.dlq.offset", "1"}};
  const std::vector<Header> kept{
      {"kept", "1"}, {"triggerd.dlq.replayed", "2"}, {"triggerd.dlqs", "not ours"}};
  EXPECT_EQ(headers_of(letter(views(own)), "billing", "orders-trigger"), kept + ours());
}

TEST(DeadLetterHeaders, SayWhy) {
  auto rejected = letter({});
  rejected.cause = Cause::rejected;
  rejected.reason = "";
  const auto headers = headers_of(rejected, "g", "t");
  EXPECT_EQ(value(headers, "triggerd.dlq.error"), "rejected");
  EXPECT_EQ(value(headers, "triggerd.dlq.reason"), "");
}

TEST(DeadLetterHeaders, HoldAReasonOfAtMost4KibOfUtf8) {
  auto long_one = letter({});
  long_one.reason = std::string(4095, 'x') + "é and more";
  EXPECT_EQ(value(headers_of(long_one, "g", "t"), "triggerd.dlq.reason"), std::string(4095, 'x'));
  long_one.reason = std::string(4094, 'x') + "é and more";
  EXPECT_EQ(value(headers_of(long_one, "g", "t"), "triggerd.dlq.reason"), std::string(4094, 'x') + "é");
  long_one.reason =
      "a\xff"
      "b";
  EXPECT_EQ(value(headers_of(long_one, "g", "t"), "triggerd.dlq.reason"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(DeadLetterOrigin, IsWhatTheHeadersSay) {
  const auto headers = headers_of(letter({}), "billing", "orders-trigger");
  const Origin expected{{Topic("orders"), Partition{3}}, Offset{42}};
  EXPECT_EQ(origin_of(views(headers)), expected);
}

TEST(DeadLetterOrigin, IsTheLastWhereThereAreTwo) {
  const std::vector<Header> forged{{"triggerd.dlq.topic", "elsewhere"}, {"triggerd.dlq.partition", "9"}};
  EXPECT_EQ(origin_of(views(forged + ours()))->source, (TopicPartition{Topic("orders"), Partition{3}}));
}

TEST(DeadLetterOrigin, IsNoneWhereAPartOfItIsMissingOrNoNumber) {
  EXPECT_EQ(origin_of({}), std::nullopt);
  const std::vector<Header> other{{"trace", "1"}};
  EXPECT_EQ(origin_of(views(other)), std::nullopt);
  struct Case {
    std::size_t which;
    std::optional<std::string> value;
  };
  for (const Case& c : {Case{0, ""},
                        {0, std::nullopt},
                        {1, ""},
                        {1, "-1"},
                        {1, "3 "},
                        {1, "three"},
                        {1, "2147483648"},
                        {1, std::nullopt},
                        {2, "-5"},
                        {2, "0x2"},
                        {2, "9223372036854775808"},
                        {2, ""}}) {
    auto headers = ours();
    headers[c.which].value = c.value;
    EXPECT_EQ(origin_of(views(headers)), std::nullopt)
        << headers[c.which].name << " " << c.value.value_or("null");
  }
  for (const std::size_t missing : {0, 1, 2}) {
    auto headers = ours();
    headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(origin_of(views(headers)), std::nullopt) << missing;
  }
}

TEST(ReplayedHeaders, AreTheRecordsOwnAndACount) {
  const std::vector<Header> own{{"trace", "1"}, {"empty", ""}, {"trace", std::nullopt}};
  const std::vector<Header> once{{"triggerd.dlq.replayed", "1"}};
  EXPECT_EQ(replayed_headers(views(own + ours())), own + once);
  // Again and again: dead letter, replay, dead letter …
  auto headers = own;
  for (const char* count : {"1", "2", "3"}) {
    headers = replayed_headers(views(headers_of(letter(views(headers)), "billing", "orders-trigger")));
    EXPECT_EQ(headers, (own + std::vector<Header>{{"triggerd.dlq.replayed", count}}));
  }
}

TEST(ReplayedHeaders, CountFromOneWhereTheCountIsNoNumber) {
  for (const char* broken : {"", "-3", "many", "99999999999999999999"}) {
    const std::vector<Header> own{{"triggerd.dlq.replayed", broken}};
    EXPECT_EQ(value(replayed_headers(views(own)), "triggerd.dlq.replayed"), "1") << broken;
  }
}

}  // namespace
}  // namespace triggerd::kafka
