// Any bytes as a JSON string, escaped as the original's serializer does it (Newtonsoft.Json, the default
// StringEscapeHandling). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace triggerd::payload {

// With its quotes. What is not UTF-8 becomes U+FFFD, one for each longest start of a character, as .NET's
// Encoding.UTF8 reads it. Returns how many those were: 0 means that the text is what the bytes are.
std::size_t append_json_string(std::string& out, std::string_view bytes);

}  // namespace triggerd::payload
