#include "wire/text.hpp"

#include <cstdint>

namespace triggerd::wire {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool in_range(std::string_view text, std::size_t at, unsigned low, unsigned high) {
  return at < text.size() && static_cast<std::uint8_t>(text[at]) >= low &&
         static_cast<std::uint8_t>(text[at]) <= high;
}

// The second byte's range excludes overlong forms, surrogates and what lies past U+10FFFF (Unicode 15, table
// 3-7).
struct Form {
  std::size_t bytes;  // 0: nothing begins so
  unsigned low = 0x80, high = 0xBF;
};

Form form_of(std::uint8_t lead) {
  if (lead < 0x80) return {1};
  if (lead < 0xC2 || lead > 0xF4) return {0};
  if (lead < 0xE0) return {2};
  if (lead < 0xF0) return {3, lead == 0xE0 ? 0xA0U : 0x80U, lead == 0xED ? 0x9FU : 0xBFU};
  return {4, lead == 0xF0 ? 0x90U : 0x80U, lead == 0xF4 ? 0x8FU : 0xBFU};
}

}  // namespace

Character character_at(std::string_view text, std::size_t at) {
  const Form form = form_of(static_cast<std::uint8_t>(text[at]));
  if (form.bytes == 0) return {1, false};
  for (std::size_t i = 1; i < form.bytes; ++i) {
    const bool second = i == 1;
    if (!in_range(text, at + i, second ? form.low : 0x80, second ? form.high : 0xBF)) return {i, false};
  }
  return {form.bytes, true};
}

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const std::string_view piece = character.whole ? text.substr(at, character.bytes) : kReplacement;
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    at += character.whole ? character.bytes : 1;
  }
  return out;
}

}  // namespace triggerd::wire
