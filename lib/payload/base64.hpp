// Base64 with padding (RFC 4648 §4). Pure.
#pragma once

#include <string>
#include <string_view>

namespace triggerd::payload {

void append_base64(std::string& out, std::string_view bytes);

}  // namespace triggerd::payload
