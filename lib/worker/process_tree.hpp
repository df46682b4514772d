// The processes of a machine as the kernel lists them, and which of them belong to one worker. Pure: the text
// of /proc comes in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace triggerd::worker {

struct ProcessSample {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  std::uint64_t resident_pages = 0;
  bool operator==(const ProcessSample&) const = default;
};

// The one line of /proc/PID/stat; nullopt: it is not one. The program's name in it may hold anything.
std::optional<ProcessSample> parse_stat(std::string_view line);

// Bytes of "Pss:" in /proc/PID/smaps_rollup; nullopt: there is none.
std::optional<std::uint64_t> parse_pss(std::string_view text);

// The worker that leads the process group `leader`, all of its group, and what any of them has started, also
// where that left the group. What left it and lost its parent is nobody's any more.
std::vector<ProcessSample> family(std::span<const ProcessSample> all, pid_t leader);

}  // namespace triggerd::worker
