// `triggerd dlq replay`: writes the dead letters of a trigger back to the topics they came from.
#pragma once

#include <cstdint>
#include <string>

namespace triggerd::daemon {

struct ReplayOptions {
  std::string trigger;
  std::string topic;      // the dead-letter topic; empty: the trigger's
  std::string to;         // where all of it goes; empty: each record to its origin
  std::uint64_t max = 0;  // records written; 0: all
  bool from_beginning = false;
  bool dry_run = false;
};

// Exit code; `path` is the fleet file.
int replay_dead_letters(const std::string& path, const ReplayOptions& options);

}  // namespace triggerd::daemon
