#include "config/scalars.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace triggerd::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr std::int64_t kSecond = 1'000'000'000;  // Duration counts nanoseconds
constexpr std::array<Unit, 5> kDurationUnits{{{"d", 86'400 * kSecond},
                                              {"h", 3'600 * kSecond},
                                              {"m", 60 * kSecond},
                                              {"s", kSecond},
                                              {"ms", 1'000'000}}};
constexpr std::array<Unit, 7> kSizeUnits{{{"gib", 1 << 30},
                                          {"gb", 1'000'000'000},
                                          {"mib", 1 << 20},
                                          {"mb", 1'000'000},
                                          {"kib", 1 << 10},
                                          {"kb", 1'000},
                                          {"b", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

Error bad(const char* message) { return {"bad_value", message}; }

// All of `text` as digits, without a leading zero; nothing where it is something else or does not fit.
std::optional<std::int64_t> digits(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, c - '0', &value))
      return std::nullopt;
  }
  return value;
}

// A cursor for the formats with fixed fields.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}
  // Exactly `width` digits, at most `most`.
  Fields& number(std::size_t width, int most, int& out) {
    out = 0;
    if (rest_.size() < width) return fail();
    for (std::size_t i = 0; i < width; ++i) {
      if (!is_digit(rest_[i])) return fail();
      out = out * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return out <= most ? *this : fail();
  }
  Fields& literal(char c) { return take(c) ? *this : fail(); }
  bool take(char c) {
    if (rest_.empty() || lower(rest_[0]) != lower(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // The digits after a point, as nanoseconds; further digits than nine are dropped.
  Fields& fraction(std::int64_t& nanoseconds) {
    std::size_t n = 0;
    std::int64_t scale = kSecond;
    for (; n < rest_.size() && is_digit(rest_[n]); ++n) {
      scale /= 10;
      nanoseconds += scale * (rest_[n] - '0');
    }
    rest_.remove_prefix(n);
    return n > 0 ? *this : fail();
  }
  std::string_view rest() const { return rest_; }
  bool complete() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  Fields& fail() {
    ok_ = false;
    rest_ = {};
    return *this;
  }
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<Duration> timespan(std::string_view text) {
  std::int64_t days = 0;
  const std::size_t colon = text.find(':');
  if (const std::size_t point = text.substr(0, colon).find('.'); point != std::string_view::npos) {
    const auto d = digits(text.substr(0, point));
    if (!d || *d > 10'000) return std::nullopt;
    days = *d;
    text.remove_prefix(point + 1);
  }
  int hours = 0, minutes = 0, seconds = 0;
  std::int64_t nanoseconds = 0;
  Fields fields(text);
  fields.number(2, 23, hours).literal(':').number(2, 59, minutes).literal(':').number(2, 59, seconds);
  if (fields.take('.')) fields.fraction(nanoseconds);
  if (!fields.complete()) return std::nullopt;
  return Duration((days * 86'400 + hours * 3'600 + minutes * 60 + seconds) * kSecond + nanoseconds);
}

// NUMBER UNIT as a whole number of the smallest unit.
template <std::size_t N>
std::optional<std::int64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
  const std::size_t end = text.find_first_not_of("0123456789");
  if (end == std::string_view::npos) return std::nullopt;
  const auto number = digits(text.substr(0, end));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    std::int64_t value = 0;
    if (text.substr(end) != unit.name) continue;
    if (__builtin_mul_overflow(*number, unit.factor, &value)) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

}  // namespace

Result<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view number = negative ? text.substr(1) : text;
  if (const auto value = digits(number)) return negative ? -*value : *value;
  const bool all_digits = !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
  if (all_digits && number[0] == '0') return bad("must be a whole number without leading zeros");
  return bad(all_digits ? "is too large a number" : "must be a whole number");
}

Result<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return bad("must be true or false");
}

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{};
  if (const auto value = with_unit(text, kDurationUnits)) return Duration(*value);
  if (const auto value = timespan(text)) return *value;
  return bad("must be a duration such as 500ms, 10s, 5m or 1h");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  if (const auto value = digits(text)) return static_cast<std::uint64_t>(*value);
  if (const auto value = with_unit(lowered(text), kSizeUnits)) return static_cast<std::uint64_t>(*value);
  return bad("must be a size such as 1024, 64KB or 4MiB");
}

Result<WallMillis> parse_time(std::string_view text) {
  namespace chrono = std::chrono;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone_hour = 0, zone_minute = 0;
  std::int64_t nanoseconds = 0;
  Fields fields(text);
  fields.number(4, 9999, year).literal('-').number(2, 12, month).literal('-').number(2, 31, day);
  fields.literal('T')
      .number(2, 23, hour)
      .literal(':')
      .number(2, 59, minute)
      .literal(':')
      .number(2, 59, second);
  if (fields.take('.')) fields.fraction(nanoseconds);
  int sign = 0;
  if (fields.ok() && !fields.take('Z')) {
    sign = fields.take('-') ? -1 : 1;
    if (sign > 0) fields.literal('+');
    fields.number(2, 23, zone_hour).literal(':').number(2, 59, zone_minute);
  }
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!fields.complete() || !date.ok()) return bad("must be a time such as 2026-01-02T03:04:05Z");
  const std::int64_t days = chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      days * 86'400 + hour * 3'600 + minute * 60 + second - sign * (zone_hour * 3'600 + zone_minute * 60);
  const WallMillis millis = seconds * 1'000 + nanoseconds / 1'000'000;
  if (millis < 0) return bad("must not be before 1970");
  return millis;
}

std::string enumerator_key(std::string_view text) {
  std::string key;
  for (const char c : text)
    if (c != '_' && c != '-') key += lower(c);
  return key;
}

std::string duration_text(Duration duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0";
  for (const Unit& unit : kDurationUnits)
    if (count % unit.factor == 0) return std::to_string(count / unit.factor) + std::string(unit.name);
  return std::to_string(count / 1'000'000) + "ms";
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::pair<const char*, int>, 3> kBinary{{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}}};
  for (const auto& [name, shift] : kBinary)
    if (bytes != 0 && bytes % (1ull << shift) == 0) return std::to_string(bytes >> shift) + name;
  return std::to_string(bytes) + "B";
}

std::string time_text(WallMillis time) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::milliseconds> point{chrono::milliseconds(time)};
  const auto day = chrono::floor<chrono::days>(point);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(point - day);
  const auto padded = [](std::int64_t number, std::size_t width) {
    const std::string digits = std::to_string(number);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  };
  std::string result = padded(static_cast<int>(date.year()), 4) + "-" +
                       padded(static_cast<unsigned>(date.month()), 2) + "-" +
                       padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) +
                       ":" + padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2);
  if (const auto milliseconds = clock.subseconds().count(); milliseconds != 0)
    result += "." + padded(milliseconds, 3);
  return result + "Z";
}

}  // namespace triggerd::config
