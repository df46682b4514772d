#include "checkpoint/progress.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/invariant.hpp"
#include "checkpoint/crc32c.hpp"

namespace triggerd::checkpoint {
namespace {

constexpr std::string_view kName = "triggerd/";
constexpr std::string_view kVersion = "1";
constexpr char kSeparator = ':';
constexpr std::size_t kChecksumChars = 8;
constexpr std::size_t kMaxItemBytes = 26;  // two numbers of 64 bits
constexpr std::int64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned kDigitBits = 5;
constexpr unsigned kDigitMask = (1U << kDigitBits) - 1;
constexpr unsigned kMore = 1U << kDigitBits;
constexpr std::array<std::int8_t, 256> kDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return digits;
}();

void put(std::string& out, std::uint64_t number) {
  while (number > kDigitMask) {
    out += kAlphabet[(number & kDigitMask) | kMore];
    number >>= kDigitBits;
  }
  out += kAlphabet[number];
}

// From -1 or an offset to a higher one; one less is written, as it cannot be 0.
void put_distance(std::string& out, std::int64_t from, std::int64_t to) {
  put(out, static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) - 1);
}

// Takes a number off the front; nullopt: none, not as put() writes it, or over 64 bits.
std::optional<std::uint64_t> take(std::string_view& text) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !text.empty(); shift += kDigitBits) {
    const int digit = kDigits[static_cast<unsigned char>(text.front())];
    if (digit < 0) return std::nullopt;
    text.remove_prefix(1);
    const std::uint64_t bits = static_cast<unsigned>(digit) & kDigitMask;
    if ((bits << shift) >> shift != bits) return std::nullopt;
    number |= bits << shift;
    if ((static_cast<unsigned>(digit) & kMore) != 0) continue;
    if (bits == 0 && shift > 0) return std::nullopt;
    return number;
  }
  return std::nullopt;
}

// Where put_distance() has gone; nullopt also where that is past the last offset.
std::optional<std::int64_t> take_distance(std::string_view& text, std::int64_t from) {
  const auto number = take(text);
  const auto room = static_cast<std::uint64_t>(kMaxOffset) - static_cast<std::uint64_t>(from);
  if (!number || *number >= room) return std::nullopt;
  return from + static_cast<std::int64_t>(*number) + 1;
}

