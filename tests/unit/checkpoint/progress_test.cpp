// What a commit's metadata says, as text and back; and every text that must be refused.
#include "checkpoint/progress.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "checkpoint/crc32c.hpp"
#include "support/progress_text.hpp"

namespace triggerd::checkpoint {
namespace {

constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

static_assert(crc32c("123456789") == 0xe3069283, "the check value of CRC-32C");

Interval run(std::int64_t first, std::int64_t end) { return {Offset{first}, Offset{end}}; }
Attempts failed(std::int64_t offset, std::uint32_t count) { return {Offset{offset}, count}; }

std::string checked(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = text + ':';
  for (int shift = 28; shift >= 0; shift -= 4) out += kHex[(crc32c(text) >> shift) & 15];
  return out;
}

std::string code(const Result<Progress>& result) { return result ? "none" : result.error().code; }

struct Row {
  const char* name;
  Progress progress;
  std::string text;  // without the checksum
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class ProgressText : public testing::TestWithParam<Row> {};

TEST_P(ProgressText, IsThisAndIsReadBack) {
  const auto& [name, progress, text] = GetParam();
  const Encoded encoded = encode(progress);
  EXPECT_EQ(encoded.text, checked(text));
  EXPECT_TRUE(encoded.whole);
  EXPECT_EQ(encoded.covered, progress.settled.empty() ? progress.base : progress.settled.back().end);
  const auto decoded = decode(encoded.text, progress.base);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, progress);
}

const Row kRows[] = {
    {"one_gap", {Offset{10}, {run(11, 12)}}, "triggerd/1:10:BA::"},
    {"settled_from_the_base_on", {Offset{10}, {run(10, 12)}}, "triggerd/1:10:AB::"},
    {"base_zero", {Offset{0}, {run(1, 2)}}, "triggerd/1:0:BA::"},
    {"longest_of_one_digit", {Offset{0}, {run(31, 63)}}, "triggerd/1:0:ff::"},
    {"first_of_two_digits", {Offset{0}, {run(32, 65)}}, "triggerd/1:0:gBgB::"},
    {"two_gaps", {Offset{4711}, {run(4713, 4720), run(4721, 4722)}}, "triggerd/1:4711:CGAA::"},
    {"a_far_run", {Offset{0}, {run(1'000'000, 1'000'001)}}, "triggerd/1:0:gyweA::"},
    {"attempts_of_the_base", {Offset{5}, {}, {failed(5, 1)}}, "triggerd/1:5::AA:"},
    {"attempts", {Offset{5}, {}, {failed(5, 3), failed(6, 1), failed(9, 33)}}, "triggerd/1:5::ACAACgB:"},
    {"attempts_between_runs",
     {Offset{5}, {run(6, 8), run(9, 10)}, {failed(5, 1), failed(8, 2), failed(10, 1)}},
     "triggerd/1:5:BBAA:AACBBA:"},
    {"journal", {Offset{5}, {run(6, 7)}, {}, JournalRef{1, 32}}, "triggerd/1:5:BA::BgB"},
    {"birth", {.base = Offset{5}, .born = 33}, "triggerd/1:5::::hB"},
    {"birth_and_a_run", {.base = Offset{5}, .settled = {run(6, 7)}, .born = 1}, "triggerd/1:5:BA:::B"},
    {"birth_and_a_journal",
     {.base = Offset{5}, .settled = {run(6, 7)}, .journal = JournalRef{1, 32}, .born = 0},
     "triggerd/1:5:BA::BgB:A"},
    {"largest_numbers",
     {Offset{0},
      {run(1, kLast - 2)},
      {failed(kLast, std::numeric_limits<std::uint32_t>::max())},
      JournalRef{kMost, kMost}},
     "triggerd/1:0:B7___________H:____________H-_____D:____________P____________P"},
    {"last_offset",
     {Offset{kLast - 3}, {run(kLast - 2, kLast)}, {failed(kLast, 1)}},
     "triggerd/1:9223372036854775804:BB:DA:"},
};

INSTANTIATE_TEST_SUITE_P(Table, ProgressText, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Progress, TheExampleOfTheHeaderIsTrue) {
  EXPECT_EQ(encode({Offset{4711}, {run(4712, 4743), run(4744, 4745)}, {failed(4711, 2)}}).text,
            "triggerd/1:4711:BeAA:AB::571d7db1");
}

TEST(Progress, NothingIsAnEmptyText) {
  EXPECT_EQ(encode({Offset{7}}), (Encoded{"", Offset{7}, true}));
  EXPECT_EQ(encode({Offset{7}, {}, {}, JournalRef{1, 2}}), (Encoded{"", Offset{7}, true}));
  EXPECT_EQ(decode("", Offset{7}).value(), Progress{Offset{7}});
}

TEST(Progress, IsNotMoreThanTheMetadataMayBe) {
  Progress progress{Offset{1'000'000}};
  for (std::int64_t at = 1'000'001; progress.settled.size() < 50'000; at += 2)
    progress.settled.push_back(run(at, at + 1));
  progress.attempts = {failed(1'000'000, 1)};
  progress.journal = JournalRef{kMost, 77};
  const Encoded encoded = encode(progress);
  EXPECT_LE(encoded.text.size(), kMaxMetadataBytes);
  EXPECT_GT(encoded.text.size(), kMaxMetadataBytes - 2);
  EXPECT_FALSE(encoded.whole);
  const auto decoded = decode(encoded.text, progress.base);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_GE(decoded->settled.size(), 2'000U) << "what the header says";
  EXPECT_EQ(decoded->settled.back().end, encoded.covered);
  EXPECT_TRUE(
      std::ranges::equal(decoded->settled, std::span(progress.settled).first(decoded->settled.size())))
      << "those nearest to the base";
  EXPECT_TRUE(decoded->attempts.empty()) << "settled runs matter more";
  EXPECT_EQ(decoded->journal, progress.journal) << "the rest is there";
}

TEST(Progress, AttemptsAreCutBeforeSettledRunsAndFarOnesFirst) {
  Progress progress{Offset{0}, {run(5'000, 6'000)}};
  for (std::uint32_t at = 0; at < 5'000; ++at) progress.attempts.push_back(failed(at, at + 1));
  const Encoded encoded = encode(progress);
  EXPECT_FALSE(encoded.whole);
  EXPECT_EQ(encoded.covered, Offset{6'000});
  const auto decoded = decode(encoded.text, Offset{0});
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->settled, progress.settled);
  EXPECT_GT(decoded->attempts.size(), 1'000U);
  EXPECT_TRUE(
      std::ranges::equal(decoded->attempts, std::span(progress.attempts).first(decoded->attempts.size())));
}

TEST(Progress, FitsToTheByte) {
  Progress progress{Offset{5}, {run(6, 8)}, {failed(5, 1)}};
  for (std::int64_t at = 9; at < 99; at += 2) progress.settled.push_back(run(at, at + 1));
  progress.attempts.push_back(failed(99, 2));
  const std::size_t size = encode(progress).text.size();
  EXPECT_TRUE(encode(progress, size).whole);

  Progress kept = progress;
  kept.attempts.pop_back();
  EXPECT_EQ(encode(progress, size - 1).covered, Offset{98});
  EXPECT_FALSE(encode(progress, size - 1).whole);
  EXPECT_EQ(decode(encode(progress, size - 1).text, Offset{5}).value(), kept);
  kept.attempts.clear();
  kept.settled.pop_back();
  const std::size_t without_attempts = encode({Offset{5}, progress.settled}).text.size();
  EXPECT_EQ(encode(progress, without_attempts - 1).covered, Offset{96});
  EXPECT_EQ(decode(encode(progress, without_attempts - 1).text, Offset{5}).value(), kept);
}

struct Refused {
  const char* name;
  std::string text;
  const char* code;
};
void PrintTo(const Refused& row, std::ostream* out) { *out << row.name; }

class RefusedText : public testing::TestWithParam<Refused> {};

TEST_P(RefusedText, IsAnErrorThatSaysWhoseFaultItIs) {
  EXPECT_EQ(code(decode(GetParam().text, Offset{5})), GetParam().code);
}

const Refused kRefused[] = {
    {"another_programs", "{\"host\":\"a\"}", "progress_foreign"},
    {"white_space", " ", "progress_foreign"},
    {"bytes", std::string("\0\xff\x01", 3), "progress_foreign"},
    {"very_long", std::string(100'000, 'x'), "progress_foreign"},
    {"half_our_name", "trigg", "progress_foreign"},
    {"case", "Triggerd/1:5:BA::", "progress_foreign"},
    {"next_version", checked("triggerd/2:5:BA::"), "progress_newer"},
    {"version_10", checked("triggerd/10:5:BA::"), "progress_newer"},
    {"no_version", checked("triggerd/:5:BA::"), "progress_newer"},
    {"only_our_name", "triggerd/", "progress_newer"},
    {"only_our_version", "triggerd/1", "progress_corrupt"},
    {"only_a_checksum", checked("triggerd/1"), "progress_corrupt"},
    {"no_checksum", "triggerd/1:5:BA::", "progress_corrupt"},
    {"wrong_checksum", "triggerd/1:5:BA:::00000000", "progress_corrupt"},
    {"something_behind", checked("triggerd/1:5:BA::") + " ", "progress_corrupt"},
    {"another_base", checked("triggerd/1:6:BA::"), "progress_stale"},
    {"no_base", checked("triggerd/1::BA::"), "progress_corrupt"},
    {"base_below_zero", checked("triggerd/1:-1:BA::"), "progress_corrupt"},
    {"base_with_a_zero", checked("triggerd/1:05:BA::"), "progress_corrupt"},
    {"base_with_a_sign", checked("triggerd/1:+5:BA::"), "progress_corrupt"},
    {"base_and_more", checked("triggerd/1:5x:BA::"), "progress_corrupt"},
    {"base_over_63_bits", checked("triggerd/1:9223372036854775808:BA::"), "progress_corrupt"},
    {"too_few_fields", checked("triggerd/1:5:BA:"), "progress_corrupt"},
    {"no_birth", checked("triggerd/1:5:BA:::"), "progress_corrupt"},
    {"two_births", checked("triggerd/1:5:BA:::BB"), "progress_corrupt"},
    {"six_fields", checked("triggerd/1:5:BA:::B:"), "progress_corrupt"},
    {"nothing_in_it", checked("triggerd/1:5:::"), "progress_corrupt"},
    {"only_a_journal", checked("triggerd/1:5:::BB"), "progress_corrupt"},
    {"gap_without_run", checked("triggerd/1:5:B::"), "progress_corrupt"},
    {"number_cut_off", checked("triggerd/1:5:Bg::"), "progress_corrupt"},
    {"number_with_a_zero", checked("triggerd/1:5:BgA::"), "progress_corrupt"},
    {"not_a_digit", checked("triggerd/1:5:B=::"), "progress_corrupt"},
    {"high_bit", checked("triggerd/1:5:B\xc1::"), "progress_corrupt"},
    {"run_past_the_last_offset", checked("triggerd/1:5:B5___________H::"), "progress_corrupt"},
    {"gap_past_the_last_offset", checked("triggerd/1:5:6___________HA::"), "progress_corrupt"},
    {"number_over_64_bits", checked("triggerd/1:5:BA::ggggggggggggQB"), "progress_corrupt"},
    {"number_of_14_digits", checked("triggerd/1:5:BA::_____________BB"), "progress_corrupt"},
    {"attempts_without_count", checked("triggerd/1:5::A:"), "progress_corrupt"},
    {"attempts_over_32_bits", checked("triggerd/1:5::A______D:"), "progress_corrupt"},
    {"attempts_past_the_last_offset", checked("triggerd/1:5::7___________HA:"), "progress_corrupt"},
    {"attempts_of_a_settled_record", checked("triggerd/1:5:BA:BA:"), "progress_corrupt"},
    {"journal_without_sequence", checked("triggerd/1:5:BA::B"), "progress_corrupt"},
    {"journal_and_more", checked("triggerd/1:5:BA::BBB"), "progress_corrupt"},
};

INSTANTIATE_TEST_SUITE_P(Table, RefusedText, testing::ValuesIn(kRefused),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Progress, AChecksumIsWrittenInOneWayOnly) {
  std::string text = checked("triggerd/1:5:BA::");
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c; });
  ASSERT_NE(text.substr(text.size() - 8), checked("triggerd/1:5:BA::").substr(text.size() - 8));
  text.replace(0, 8, "triggerd");
  EXPECT_EQ(code(decode(text, Offset{5})), "progress_corrupt");
}

// The rows above are refused for what their names say: each is one step from a text that is taken.
TEST(Progress, TheNeighboursOfTheRefusedTextsAreTaken) {
  for (const char* text :
       {"triggerd/1:5:BA::", "triggerd/1:5:BgB::", "triggerd/1:5:B4___________H::",
        "triggerd/1:5:5___________HA::", "triggerd/1:5:BA::____________PB", "triggerd/1:5::A-_____D:",
        "triggerd/1:5::6___________HA:", "triggerd/1:5:BA:AA:", "triggerd/1:5:BA::BB"}) {
    const auto decoded = decode(checked(text), Offset{5});
    EXPECT_TRUE(decoded) << text << ": " << decoded.error().message;
  }
}

TEST(Progress, LongerThanTheMetadataMayBeIsRefusedUnlessAskedFor) {
  Progress progress{Offset{0}};
  for (std::int64_t at = 1; at < 10'000; at += 2) progress.settled.push_back(run(at, at + 1));
  const Encoded encoded = encode(progress, 1u << 20);
  ASSERT_GT(encoded.text.size(), kMaxMetadataBytes);
  EXPECT_EQ(code(decode(encoded.text, Offset{0})), "progress_corrupt");
  EXPECT_EQ(decode(encoded.text, Offset{0}, 1u << 20).value(), progress);
}

TEST(Progress, FlawsAreNamed) {
  const struct {
    Progress progress;
    const char* what;
  } rows[] = {
      {{Offset{5}, {run(5, 6), run(7, 9)}, {failed(6, 1), failed(9, 1)}}, ""},
      {{Offset{-1}}, "the base is below 0"},
      {{Offset{5}, {run(4, 6)}}, "settled runs do not rise, or touch"},
      {{Offset{5}, {run(6, 8), run(8, 9)}}, "settled runs do not rise, or touch"},
      {{Offset{5}, {run(6, 6)}}, "a settled run is empty"},
      {{Offset{5}, {run(7, 6)}}, "a settled run is empty"},
      {{Offset{5}, {}, {failed(4, 1)}}, "attempts do not rise"},
      {{Offset{5}, {}, {failed(6, 1), failed(6, 1)}}, "attempts do not rise"},
      {{Offset{5}, {}, {failed(6, 0)}}, "no attempt has failed"},
      {{Offset{5}, {run(6, 8)}, {failed(5, 1), failed(7, 1)}}, "a settled record has attempts"},
      {{Offset{5}, {run(6, 8), run(9, 10)}, {failed(8, 1), failed(9, 1)}}, "a settled record has attempts"},
  };
  for (const auto& row : rows) EXPECT_EQ(flaw(row.progress), row.what) << row.progress;
}

TEST(ProgressDeathTest, AFlawIsNeverWritten) {
  EXPECT_DEATH(encode({Offset{5}, {run(6, 8)}, {failed(7, 1)}}), "a settled record has attempts");
}

}  // namespace
}  // namespace triggerd::checkpoint
