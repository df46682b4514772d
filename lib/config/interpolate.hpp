// `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` in a scalar → its text. Pure: the world comes in
// as Sources.
//
// `$${` stands for `${`; any other `$` for itself. What a reference brings is not looked at again. A file
// loses one newline at its end; a relative path starts at the folder of the fleet file that names it. The
// default also serves where the variable is set but empty, as in a shell.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/load.hpp"

namespace triggerd::config {

struct Interpolated {
  std::string text;
  bool referred = false;  // it holds something from outside: messages show the reference, never the text
};

// `file` is the fleet file the scalar stands in.
Result<Interpolated> interpolate(std::string_view scalar, const std::string& file, const Sources& sources);

// `path` as the fleet file `file` means it.
std::string relative_to(const std::string& file, const std::string& path);

}  // namespace triggerd::config
