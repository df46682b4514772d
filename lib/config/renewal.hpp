// What a running client needs to take over a connection that has changed. Pure data.
#pragma once

#include <cstdint>

namespace triggerd::config {

enum class Renewal : std::uint8_t {
  none,
  login,  // to be told the name and the password: it uses them at its next login
  client  // to be made anew
};

}  // namespace triggerd::config
