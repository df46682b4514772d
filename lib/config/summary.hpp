// A fleet in words: what `triggerd check` says a good file would run. Pure.
#pragma once

#include <string>

#include "config/schema.hpp"

namespace triggerd::config {

// Lines, each ending in a newline; one block per trigger. Nothing that came from a `${…}` of a command or a
// `kafka` map, an `env` or a password is in it: of these it gives names only.
std::string summary(const Fleet& fleet);

// 127.0.0.1:7071, [::1]:7071 or unix:PATH: as a fleet file would have it.
std::string to_string(const Admin::Listener& listener);

}  // namespace triggerd::config
