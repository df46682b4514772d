#include "payload/json_text.hpp"

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

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kDigits[code >> 4];
  out += kDigits[code & 15];
}

// Ends of lines to JavaScript, though not to JSON; empty: none of those.
std::string_view line_end_escape(std::string_view character) {
  if (character == "\xC2\x85") return "\\u0085";
  if (character == "\xE2\x80\xA8") return "\\u2028";
  if (character == "\xE2\x80\xA9") return "\\u2029";
  return {};
}

}  // namespace

std::size_t append_json_string(std::string& out, std::string_view bytes) {
  std::size_t replaced = 0;
  out += '"';
  std::size_t run = 0;  // begins what can be copied as it is
  for (std::size_t at = 0; at < bytes.size();) {
    const Kind kind = kKinds[static_cast<unsigned char>(bytes[at])];
    if (kind == Kind::plain) {
      ++at;
      continue;
    }
    const wire::Character character =
        kind == Kind::not_ascii ? wire::character_at(bytes, at) : wire::Character{1, true};
    const std::string_view text = bytes.substr(at, character.bytes);
    const std::string_view escape = kind == Kind::not_ascii ? line_end_escape(text) : std::string_view();
    const bool copied = kind == Kind::not_ascii && character.whole && escape.empty();
    if (!copied) out.append(bytes, run, at - run);
    at += character.bytes;
    if (copied) continue;
    run = at;
    if (kind == Kind::escaped) {
      append_escape(out, text[0]);
    } else if (!character.whole) {
      out += "\xEF\xBF\xBD";
      ++replaced;
    } else {
      out += escape;
    }
  }
  out.append(bytes, run);
  out += '"';
  return replaced;
}

}  // namespace triggerd::payload
