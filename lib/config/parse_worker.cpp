// A worker's keys.
#include <algorithm>
#include <cctype>
#include <cstring>

#include "config/parse.hpp"

namespace triggerd::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr Range<std::uint32_t> kProcessCount{1, 1'024};
constexpr Field<WorkerSpec> kProcesses[] = {
    {"min", [](const Value& v, WorkerSpec& w) { set(w.min_processes, v.count(kProcessCount)); }},
    {"max", [](const Value& v, WorkerSpec& w) { set(w.max_processes, v.count(kProcessCount)); }},
};

void read_processes(const Value& value, WorkerSpec& worker) {
  if (!value.is_map()) {
    set(worker.min_processes, value.count(kProcessCount));
    worker.max_processes = worker.min_processes;
    return;
  }
  read_fields(value, std::span<const Field<WorkerSpec>>(kProcesses), worker);
  // A lone `min: 4` means four, not four of at most one.
  if (value.findings().find(value.path() + ".max") == nullptr)
    worker.max_processes = std::max(worker.min_processes, worker.max_processes);
}

// `python3 -m x` → [python3, -m, x]: what the user is to write.
std::string as_list(std::string_view words) {
  std::string list;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    list += list.empty() ? "[" : ", ";
    const bool plain = std::ranges::all_of(
        word, [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("._-/=", c) != nullptr; });
    list += plain ? std::string(word) : in_quotes(word);
  }
  return list + "]";
}

void read_command(const Value& value, WorkerSpec& worker) {
  if (value.is_scalar() && !value.written().empty())
    return value.error("must be a list of the program and its arguments: " + as_list(value.written()));
  worker.command.clear();
  worker.written_command.clear();
  const std::vector<Value> items = value.items("[python3, -m, triggerd, handler.py]");
  if (value.is_list() && items.empty()) value.error("must name a program");
  for (const Value& item : items) {
    auto text = worker.command.empty() ? item.nonempty_text() : item.text();
    if (!text) continue;
    worker.command.push_back(*std::move(text));
    worker.written_command.push_back(item.written());
  }
}

void read_environment(const Value& map, WorkerSpec& worker) {
  for (const auto& [name, value] : map.entries()) {
    if (name.empty() || name.find('=') != std::string::npos) {
      value.error(in_quotes(name) + " is not the name of a variable");
    } else if (name.starts_with("TRIGGERD_")) {
      value.error("names that begin with TRIGGERD_ are the daemon's");
    } else if (value.is_null()) {
      value.error("has no value; write \"\" for an empty one");
    } else if (auto text = value.text()) {
      worker.env[name] = *std::move(text);
    }
  }
}

void read_working_directory(const Value& value, WorkerSpec& worker) {
  if (const auto text = value.nonempty_text()) worker.working_directory = value.relative_path(*text);
}

constexpr std::uint64_t kLeastMemory = 16ull << 20;

void read_max_memory(const Value& value, WorkerSpec& worker) {
  const auto size = value.size({0, kAnyBytes.most});
  if (size && *size > 0 && *size < kLeastMemory)
    return value.refuse("must be 16MiB or more, or 0 for any amount");
  set(worker.max_memory, size);
}

constexpr Field<ProcessLimits> kLimits[] = {
    {"openFiles", [](const Value& v, ProcessLimits& l) { set(l.open_files, v.count({16, 1'000'000'000})); }},
    {"addressSpace",
     [](const Value& v, ProcessLimits& l) { set(l.address_space, v.size({kLeastMemory, kAnyBytes.most})); }},
    {"memory",
     [](const Value& v, ProcessLimits& l) { set(l.memory, v.size({kLeastMemory, kAnyBytes.most})); }},
    {"cpuPercent", [](const Value& v, ProcessLimits& l) { set(l.cpu_percent, v.count({1, 100'000})); }},
    {"tasks", [](const Value& v, ProcessLimits& l) { set(l.tasks, v.count({1, 4'000'000})); }},
};

constexpr Field<WorkerSpec> kWorker[] = {
    {"command", read_command},
    {"env", read_environment},
    {"workingDirectory", read_working_directory},
    {"user", [](const Value& v, WorkerSpec& w) { set(w.user, v.nonempty_text()); }},
    {"group", [](const Value& v, WorkerSpec& w) { set(w.group, v.nonempty_text()); }},
    {"limits",
     [](const Value& v, WorkerSpec& w) {
       read_fields(v, std::span<const Field<ProcessLimits>>(kLimits), w.limits);
     }},
    {"processes", read_processes},
    {"timeout", [](const Value& v, WorkerSpec& w) { set(w.timeout, v.duration(kAnyInterval)); }},
    {"startTimeout",
     [](const Value& v, WorkerSpec& w) { set(w.start_timeout, v.duration({milliseconds(100), hours(1)})); }},
    {"maxRequests", [](const Value& v, WorkerSpec& w) { set(w.max_requests, v.count({0, 1'000'000'000})); }},
    {"maxMemory", read_max_memory},
};

}  // namespace

void read_worker(const Value& map, WorkerSpec& worker) {
  read_fields(map, std::span<const Field<WorkerSpec>>(kWorker), worker);
}

void append_worker_keys(std::vector<KeyGroup>& groups) {
  append_keys(groups, "worker", std::span<const Field<WorkerSpec>>(kWorker));
  append_keys(groups, "processes", std::span<const Field<WorkerSpec>>(kProcesses));
  append_keys(groups, "limits", std::span<const Field<ProcessLimits>>(kLimits));
}

}  // namespace triggerd::config
