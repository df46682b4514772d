// What is done beyond the first gap of a partition, as text for its commit's metadata (design §6b 5). Pure.
//
//   triggerd/1:4711:BeAA:AB::571d7db1
//   name/version : base : settled : attempts : journal [: born] : checksum (CRC-32C of all before its colon)
//
// settled: gap and run in turn, from the base on; here 4712 to 4742, and 4744. attempts: the distance to each
// record and its count; here 4711, twice. journal: id and sequence, or nothing. Numbers are base-32 digits,
// lowest first, in the base64url alphabet, whose sixth bit says that more follow; what cannot be 0 is written
// less 1. born is there only where it says something. That is ASCII, and two characters for a small gap and a
// run of up to 32 records, so 2,000 such gaps fit. (Varints of bytes in base64 would take 2.7 characters.)
//
// A text that is not ours, damaged, or of another base is an error, never a wrong Progress: work would be
// skipped. Another version is refused too, so a new one may change everything behind its number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/types.hpp"

namespace triggerd::checkpoint {

// offset.metadata.max.bytes of a broker as it comes; one commit over it fails its neighbours' too.
inline constexpr std::size_t kMaxMetadataBytes = 4096;

// All received records in [first, end) are settled.
struct Interval {
  Offset first, end;
  bool operator==(const Interval&) const = default;
};

// A record that is not settled, and how many attempts have failed.
struct Attempts {
  Offset offset;
  std::uint32_t failed = 0;
  bool operator==(const Attempts&) const = default;
};

// The record of the daemon's journal (trigger/journal.hpp) that holds this progress whole.
struct JournalRef {
  std::uint64_t id = 0;  // of the journal file
  std::uint64_t sequence = 0;
  bool operator==(const JournalRef&) const = default;
};

// Invariants: settled intervals are not empty, rise and do not touch, the first at or beyond the base;
// attempts rise, at or beyond the base, in no settled interval, none of 0.
struct Progress {
  Offset base;  // the committed offset
  std::vector<Interval> settled{};
  std::vector<Attempts> attempts{};
  std::optional<JournalRef> journal{};
  // When the partition was begun without a commit, in seconds since 1970; kept where `startFrom` is latest,
  // to tell a group that has only just begun from an old one (later_partitions.hpp).
  std::optional<std::uint64_t> born{};
  bool operator==(const Progress&) const = default;
};

// Which invariant does not hold; empty: all do.
std::string flaw(const Progress& progress);

struct Encoded {
  std::string text;
  Offset covered;     // the settled intervals that end at or below it are all in the text
  bool whole = true;  // so is everything else
  bool operator==(const Encoded&) const = default;
};

// Nothing settled, no attempts and no birth is an empty text: the usual commit costs nothing. What does not
// fit is cut from the end: first attempts, which cost an attempt more, then settled runs, which cost work
// done twice; of each, what is farthest from the base. The journal's name is never cut.
Encoded encode(const Progress& progress, std::size_t most_bytes = kMaxMetadataBytes);

// An empty text is a Progress with nothing in it. Errors: progress_foreign (another program's),
// progress_newer (a version we do not know), progress_corrupt, progress_stale (it is for another base).
Result<Progress> decode(std::string_view text, Offset committed, std::size_t most_bytes = kMaxMetadataBytes);

}  // namespace triggerd::checkpoint
