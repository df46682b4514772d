// The JSON payloads' parsers; wire/message.hpp's parse() is the way in. Pure.
#pragma once

#include <string_view>

#include "wire/message.hpp"

namespace triggerd::wire {

// Each member must be there and of its type and range; others are ignored.
Result<Hello> parse_hello(std::string_view payload);
Result<Welcome> parse_welcome(std::string_view payload);
Result<Log> parse_log(std::string_view payload);
Result<Bye> parse_bye(std::string_view payload);

}  // namespace triggerd::wire
