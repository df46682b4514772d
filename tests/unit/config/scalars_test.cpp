#include "config/scalars.hpp"

#include <limits>
#include <optional>

#include <gtest/gtest.h>

namespace triggerd::config {
namespace {

using namespace std::chrono_literals;

template <typename T>
struct Row {
  std::string text;
  std::optional<T> value;  // nothing: refused
};

template <typename T>
void expect_table(Result<T> (*parse)(std::string_view), const std::vector<Row<T>>& rows) {
  for (const Row<T>& row : rows) {
    const Result<T> result = parse(row.text);
    ASSERT_EQ(result.has_value(), row.value.has_value()) << "\"" << row.text << "\"";
    if (row.value) {
      EXPECT_EQ(*result, *row.value) << "\"" << row.text << "\"";
    }
  }
}

TEST(Scalars, IntegersAreDecimalAndNothingElse) {
  expect_table<std::int64_t>(parse_integer,
                             {{"0", 0},
                              {"7", 7},
                              {"-1", -1},
                              {"1000000", 1'000'000},
                              {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
                              {"9223372036854775808", {}},
                              {"99999999999999999999", {}},
                              {"017", {}},  // 15 for yaml-cpp
                              {"00", {}},
                              {"-017", {}},
                              {"0x1F", {}},
                              {"0o17", {}},
                              {"1_000", {}},
                              {"12e03", {}},
                              {"1.0", {}},
                              {"+5", {}},
                              {"--5", {}},
                              {"-", {}},
                              {"", {}},
                              {" 5", {}},
                              {"5 ", {}},
                              {"5\n", {}},
                              {"5x", {}},
                              {"five", {}}});
}

TEST(Scalars, SayWhyANumberIsNone) {
  EXPECT_EQ(parse_integer("017").error().message, "must be a whole number without leading zeros");
  EXPECT_EQ(parse_integer("1e3").error().message, "must be a whole number");
  EXPECT_EQ(parse_integer("9223372036854775808").error().message, "is too large a number");
}

TEST(Scalars, YesAndNoAreNoBooleans) {
  expect_table<bool>(parse_bool, {{"true", true},
                                  {"false", false},
                                  {"True", {}},
                                  {"yes", {}},
                                  {"on", {}},
                                  {"1", {}},
                                  {"0", {}},
                                  {"", {}},
                                  {"~", {}}});
}

TEST(Scalars, Durations) {
  expect_table<Duration>(parse_duration, {{"0", 0ms},
                                          {"0ms", 0ms},
                                          {"500ms", 500ms},
                                          {"10s", 10s},
                                          {"5m", 5min},
                                          {"1h", 1h},
                                          {"2d", 48h},
                                          {"100000d", 2'400'000h},
                                          {"9223372036s", 9'223'372'036s},
                                          {"9223372037s", {}},  // more than 2^63 nanoseconds
                                          {"99999999999999999999s", {}},
                                          {"10", {}},
                                          {"-1s", {}},
                                          {"1.5s", {}},
                                          {"1h30m", {}},
                                          {"05s", {}},
                                          {"5 s", {}},
                                          {"5S", {}},
                                          {"5us", {}},
                                          {"s", {}},
                                          {"", {}}});
}

TEST(Scalars, TimeSpansOfFunctionJson) {
  expect_table<Duration>(parse_duration, {{"00:00:10", 10s},
                                          {"00:15:00", 15min},
                                          {"23:59:59", 86'399s},
                                          {"00:00:00.5", 500ms},
                                          {"00:00:00.1234567", 123'456'700ns},
                                          {"00:00:00.12345678999", 123'456'789ns},
                                          {"1.00:00:00", 24h},
                                          {"10.01:00:00", 241h},
                                          {"00:00", {}},
                                          {"0:00:10", {}},
                                          {"00:0:10", {}},
                                          {"24:00:00", {}},
                                          {"00:60:00", {}},
                                          {"00:00:60", {}},
                                          {"00:00:10.", {}},
                                          {"00:00:10:00", {}},
                                          {"-00:00:10", {}},
                                          {"01.00:00:00", {}},
                                          {".00:00:00", {}},
                                          {"10001.00:00:00", {}},
                                          {":", {}},
                                          {"::", {}},
                                          {"1.", {}}});
}

TEST(Scalars, Sizes) {
  expect_table<std::uint64_t>(parse_size, {{"0", 0},
                                           {"1024", 1'024},
                                           {"1B", 1},
                                           {"64KB", 64'000},
                                           {"64kb", 64'000},
                                           {"64KiB", 65'536},
                                           {"4MiB", 4u << 20},
                                           {"4MB", 4'000'000},
                                           {"1GB", 1'000'000'000},
                                           {"1GiB", 1u << 30},
                                           {"8589934591GiB", 8'589'934'591ull << 30},
                                           {"8589934592GiB", {}},
                                           {"4M", {}},
                                           {"4K", {}},
                                           {"1TB", {}},
                                           {"1.5MiB", {}},
                                           {"4 MiB", {}},
                                           {"-1", {}},
                                           {"04MiB", {}},
                                           {"MiB", {}},
                                           {"", {}}});
}

TEST(Scalars, Times) {
  expect_table<WallMillis>(parse_time, {{"1970-01-01T00:00:00Z", 0},
                                        {"2026-01-02T03:04:05Z", 1'767'323'045'000},
                                        {"2026-01-02t03:04:05z", 1'767'323'045'000},
                                        {"2026-01-02T03:04:05.678Z", 1'767'323'045'678},
                                        {"2026-01-02T03:04:05.6789Z", 1'767'323'045'678},
                                        {"2026-01-02T04:04:05+01:00", 1'767'323'045'000},
                                        {"2026-01-01T22:34:05-04:30", 1'767'323'045'000},
                                        {"2024-02-29T00:00:00Z", 1'709'164'800'000},
                                        {"9999-12-31T23:59:59Z", 253'402'300'799'000},
                                        {"1970-01-01T00:00:00+00:01", {}},
                                        {"2026-02-29T00:00:00Z", {}},
                                        {"2026-00-01T00:00:00Z", {}},
                                        {"2026-13-01T00:00:00Z", {}},
                                        {"2026-01-00T00:00:00Z", {}},
                                        {"2026-01-32T00:00:00Z", {}},
                                        {"2026-01-02T24:00:00Z", {}},
                                        {"2026-01-02T03:60:05Z", {}},
                                        {"2026-01-02T03:04:60Z", {}},
                                        {"2026-01-02T03:04:05", {}},
                                        {"2026-01-02T03:04Z", {}},
                                        {"2026-01-02 03:04:05Z", {}},
                                        {"2026-01-02", {}},
                                        {"2026-01-02T03:04:05.Z", {}},
                                        {"2026-01-02T03:04:05+0100", {}},
                                        {"2026-01-02T03:04:05+24:00", {}},
                                        {"2026-01-02T03:04:05Zx", {}},
                                        {"026-01-02T03:04:05Z", {}},
                                        {"", {}}});
}

TEST(Scalars, EnumeratorsAreOneInEverySpelling) {
  for (const char* text : {"saslSsl", "SaslSsl", "SASLSSL", "sasl_ssl", "SASL-SSL", "s_a_s_l_ssl"})
    EXPECT_EQ(enumerator_key(text), "saslssl") << text;
  EXPECT_NE(enumerator_key("sasl ssl"), "saslssl");
}

TEST(Scalars, ShortestText) {
  EXPECT_EQ(duration_text(0ms), "0");
  EXPECT_EQ(duration_text(1500ms), "1500ms");
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(120s), "2m");
  EXPECT_EQ(duration_text(24h), "1d");
  EXPECT_EQ(size_text(0), "0B");
  EXPECT_EQ(size_text(64'000), "64000B");
  EXPECT_EQ(size_text(1 << 10), "1KiB");
  EXPECT_EQ(size_text(3ull << 30), "3GiB");
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(1'767'323'045'006), "2026-01-02T03:04:05.006Z");
}

TEST(Scalars, WhatIsWrittenReadsBack) {
  for (const Duration duration : {Duration(0ms), Duration(1ms), Duration(999ms), Duration(1s), Duration(61s),
                                  Duration(3'600s), Duration(36h), Duration(240h)})
    EXPECT_EQ(*parse_duration(duration_text(duration)), duration) << duration_text(duration);
  for (const std::uint64_t size : {0ull, 1ull, 1'000ull, 1'024ull, 1'536ull, 1ull << 40, (1ull << 40) + 1})
    EXPECT_EQ(*parse_size(size_text(size)), size) << size_text(size);
  for (const WallMillis time : {0ll, 1ll, 1'767'323'045'678ll, 253'402'300'799'999ll})
    EXPECT_EQ(*parse_time(time_text(time)), time) << time_text(time);
}

}  // namespace
}  // namespace triggerd::config
