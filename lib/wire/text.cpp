#include "wire/text.hpp"

#include <cstdint>

namespace triggerd::wire {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool in_range(std::string_view text, std::size_t at, unsigned low, unsigned high) {
  return at < text.size() && static_cast<std::uint8_t>(text[at]) >= low &&
         static_cast<std::uint8_t>(text[at]) <= high;
}

// Bytes of the character that begins at `at`; 0: none does. The second byte's range excludes overlong forms,
// surrogates and what lies past U+10FFFF (Unicode 15, table 3-7).
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto lead = static_cast<std::uint8_t>(text[at]);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return in_range(text, at + 1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return in_range(text, at + 1, low, high) && in_range(text, at + 2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    const bool whole = in_range(text, at + 1, low, high) && in_range(text, at + 2, 0x80, 0xBF) &&
                       in_range(text, at + 3, 0x80, 0xBF);
    return whole ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text, at);
    const std::string_view piece = bytes == 0 ? kReplacement : text.substr(at, bytes);
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    at += bytes == 0 ? 1 : bytes;
  }
  return out;
}

}  // namespace triggerd::wire
