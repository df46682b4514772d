// A commit's metadata and a journal of any bytes: refused, or read as what would be written again as the
// same. Right checksums are put under the input, or a fuzzer would never come behind them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "checkpoint/crc32c.hpp"
#include "checkpoint/journal_format.hpp"
#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {
namespace {

constexpr Offset kBase{5};

void require(bool holds) {
  if (!holds) std::abort();
}

void check_text(std::string_view text) {
  const auto progress = decode(text, kBase);
  if (!progress) return require(progress.error().code.starts_with("progress_"));
  require(text.size() <= kMaxMetadataBytes);
  require(flaw(*progress).empty() && progress->base == kBase);
  const Encoded again = encode(*progress);
  require(again.whole && again.text == text);
}

std::string checked_text(std::string_view fields) {
  std::string text = "triggerd/1:5:" + std::string(fields);
  const std::uint32_t checksum = crc32c(text);
  text += ':';
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(checksum >> shift) & 15];
  return text;
}

void put(std::string& out, std::size_t number) {
  const auto value = static_cast<std::uint32_t>(number);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Payloads of the lengths that the input says, then what is left of it as it is.
std::string checked_journal(std::string_view input) {
  std::string file = encode_journal_head(1);
  while (input.size() > 1 && (input[0] & 1) != 0) {
    const std::size_t size = static_cast<unsigned char>(input[0]) >> 1;
    const std::string_view payload = input.substr(1, size);
    put(file, payload.size());
    put(file, crc32c(payload));
    file += payload;
    input.remove_prefix(1 + payload.size());
  }
  return file + std::string(input);
}

void check_journal(std::string_view file) {
  const auto scan = scan_journal(file, "group");
  if (!scan) return;
  require(scan->end <= file.size() && scan->damage.empty() == (scan->end == file.size()));
  for (const auto& [source, place] : scan->last) {
    require(place.begin >= kJournalHeadBytes && place.begin + place.bytes <= scan->end);
    require(place.sequence <= scan->sequence);
    const std::string_view bytes = file.substr(place.begin, place.bytes);
    const auto record = parse_journal_record(bytes);
    if (!record) continue;
    require(record->source == source && record->group == "group" && record->sequence == place.sequence);
    require(encode_journal_record(*record).value() == bytes);
  }
}

}  // namespace
}  // namespace triggerd::checkpoint

// The first byte says what the others are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace triggerd::checkpoint;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: check_text(input); break;
    case 1: check_text(checked_text(input)); break;
    case 2: check_journal(input); break;
    default: check_journal(checked_journal(input)); break;
  }
  return 0;
}
