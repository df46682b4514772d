#include "worker/lines.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace triggerd::worker {
namespace {

using Lines = std::vector<std::string>;

// What comes out when `bytes` arrive `step` at a time; a cut line ends with '~'.
Lines split(std::string_view bytes, std::size_t step) {
  Lines result;
  const LineSink sink = [&](std::string_view line, bool cut) {
    result.push_back(std::string(line) + (cut ? "~" : ""));
  };
  LineSplitter splitter;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
    splitter.feed(bytes.substr(0, step), sink);
  splitter.finish(sink);
  return result;
}

TEST(LineSplitter, SameLinesHoweverTheBytesCome) {
  const std::string longest(kMaxLineBytes, 'x');
  const struct {
    std::string bytes;
    Lines lines;
  } rows[] = {
      {"", {}},
      {"one\n", {"one"}},
      {"one\ntwo\n", {"one", "two"}},
      {"no end", {"no end"}},
      {"\n\n", {"", ""}},
      {"dos\r\nline\r\n", {"dos", "line"}},
      {"inner\rcr\n", {"inner\rcr"}},
      {longest + "\nnext\n", {longest, "next"}},
      {longest + "yyy\nnext\n", {longest + "~", "next"}},
      {longest + longest + longest, {longest + "~"}},
  };
  for (const auto& row : rows) {
    for (const std::size_t step : {1, 2, 3, 7, 4096, 100000}) {
      EXPECT_EQ(split(row.bytes, step), row.lines) << step << " at a time: " << row.bytes.substr(0, 40);
    }
  }
}

TEST(RateLimit, BurstThenRateThenTheRefusedAreCountedOnce) {
  TimePoint now{std::chrono::hours(1)};
  RateLimit limit(10, 3);
  EXPECT_TRUE(limit.admit(now));
  EXPECT_TRUE(limit.admit(now));
  EXPECT_TRUE(limit.admit(now));
  EXPECT_FALSE(limit.admit(now));
  EXPECT_FALSE(limit.admit(now + std::chrono::milliseconds(50)));
  EXPECT_TRUE(limit.admit(now + std::chrono::milliseconds(101)));
  EXPECT_EQ(limit.take_refused(), 2U);
  EXPECT_EQ(limit.take_refused(), 0U);
  now += std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.admit(now)) << i;
  EXPECT_FALSE(limit.admit(now)) << "an idle hour is worth a burst, not more";
}

TEST(Tail, KeepsTheEndFromALineBeginning) {
  const struct {
    std::vector<std::string> parts;
    std::string text;
  } rows[] = {
      {{}, ""},
      {{"short\n"}, "short"},
      {{"a\n", "b\n"}, "a\nb"},
      {{"0123456789"}, "0123456789"},
      {{"cut off\nlast\n"}, "last"},
      {{"first line\n", "second\n"}, "second"},
      {{"one endless line without an end"}, "out an end"},
      {{"0123456789", "ab"}, "23456789ab"},
      {{"\xff\n"}, "\xef\xbf\xbd"},
  };
  for (const auto& row : rows) {
    Tail tail(10);
    for (const std::string& part : row.parts) tail.append(part);
    EXPECT_EQ(tail.text(), row.text);
  }
}

TEST(Utf8, OnlyWhatIsNotUtf8IsReplaced) {
  const std::string bad = "\xef\xbf\xbd";
  const struct {
    std::string bytes, text;
  } rows[] = {
      {"plain", "plain"},
      {"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"\x80z", bad + "z"},
      {"\xc3", bad},
      {"\xc3z", bad + "z"},
      {"\xc0\xaf", bad + bad},  // overlong
      {"\xe0\x80\xaf", bad + bad + bad},
      {"\xed\xa0\x80", bad + bad + bad},  // a surrogate
      {"\xf0\x80\x80\x80", bad + bad + bad + bad},
      {"\xf4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
      {"\xf5z", bad + "z"},
      {"\xe2\x82", bad + bad},
      {std::string("\0x", 2), std::string("\0x", 2)},
  };
  for (const auto& row : rows) EXPECT_EQ(as_utf8(row.bytes), row.text);
}

TEST(LastLine, IsTheLastThatSaysSomething) {
  EXPECT_EQ(last_line(""), "");
  EXPECT_EQ(last_line(" \n\n"), "");
  EXPECT_EQ(last_line("one"), "one");
  EXPECT_EQ(last_line("one\n  two \r\n\n"), "two");
  EXPECT_EQ(last_line("a\n" + std::string(201, 'b')), std::string(200, 'b') + "…");
  EXPECT_EQ(last_line("a\xff"), "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace triggerd::worker
