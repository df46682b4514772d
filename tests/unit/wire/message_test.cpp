// What the golden frames do not show: texts made fit, members ignored, limits of encoders. Malformed frames,
// one by one, are in tests/vectors/wire.
#include "wire/message.hpp"

#include <gtest/gtest.h>

#include "unit/wire/records.hpp"
#include "wire/layout.hpp"
#include "wire/text.hpp"

namespace triggerd::wire {
namespace {

std::string json_frame(FrameType type, std::string text) {
  pad_to_8(text, 0, ' ');
  std::string out;
  append_header(out, {static_cast<std::uint32_t>(text.size()), type, 0, 0});
  return out + text;
}

TEST(CleanText, IsValidUtf8OfItsSize) {
  const struct {
    std::string text;
    std::size_t max;
    std::string expected;
  } table[] = {
      {"", 10, ""},
      {"plain", 10, "plain"},
      {"plain", 3, "pla"},
      {"é€😀", 9, "é€😀"},
      {"é€😀", 8, "é€"},
      {"é€😀", 4, "é"},
      {std::string("nul\0in", 6), 10, std::string("nul\0in", 6)},
      {"bad \xff byte", 20, "bad \uFFFD byte"},
      {"\xff", 2, ""},
      {"cut \xe2\x82", 20, "cut \uFFFD\uFFFD"},
      {"overlong \xc0\xaf", 20, "overlong \uFFFD\uFFFD"},
      {"overlong \xe0\x80\x80", 20, "overlong \uFFFD\uFFFD\uFFFD"},
      {"overlong \xf0\x80\x80\x80", 30, "overlong \uFFFD\uFFFD\uFFFD\uFFFD"},
      {"surrogate \xed\xa0\x80", 20, "surrogate \uFFFD\uFFFD\uFFFD"},
      {"\xed\x9f\xbf last before surrogates", 40, "\xed\x9f\xbf last before surrogates"},
      {"past \xf4\x90\x80\x80", 20, "past \uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xf4\x8f\xbf\xbf", 20, "\xf4\x8f\xbf\xbf"},
      {"\x80", 20, "\uFFFD"},
  };
  for (const auto& row : table) EXPECT_EQ(clean_text(row.text, row.max), row.expected) << row.text;
}

TEST(Parse, IgnoresMembersItDoesNotKnow) {
  const auto message =
      test::read(json_frame(FrameType::bye, R"({"code":"x","new":{"a":[1.5,null]},"message":"m"})"));
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(std::get<Bye>(*message), (Bye{"x", "m"}));
}

TEST(Parse, TakesTheLargestNumbers) {
  Hello hello;
  hello.protocol_max = 0xFFFFFFFF;
  hello.sdk = "s";
  hello.concurrency = 65536;
  hello.credit = {0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF};
  const auto message = test::read(test::frame_of(hello));
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(std::get<Hello>(*message), hello);
  hello.credit.bytes = 0xFFFFFFFFFFFFFFFF;
  EXPECT_EQ(test::read(test::frame_of(hello)).error().message,
            "hello: credit.bytes must be a whole number from 1 to 9223372036854775807");
}

TEST(Parse, JsonNestsEightDeep) {
  const auto frame = [](int depth) {
    const auto n = static_cast<std::size_t>(depth - 1);
    return json_frame(FrameType::bye, R"({"code":"x","message":"m","new":)" + std::string(n, '[') +
                                          std::string(n, ']') + "}");
  };
  EXPECT_TRUE(test::read(frame(8)));
  EXPECT_FALSE(test::read(frame(9)));
}

TEST(Encode, TextsForPeopleAlwaysFit) {
  const std::string awkward(100'000, '\x01');  // six bytes each in JSON
  for (const std::string& text : {awkward, std::string(100'000, '\xff'), std::string(100'000, '"')}) {
    const auto log = test::read(test::frame_of(Log{"info", text}));
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ(std::get<Log>(*log).message, clean_text(text, kMaxTextBytes));
    const auto bye = test::read(test::frame_of(Bye{"code", text}));
    ASSERT_TRUE(bye) << bye.error().message;
    EXPECT_EQ(std::get<Bye>(*bye).message, clean_text(text, kMaxTextBytes));
    const auto ack = test::read(test::frame_of(Ack{BatchId{1}, {{0, 0, Answer::Code::retry, 0, text}}}));
    ASSERT_TRUE(ack) << ack.error().message;
    EXPECT_EQ(std::get<Ack>(*ack).answers[0].reason, clean_text(text, kMaxReasonBytes));
  }
}

// A worker that sends longer reasons, or other bytes, is not ended for it.
TEST(Parse, CutsAndCleansReasons) {
  const std::string reason = std::string(5000, 'r') + "\xff";
  std::string out;
  append_header(out, {static_cast<std::uint32_t>(padded(32 + reason.size())), FrameType::ack, 0, 5});
  const auto size = static_cast<std::uint32_t>(reason.size());
  for (const std::uint32_t n : {1u, size, 0u, 0u, 1u, 0u, size, 0u}) put(out, n);
  out += reason;
  pad_to_8(out, 0, '\0');
  const auto message = test::read(out);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(std::get<Ack>(*message).answers[0].reason, std::string(4096, 'r'));
}

// Whoever handles an answer sees a reason only where there is something to explain.
TEST(Parse, KeepsReasonsOfFailuresOnly) {
  using Code = Answer::Code;
  for (const Code code : {Code::ok, Code::retry, Code::dead_letter, Code::drop, Code::release}) {
    const auto message =
        test::read(test::frame_of(Ack{BatchId{1}, {{0, 0, code, 0, "because"}, {1, 1, code, 0, ""}}}));
    ASSERT_TRUE(message) << message.error().message;
    const bool kept = code == Code::retry || code == Code::dead_letter || code == Code::drop;
    EXPECT_EQ(std::get<Ack>(*message).answers,
              (std::vector<Answer>{{0, 0, code, 0, kept ? "because" : ""}, {1, 1, code, 0, ""}}));
  }
}

TEST(Parse, TheFirstBrokenRuleIsNamed) {
  const auto message =
      test::read(json_frame(FrameType::hello, R"({"protocol":{"min":"1"},"concurrency":0})"));
  EXPECT_EQ(message.error(),
            (Error{"frame_malformed", "hello: protocol.min must be a whole number from 1 to 4294967295"}));
}

TEST(Parse, WelcomeKnowsItsWords) {
  const Welcome good{1, "d", "t", "g", 1, "one", "binary", "none", 1, 1, {"x"}};
  ASSERT_TRUE(test::read(test::frame_of(good)));
  const struct {
    std::string Welcome::* member;
    const char* reason;
  } table[] = {{&Welcome::cardinality, "welcome: cardinality has an unknown value"},
               {&Welcome::data_type, "welcome: dataType has an unknown value"},
               {&Welcome::ordering, "welcome: ordering has an unknown value"}};
  for (const auto& row : table) {
    Welcome bad = good;
    bad.*row.member = "other";
    EXPECT_EQ(test::read(test::frame_of(bad)).error().message, row.reason);
  }
}

TEST(EncodeDeathTest, AnAckOverTheLimitIsOurBug) {
  const Ack ack{BatchId{1}, std::vector<Answer>((16u << 20) / 24 + 1)};
  std::string out;
  EXPECT_DEATH(encode(out, ack), "send it in parts");
}

}  // namespace
}  // namespace triggerd::wire
