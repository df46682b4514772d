#include "payload/json_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "wire/text.hpp"

namespace triggerd::payload {
namespace {

enum class Kind : std::uint8_t { plain, escaped, not_ascii };

constexpr std::array<Kind, 256> kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (std::size_t i = 0; i < 0x20; ++i) kinds[i] = Kind::escaped;
  kinds['"'] = kinds['\\'] = Kind::escaped;
  for (std::size_t i = 0x80; i < 256; ++i) kinds[i] = Kind::not_ascii;
  return kinds;
}();

// So many bytes at a time through an array on the stack: a string that grows by every escape costs twice as
// much.
constexpr std::size_t kSlice = 256;
constexpr std::size_t kLongestEscape = 6;

char* put(char* to, std::string_view text) { return std::ranges::copy(text, to).out; }

char* put_escape(char* to, char c) {
  switch (c) {
    case '"': return put(to, "\\\"");
    case '\\': return put(to, "\\\\");
    case '\b': return put(to, "\\b");
    case '\f': return put(to, "\\f");
    case '\n': return put(to, "\\n");
    case '\r': return put(to, "\\r");
    case '\t': return put(to, "\\t");
    default: break;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  to = put(to, "\\u00");
  *to++ = kDigits[code >> 4];
  *to++ = kDigits[code & 15];
  return to;
}

// What stands for a character that is not ASCII: itself, but for what is not UTF-8, and for what ends a line
// to JavaScript.
std::string_view shown(std::string_view character, bool whole) {
  if (!whole) return "\xEF\xBF\xBD";
  if (character == "\xC2\x85") return "\\u0085";
  if (character == "\xE2\x80\xA8") return "\\u2028";
  if (character == "\xE2\x80\xA9") return "\\u2029";
  return character;
}

}  // namespace

std::size_t append_json_string(std::string& out, std::string_view bytes) {
  std::array<char, (kSlice + 1) * kLongestEscape> text;  // the last character may end beyond its slice
  std::size_t replaced = 0;
  out += '"';
  for (std::size_t at = 0; at < bytes.size();) {
    char* to = text.data();
    for (const std::size_t end = std::min(at + kSlice, bytes.size()); at < end;) {
      const char c = bytes[at];
      const Kind kind = kKinds[static_cast<unsigned char>(c)];
      if (kind == Kind::not_ascii) {
        const wire::Character character = wire::character_at(bytes, at);
        to = put(to, shown(bytes.substr(at, character.bytes), character.whole));
        replaced += character.whole ? 0 : 1;
        at += character.bytes;
        continue;
      }
      if (kind == Kind::plain)
        *to++ = c;
      else
        to = put_escape(to, c);
      ++at;
    }
    out.append(text.data(), to);
  }
  out += '"';
  return replaced;
}

}  // namespace triggerd::payload
