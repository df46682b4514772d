// The processes of a trigger, as values: what runs, as whom, and what it may take. Pure data.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace triggerd::config {

// Of the user database: whom a process runs as. The numbers are uid_t and gid_t.
struct Account {
  std::string name;
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;  // supplementary
  std::string home;
  bool operator==(const Account&) const = default;
};

// What one process may take of the machine. Absent: what the daemon may.
struct ProcessLimits {
  std::optional<std::uint32_t> open_files;     // RLIMIT_NOFILE
  std::optional<std::uint64_t> address_space;  // RLIMIT_AS, bytes
  // By a control group of its own (version 2), which all it starts belongs to.
  std::optional<std::uint64_t> memory;       // memory.max, bytes; above it the kernel ends the process
  std::optional<std::uint32_t> cpu_percent;  // cpu.max; 100: one core
  std::optional<std::uint32_t> tasks;        // pids.max: processes and threads
  bool operator==(const ProcessLimits&) const = default;
};

struct WorkerSpec {
  std::vector<std::string> command;        // argv; the program is looked up in PATH
  std::map<std::string, std::string> env;  // besides PATH, HOME and the like (worker/environment.hpp)
  std::string working_directory;           // empty: the daemon's
  std::string user, group;                 // names or numbers; empty: the daemon's, and the user's own group
  std::optional<Account> account = {};     // what those two stand for
  ProcessLimits limits = {};
  std::uint32_t min_processes = 1;
  std::uint32_t max_processes = 1;
  Duration timeout = std::chrono::minutes(5);         // one attempt
  Duration start_timeout = std::chrono::seconds(30);  // from spawn to Hello
  // Recycling: the next process is ready before the old one drains. 0: never.
  std::uint64_t max_requests = 0;  // records answered; each process draws its own, 80 to 100 % of it
  std::uint64_t max_memory = 0;    // bytes of resident memory of the process and its children
  std::vector<std::string> written_command = {};  // the command with its ${…} as they are: for showing
  bool operator==(const WorkerSpec&) const = default;
};

}  // namespace triggerd::config
