// Properties of the text in a commit's metadata: what it says is what was put in, or it says nothing.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "checkpoint/crc32c.hpp"
#include "checkpoint/progress.hpp"
#include "sim/random.hpp"
#include "support/progress_text.hpp"

namespace triggerd::checkpoint {
namespace {

constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kNoLimit = std::size_t{1} << 30;

// 1 or more, short and long alike: RapidCheck's own numbers would be all small or all huge.
std::int64_t length(sim::Random& dice, std::uint32_t most_bits) {
  const std::uint32_t bits = dice.between(0, most_bits);
  std::int64_t value = 1;
  for (std::uint32_t i = 0; i < bits; ++i) value = value * 2 + dice.between(0, 1);
  return value;
}

Progress any_progress(sim::Random& dice, std::uint32_t most_runs) {
  Progress progress{Offset{length(dice, 62) - 1}};
  const std::uint32_t bits = dice.chance(300) ? 62 : dice.between(1, 20);
  std::int64_t cursor = progress.base.value - (dice.chance(200) ? 1 : 0);
  const std::uint32_t runs = dice.between(0, most_runs);
  for (std::uint32_t i = 0; i < runs; ++i) {
    const std::int64_t gap = length(dice, bits);
    const std::int64_t size = length(dice, bits);
    if (gap > kLast - 1 - cursor || size > kLast - (cursor + gap)) break;
    const std::int64_t first = cursor + gap;
    if (dice.chance(200) && cursor >= progress.base.value)
      progress.attempts.push_back({Offset{first - 1}, static_cast<std::uint32_t>(length(dice, 31))});
    progress.settled.push_back({Offset{first}, Offset{first + size}});
    cursor = first + size;
  }
  if (dice.chance(500)) progress.attempts.push_back({Offset{std::max(cursor, progress.base.value)}, 1});
  if (dice.chance(300)) progress.journal = JournalRef{dice.next(), dice.between(0, 1000)};
  return progress;
}

// A seed, and now and then thousands of runs.
Progress any_progress() {
  sim::Random dice(*rc::gen::arbitrary<std::uint64_t>());
  const std::uint32_t most = dice.chance(400) ? 6'000 : dice.between(1, 40);
  return any_progress(dice, most);
}

bool empty(const Progress& progress) { return progress.settled.empty() && progress.attempts.empty(); }

template <typename T>
bool begins_with(const std::vector<T>& all, const std::vector<T>& part) {
  return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin());
}

void expect(bool holds) { EXPECT_TRUE(holds); }

TEST(ProgressProperty, WhatIsWrittenIsReadBackAndInOneWayOnly) {
  expect(rc::check([] {
    Progress progress = any_progress();
    RC_ASSERT(flaw(progress) == "");
    const Encoded encoded = encode(progress, kNoLimit);
    RC_ASSERT(encoded.whole);
    if (empty(progress)) progress.journal.reset();
    const auto decoded = decode(encoded.text, progress.base, kNoLimit);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == progress);
    RC_ASSERT(encode(*decoded, kNoLimit) == encoded);
  }));
}

TEST(ProgressProperty, ACutTextSaysTheBeginning) {
  std::size_t cut = 0, cut_at_most = 0;
  expect(rc::check([&] {
    const Progress progress = any_progress();
    const std::size_t limit =
        *rc::gen::elementOf(std::vector<std::size_t>{kMaxMetadataBytes, kMaxMetadataBytes, 128, 1000});
    const Encoded encoded = encode(progress, limit);
    const std::size_t whole_bytes = encode(progress, kNoLimit).text.size();
    RC_ASSERT(encoded.text.size() <= limit);
    RC_ASSERT(encoded.whole == (whole_bytes <= limit));
    RC_ASSERT(std::ranges::all_of(encoded.text, [](char c) { return c > ' ' && c < 0x7f; }));
    const auto decoded = decode(encoded.text, progress.base, limit);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(begins_with(progress.settled, decoded->settled));
    RC_ASSERT(begins_with(progress.attempts, decoded->attempts));
    RC_ASSERT(encoded.covered == (decoded->settled.empty() ? progress.base : decoded->settled.back().end));
    if (decoded->settled.size() < progress.settled.size()) RC_ASSERT(decoded->attempts.empty());
    if (!empty(progress)) RC_ASSERT(decoded->journal == progress.journal);
    // One more item would not have fitted.
    if (!encoded.whole) RC_ASSERT(encoded.text.size() + 26 > limit);
    cut += encoded.whole ? 0 : 1;
    cut_at_most += encoded.text.size() > kMaxMetadataBytes - 26 ? 1 : 0;
  }));
  EXPECT_GT(cut, 0U) << "the generator makes none that are too long";
  EXPECT_GT(cut_at_most, 0U);
}

// Of 2^32 such texts one would be taken.
TEST(ProgressProperty, AChangedTextIsAnError) {
  expect(rc::check([] {
    const Progress progress = any_progress();
    const std::string text = encode(progress).text;
    if (text.empty()) return;
    sim::Random dice(*rc::gen::arbitrary<std::uint64_t>());
    const auto size = static_cast<std::uint32_t>(text.size());
    std::string changed = text;
    const std::uint32_t at = dice.between(0, size - 1);
    switch (dice.between(0, 5)) {
      case 0: changed[at] = static_cast<char>(changed[at] ^ (1 << dice.between(0, 7))); break;
      case 1: changed.resize(dice.between(1, size - 1)); break;
      case 2: changed.erase(at, dice.between(1, 8)); break;
      case 3: changed.insert(at, 1, text[dice.between(0, size - 1)]); break;
      case 4: std::swap(changed[at], changed[dice.between(0, size - 1)]); break;
      default: changed += changed.substr(at); break;
    }
    if (changed.empty() || changed == text) return;
    RC_ASSERT(decode(changed, progress.base).has_error());
  }));
}

TEST(ProgressProperty, EveryChangedBitAndEveryCutIsAnError) {
  expect(rc::check([] {
    sim::Random dice(*rc::gen::arbitrary<std::uint64_t>());
    const Progress progress = any_progress(dice, 8);
    const std::string text = encode(progress).text;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (at > 0) RC_ASSERT(decode(text.substr(0, at), progress.base).has_error());
      for (int bit = 0; bit < 8; ++bit) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
        RC_ASSERT(decode(changed, progress.base).has_error());
      }
    }
  }));
}

// Whoever writes the right checksum under rubbish: refused, or a text we could have written.
TEST(ProgressProperty, RubbishWithARightChecksumIsRefusedOrOurs) {
  std::size_t taken = 0;
  expect(rc::check([&] {
    sim::Random dice(*rc::gen::arbitrary<std::uint64_t>());
    static constexpr std::string_view kChars = "ABCDEFGHgh5_-:";
    std::string text = "triggerd/1:5:";
    for (std::uint32_t i = dice.between(0, 5); i > 0; --i)
      text += kChars[dice.between(0, static_cast<std::uint32_t>(kChars.size()) - 1)];
    text += std::string(dice.between(0, 2), ':');
    const std::uint32_t checksum = crc32c(text);
    text += ':';
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(checksum >> shift) & 15];
    const auto decoded = decode(text, Offset{5});
    if (!decoded) return;
    ++taken;
    RC_ASSERT(flaw(*decoded) == "");
    RC_ASSERT(encode(*decoded).text == text);
  }));
  EXPECT_GT(taken, 0U) << "the generator never hits";
}

}  // namespace
}  // namespace triggerd::checkpoint
