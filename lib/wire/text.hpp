// Text from handlers and exceptions made fit for JSON and logs. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace triggerd::wire {

// What stands at a place of a text.
struct Character {
  std::size_t bytes = 1;
  // It is UTF-8. Else `bytes` are the longest start of a character that stands there, or one byte that begins
  // none: what becomes one U+FFFD (Unicode 15, section 3.9, maximal subpart).
  bool whole = true;
};
// `at` is below the text's size.
Character character_at(std::string_view text, std::size_t at);

// Valid UTF-8 of at most `max_bytes`: cut between characters, each byte that is not UTF-8 replaced by U+FFFD.
std::string clean_text(std::string_view text, std::size_t max_bytes);

}  // namespace triggerd::wire
