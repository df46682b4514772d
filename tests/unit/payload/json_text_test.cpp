#include "payload/json_text.hpp"

#include <random>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace triggerd::payload {
namespace {

struct Text {
  std::string json;
  std::size_t replaced;
};
Text text_of(std::string_view bytes) {
  Text text{">", 0};
  text.replaced = append_json_string(text.json, bytes);
  text.json.erase(0, 1);
  return text;
}

TEST(JsonText, Escapes) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, const char*> rows[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {R"({"a":"b\c"})", R"("{\"a\":\"b\\c\"}")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"\0\x01\x1f"sv, R"("\u0000\u0001\u001f")"},
      {"\x7f/'<>&", "\"\x7f/'<>&\""},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
      {"a\xc2\x85\xe2\x80\xa8\xe2\x80\xa9z", R"("a\u0085\u2028\u2029z")"},
      {"\xc2\x84\xe2\x80\xa7", "\"\xc2\x84\xe2\x80\xa7\""},
  };
  for (const auto& [bytes, json] : rows) {
    EXPECT_EQ(text_of(bytes).json, json);
    EXPECT_EQ(text_of(bytes).replaced, 0u);
  }
}

// What .NET, Python's errors="replace" and a browser's TextDecoder make of it.
TEST(JsonText, WhatIsNotUtf8) {
  const std::string r = "\xef\xbf\xbd";
  const std::tuple<std::string, std::string, std::size_t> rows[] = {
      {"\xff", r, 1},
      {"a\xc3", "a" + r, 1},
      {"\xc3(", r + "(", 1},
      {"\x80\x80", r + r, 2},
      {"\xc0\xaf", r + r, 2},
      {"\xe2\x82", r, 1},
      {"\xe2\x82(", r + "(", 1},
      {"\xed\xa0\x80", r + r + r, 3},
      {"\xf0\x9f\x98", r, 1},
      {"\xf4\x90\x80\x80", r + r + r + r, 4},
      {"\xf0\x9f\xc3\xa9", r + "\xc3\xa9", 1},
  };
  for (const auto& [bytes, text, replaced] : rows) {
    EXPECT_EQ(text_of(bytes).json, "\"" + text + "\"") << text;
    EXPECT_EQ(text_of(bytes).replaced, replaced) << text;
  }
}

// Against Boost.JSON: what any bytes become can be read, and is them where they are UTF-8.
TEST(JsonText, AnyBytesCanBeRead) {
  std::mt19937 random(20'261'128);
  const std::string_view pieces[] = {
      "a",    "\"",   "\\",       "\n",  "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80",
      "\x1f", "\xc3", "\xe2\x82", "\xff"};
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    const bool broken = i % 2 == 1;
    for (std::size_t n = random() % 40; n > 0; --n) bytes += pieces[random() % (broken ? 11 : 8)];
    const Text text = text_of(bytes);
    boost::system::error_code failed;
    const auto value = boost::json::parse(text.json, failed);  // refuses what is not UTF-8
    ASSERT_FALSE(failed) << text.json;
    EXPECT_TRUE(broken || text.replaced == 0) << text.json;
    if (text.replaced == 0) {
      ASSERT_EQ(std::string_view(value.as_string()), bytes);
    }
  }
}

}  // namespace
}  // namespace triggerd::payload
