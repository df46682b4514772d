// Our own bugs end the process: systemd restarts it and Kafka redelivers what was not committed. Never for
// input.
#pragma once

#include <string_view>

namespace triggerd {

// Writes one line to stderr and aborts.
[[noreturn]] void invariant_failed(const char* condition, const char* file, int line,
                                   std::string_view detail);

}  // namespace triggerd

// Always on, in every build. `detail` says what the reader of a core dump would ask first.
#define TRIGGERD_INVARIANT(condition, detail)                                                 \
  do {                                                                                        \
    if (!(condition)) ::triggerd::invariant_failed(#condition, __FILE__, __LINE__, (detail)); \
  } while (false)
