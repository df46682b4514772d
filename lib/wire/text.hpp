// Text from handlers and exceptions made fit for JSON and logs. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace triggerd::wire {

// Valid UTF-8 of at most `max_bytes`: cut between characters, each byte that is not UTF-8 replaced by U+FFFD.
std::string clean_text(std::string_view text, std::size_t max_bytes);

}  // namespace triggerd::wire
