// Verbs that ask a running daemon, by its admin listener: the fleet file says where that is.
#pragma once

#include <cstdint>
#include <string>

namespace triggerd::daemon {

struct SkipOptions {
  std::string trigger, topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string by;  // empty: the user who runs the command
};

// Gives up one record that holds up its lane, and waits for what came of it.
int ask_skip(const std::string& fleet, const SkipOptions& options);

}  // namespace triggerd::daemon
