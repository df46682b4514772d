#include "worker/cgroup_tree.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace triggerd::worker {
namespace {

constexpr int kCpuPeriodMicros = 100'000;  // the kernel's default

struct Setting {
  std::string_view controller;
  const char* file;
  std::string value;
};

std::vector<Setting> settings(const config::ProcessLimits& limits) {
  std::vector<Setting> all;
  // What it starts goes with it: half a worker is of no use.
  if (limits.memory)
    all.insert(all.end(), {{"memory", "memory.max", std::to_string(*limits.memory)},
                           {"memory", "memory.oom.group", "1"}});
  if (limits.cpu_percent) {
    const std::uint64_t quota = std::uint64_t{*limits.cpu_percent} * kCpuPeriodMicros / 100;
    all.push_back({"cpu", "cpu.max", std::to_string(quota) + " " + std::to_string(kCpuPeriodMicros)});
  }
  if (limits.tasks) all.push_back({"pids", "pids.max", std::to_string(*limits.tasks)});
  return all;
}

Error failed(const std::string& path) { return {"cgroup", path + ": " + errno_text(errno)}; }

Result<void> write(const std::string& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return failed(path);
  return {};
}

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return failed(path);
  return {};
}

// Groups of a daemon that was killed. What is not empty stays.
void remove_left_over(const std::string& path) {
  std::error_code error, ignored;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_directory(ignored)) ::rmdir(entry->path().c_str());
}

}  // namespace

bool needs_cgroup(const config::ProcessLimits& limits) {
  return limits.memory || limits.cpu_percent || limits.tasks;
}

WorkerCgroup::WorkerCgroup(CgroupTree& tree, std::string path, Fd procs)
    : tree_(tree), path_(std::move(path)), procs_(std::move(procs)) {}

WorkerCgroup::~WorkerCgroup() { tree_.remove(path_); }

bool WorkerCgroup::ran_out_of_memory() const {
  std::ifstream file(path_ + "/memory.events");
  std::string name;
  std::uint64_t count = 0;
  while (file >> name >> count)
    if (name == "oom_kill") return count > 0;
  return false;
}

CgroupTree::CgroupTree(std::string path, std::vector<std::string_view> handed_down)
    : path_(std::move(path)), handed_down_(std::move(handed_down)) {}

Result<std::unique_ptr<CgroupTree>> CgroupTree::open(const Cgroup& found, const std::string& mount) {
  const std::string path = mount + found.path;
  remove_left_over(path);
  if (auto made = make_folder(path + "/daemon"); !made) return made.error();
  if (auto moved = write(path + "/daemon/cgroup.procs", "0"); !moved) return moved.error();
  std::vector<std::string_view> handed_down;
  for (const char* controller : {"memory", "cpu", "pids"})
    if (write(path + "/cgroup.subtree_control", std::string("+") + controller))
      handed_down.push_back(controller);
  return std::unique_ptr<CgroupTree>(new CgroupTree(path, std::move(handed_down)));
}

bool CgroupTree::hands_down(std::string_view controller) const {
  return std::ranges::find(handed_down_, controller) != handed_down_.end();
}

std::string CgroupTree::missing(const config::ProcessLimits& limits) const {
  std::string names;
  std::string_view last;
  for (const Setting& setting : settings(limits)) {
    if (hands_down(setting.controller) || setting.controller == last) continue;
    names += (names.empty() ? "" : ", ") + std::string(setting.controller);
    last = setting.controller;
  }
  return names;
}

Result<std::unique_ptr<WorkerCgroup>> CgroupTree::make(const std::string& name,
                                                       const config::ProcessLimits& limits) {
  const std::string path = path_ + "/" + name;
  if (auto made = make_folder(path); !made) return made.error();
  Fd procs(::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!procs) return failed(path + "/cgroup.procs");
  auto group = std::make_unique<WorkerCgroup>(*this, path, std::move(procs));
  for (const Setting& setting : settings(limits)) {
    if (!hands_down(setting.controller)) continue;
    if (auto set = write(path + "/" + setting.file, setting.value); !set) return set.error();
  }
  return {boost::system::in_place_value, std::move(group)};
}

// A group is only empty a moment after the last process in it was killed: those left wait for the next call.
void CgroupTree::remove(std::string path) {
  static_cast<void>(write(path + "/cgroup.kill", "1"));
  const std::lock_guard lock(mutex_);
  to_remove_.push_back(std::move(path));
  std::erase_if(to_remove_, [](const std::string& p) { return ::rmdir(p.c_str()) == 0 || errno != EBUSY; });
}

}  // namespace triggerd::worker