std::string hex(std::uint32_t value) {
  std::string text(kChecksumChars, '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

Error corrupt(const std::string& text) { return {"progress_corrupt", "commit metadata: " + text}; }

std::string_view take_field(std::string_view& text) {
  const std::size_t end = std::min(text.find(kSeparator), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

bool says_nothing(const Progress& progress) {
  return progress.settled.empty() && progress.attempts.empty() && !progress.born;
}

bool take_base(std::string_view field, Progress& progress) {
  std::int64_t base = -1;
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), base);
  progress.base = Offset{base};
  return parsed.ec == std::errc() && base >= 0 && std::to_string(base) == field;
}

bool take_settled(std::string_view field, Progress& progress) {
  for (std::int64_t cursor = progress.base.value - 1; !field.empty();) {
    const auto first = take_distance(field, cursor);
    const auto end = first ? take_distance(field, *first) : std::nullopt;
    if (!end) return false;
    progress.settled.push_back({Offset{*first}, Offset{*end}});
    cursor = *end;
  }
  return true;
}

bool take_attempts(std::string_view field, Progress& progress) {
  for (std::int64_t cursor = progress.base.value - 1; !field.empty();) {
    const auto offset = take_distance(field, cursor);
    const auto failed = offset ? take(field) : std::nullopt;
    if (!failed || *failed >= std::numeric_limits<std::uint32_t>::max()) return false;
    progress.attempts.push_back({Offset{*offset}, static_cast<std::uint32_t>(*failed + 1)});
    cursor = *offset;
  }
  return true;
}

bool take_journal(std::string_view field, Progress& progress) {
  if (field.empty()) return true;
  const auto id = take(field);
  const auto sequence = id ? take(field) : std::nullopt;
  if (!sequence || !field.empty()) return false;
  progress.journal = {*id, *sequence};
  return true;
}

bool take_born(std::string_view field, Progress& progress) {
  const auto born = take(field);
  progress.born = born;
  return born && field.empty();
}

// The fields between version and checksum.
Result<Progress> parse_fields(std::string_view fields) {
  const auto separators = std::ranges::count(fields, kSeparator);
  if (separators != 3 && separators != 4) return corrupt("the number of fields is wrong");
  Progress progress;
  if (!take_base(take_field(fields), progress)) return corrupt("the base offset is none");
  if (!take_settled(take_field(fields), progress)) return corrupt("the settled runs cannot be read");
  if (!take_attempts(take_field(fields), progress)) return corrupt("the attempts cannot be read");
  if (!take_journal(take_field(fields), progress)) return corrupt("the journal's name cannot be read");
  if (separators == 4 && !take_born(fields, progress)) return corrupt("the time of birth cannot be read");
  if (says_nothing(progress)) return corrupt("there is nothing in it");
  if (const std::string what = flaw(progress); !what.empty()) return corrupt(what);
  return progress;
}

}  // namespace

std::string flaw(const Progress& progress) {
  if (progress.base.value < 0) return "the base is below 0";
  std::int64_t cursor = progress.base.value - 1;
  for (const Interval& run : progress.settled) {
    if (run.first.value <= cursor) return "settled runs do not rise, or touch";
    if (run.end <= run.first) return "a settled run is empty";
    cursor = run.end.value;
  }
  cursor = progress.base.value - 1;
  auto run = progress.settled.begin();
  for (const Attempts& attempts : progress.attempts) {
    if (attempts.offset.value <= cursor) return "attempts do not rise";
    if (attempts.failed == 0) return "no attempt has failed";
    cursor = attempts.offset.value;
    while (run != progress.settled.end() && run->end <= attempts.offset) ++run;
    if (run != progress.settled.end() && run->first <= attempts.offset)
      return "a settled record has attempts";
  }
  return {};
}

Encoded encode(const Progress& progress, std::size_t most_bytes) {
  const std::string broken = flaw(progress);
  TRIGGERD_INVARIANT(broken.empty(), broken);
  if (says_nothing(progress)) return {{}, progress.base, true};

  std::string tail(1, kSeparator);
  if (progress.journal) {
    put(tail, progress.journal->id);
    put(tail, progress.journal->sequence);
  }
  if (progress.born) {
    tail += kSeparator;
    put(tail, *progress.born);
  }
  Encoded out{std::string(kName) + std::string(kVersion) + kSeparator, progress.base, true};
  out.text += std::to_string(progress.base.value) + kSeparator;
  // One separator is still to come before the attempts, one before the checksum.
  const std::size_t others = out.text.size() + tail.size() + 2 + kChecksumChars;
  TRIGGERD_INVARIANT(others + kMaxItemBytes <= most_bytes, "a limit too small for any progress");
  std::size_t room = most_bytes - others;
  std::string item;
  const auto append = [&] {
    out.whole = out.whole && item.size() <= room;
    if (!out.whole) return false;
    room -= item.size();
    out.text += item;
    item.clear();
    return true;
  };

  std::int64_t cursor = progress.base.value - 1;
  for (const Interval& run : progress.settled) {
    put_distance(item, cursor, run.first.value);
    put_distance(item, run.first.value, run.end.value);
    if (!append()) break;
    cursor = run.end.value;
    out.covered = run.end;
  }
  out.text += kSeparator;
  cursor = progress.base.value - 1;
  for (const Attempts& attempts : progress.attempts) {
    put_distance(item, cursor, attempts.offset.value);
    put(item, attempts.failed - 1);
    if (!append()) break;
    cursor = attempts.offset.value;
  }
  out.text += tail;
  out.text += kSeparator + hex(crc32c(out.text));
  return out;
}

Result<Progress> decode(std::string_view text, Offset committed, std::size_t most_bytes) {
  if (text.empty()) return Progress{.base = committed};
  if (!text.starts_with(kName)) return Error{"progress_foreign", "commit metadata: another program's"};
  std::string_view rest = text.substr(kName.size());
  if (const std::string_view version = take_field(rest); version != kVersion)
    return Error{"progress_newer",
                 "commit metadata: version '" + std::string(version.substr(0, 8)) + "' is not known here"};
  if (text.size() > most_bytes) return corrupt("longer than " + std::to_string(most_bytes) + " bytes");
  if (rest.size() <= kChecksumChars) return corrupt("it is cut off");
  const std::size_t end = text.size() - kChecksumChars - 1;
  if (text[end] != kSeparator || text.substr(end + 1) != hex(crc32c(text.substr(0, end))))
    return corrupt("the checksum is wrong");
  TRY(Progress progress, parse_fields(rest.substr(0, rest.size() - kChecksumChars - 1)));
  if (progress.base != committed) {
    return Error{"progress_stale", "commit metadata: it is for offset " +
                                       std::to_string(progress.base.value) + ", not for " +
                                       std::to_string(committed.value)};
  }
  return progress;
}

}  // namespace triggerd::checkpoint
