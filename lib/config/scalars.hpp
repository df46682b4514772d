// Text of one YAML scalar → a number, a duration, a size, a time; and back, for messages. Pure.
//
// yaml-cpp's own conversions are not used: they read 017 as 15 and yes as true. What is not written in
// exactly one of the forms below is refused. An Error's message completes "KEY: " ("must be a whole number").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace triggerd::config {

// -1, 0, 500: decimal, no leading zero, no plus, no underscore.
Result<std::int64_t> parse_integer(std::string_view text);
// true | false
Result<bool> parse_bool(std::string_view text);
// 500ms, 10s, 5m, 1h, 2d, 0; or .NET's TimeSpan as function.json has it: 00:00:10, 00:00:00.5, 1.00:00:00.
Result<Duration> parse_duration(std::string_view text);
// Bytes: 1024, 64KB (64,000), 4MiB (4,194,304); units in any case.
Result<std::uint64_t> parse_size(std::string_view text);
// RFC 3339 with a zone: 2026-01-02T03:04:05Z, 2026-01-02T03:04:05.678+01:00. Not before 1970.
Result<WallMillis> parse_time(std::string_view text);

// How enumerators are compared: lower case, without '_' and '-' (SaslSsl, SASLSSL and sasl_ssl are one).
std::string enumerator_key(std::string_view text);

// The shortest form that parse_duration and parse_size read back as the same value, to the millisecond.
std::string duration_text(Duration duration);
std::string size_text(std::uint64_t bytes);
// 2026-01-02T03:04:05Z, with milliseconds where there are any.
std::string time_text(WallMillis time);

}  // namespace triggerd::config
