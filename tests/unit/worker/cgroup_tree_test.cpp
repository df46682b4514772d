// Groups on the real file system, where the machine has one of version 2 and we are root. What takes
// controllers is looked at where there are any.
#include "worker/cgroup_tree.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/process.hpp"

namespace triggerd::worker {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

// Until no process is in the group: the kernel says so by POLLPRI (cgroup-v2, cgroup.events).
void wait_empty(const fs::path& group) {
  const Fd events(::open((group / "cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  for (pollfd change{events.get(), POLLPRI, 0};;) {
    char text[256] = {};
    if (::pread(events.get(), text, sizeof text - 1, 0) <= 0) return;
    if (std::string_view(text).find("populated 0") != std::string_view::npos) return;
    if (::poll(&change, 1, 20'000) != 1) return;
  }
}

// The process's group of version 2.
std::string group_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return std::string(unified_path(text));
}

// A group that belongs to a process of the test's, which is in it, as the daemon is in its unit's.
class CgroupTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
      if (fs::exists(fs::path(mount) / "cgroup.procs")) mount_ = mount;
    if (mount_.empty()) GTEST_SKIP() << "this machine has no control groups of version 2";
    ours_ = fs::path(mount_) / ("triggerd-test-" + std::to_string(::getpid()));
    std::error_code error;
    if (::geteuid() != 0 || !fs::create_directory(ours_, error))
      GTEST_SKIP() << "only root may make a control group: " << error.message();
  }
  void TearDown() override {
    if (ours_.empty() || !fs::exists(ours_)) return;
    wait_empty(ours_);
    ::rmdir((ours_ / "daemon").c_str());
    EXPECT_EQ(::rmdir(ours_.c_str()), 0) << ours_ << ": something was left in it";
  }

  // Runs `what` in a process of its own, for opening a tree moves the process; empty: it was well.
  std::string in_daemon(const std::function<std::string(CgroupTree&)>& what) const {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t daemon = ::fork();
    if (daemon == 0) {
      std::ofstream(ours_ / "cgroup.procs") << "0";
      const auto tree = CgroupTree::open(find_cgroup("/proc/self/cgroup", mount_), mount_);
      const std::string said = tree ? what(**tree) : tree.error().message;
      (void)!::write(ends[1], said.data(), said.size());
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string said;
    char c = 0;
    while (::read(ends[0], &c, 1) == 1) said += c;
    ::close(ends[0]);
    ::waitpid(daemon, nullptr, 0);
    return said;
  }
  bool has(const char* controller) const {
    return (" " + first_line(fs::path(mount_) / "cgroup.controllers") + " ")
                   .find(" " + std::string(controller) + " ") != std::string::npos &&
           (" " + first_line(fs::path(mount_) / "cgroup.subtree_control") + " ")
                   .find(" " + std::string(controller) + " ") != std::string::npos;
  }

  std::string mount_;
  fs::path ours_;
};

SpawnSpec sleeper(const WorkerCgroup& group) {
  SpawnSpec spec{{"sh", "-c", "sleep 1000 & exec sleep 1000"}, {"PATH=/usr/bin:/bin"}, ""};
  spec.cgroup_procs = group.procs();
  return spec;
}

TEST_F(CgroupTreeTest, AProcessIsInItsGroupAndEndsWithIt) {
  EXPECT_EQ(in_daemon([&](CgroupTree& tree) -> std::string {
              const std::string base = group_of(::getpid());
              if (!base.ends_with("/daemon")) return "the daemon is in " + base;
              auto group = tree.make("t.1", {});
              if (!group) return group.error().message;
              const auto process = spawn(sleeper(**group));
              if (!process) return process.error().message;
              const std::string where = group_of(process->pid);
              if (!where.ends_with("/t.1")) return "the worker is in " + where;
              group->reset();
              pollfd end{process->pidfd.get(), POLLIN, 0};
              if (::poll(&end, 1, 20'000) != 1) return "the worker did not end with its group";
              const auto how = reap(process->pidfd.get());
              // Its child too; then the end of another group takes the first one's along.
              wait_empty(ours_ / "t.1");
              if (const auto next = tree.make("t.2", {}); !next) return next.error().message;
              if (fs::exists(ours_ / "t.1")) return "its group was not removed";
              return how.value_or("") == "signal 9 (Killed)" ? "" : how.value_or("not collected");
            }),
            "");
}

TEST_F(CgroupTreeTest, WhatIsMissingIsNamedAndTheRestIsSet) {
  const config::ProcessLimits limits{
      .open_files = {}, .address_space = {}, .memory = 64u << 20, .cpu_percent = 150, .tasks = 7};
  std::string missing;
  for (const char* controller : {"memory", "cpu", "pids"})
    if (!has(controller)) missing += (missing.empty() ? "" : ", ") + std::string(controller);
  EXPECT_EQ(in_daemon([&](CgroupTree& tree) -> std::string {
              if (tree.missing(limits) != missing) return "missing: " + tree.missing(limits);
              const auto group = tree.make("t.1", limits);
              if (!group) return group.error().message;
              const std::pair<const char*, const char*> files[] = {{"memory.max", "67108864"},
                                                                   {"memory.oom.group", "1"},
                                                                   {"cpu.max", "150000 100000"},
                                                                   {"pids.max", "7"}};
              for (const auto& [file, value] : files)
                if (fs::exists(ours_ / "t.1" / file) && first_line(ours_ / "t.1" / file) != value)
                  return std::string(file) + " is " + first_line(ours_ / "t.1" / file);
              return (*group)->ran_out_of_memory() ? "nothing ran out of memory" : "";
            }),
            "");
}

TEST_F(CgroupTreeTest, GroupsOfADaemonThatWasKilledAreRemoved) {
  EXPECT_EQ(in_daemon([&](CgroupTree& tree) -> std::string {
              const auto group = tree.make("t.1", {});
              if (!group) return group.error().message;
              ::_exit(0);  // as if killed: no destructor
            }),
            "");
  EXPECT_TRUE(fs::exists(ours_ / "t.1"));
  EXPECT_EQ(
      in_daemon([&](CgroupTree&) { return std::string(fs::exists(ours_ / "t.1") ? "still there" : ""); }),
      "");
}

TEST(ProcessLimits, WhichTakeAControlGroup) {
  EXPECT_FALSE(needs_cgroup({}));
  EXPECT_FALSE(
      needs_cgroup({.open_files = 1, .address_space = 1, .memory = {}, .cpu_percent = {}, .tasks = {}}));
  EXPECT_TRUE(
      needs_cgroup({.open_files = {}, .address_space = {}, .memory = 1, .cpu_percent = {}, .tasks = {}}));
  EXPECT_TRUE(
      needs_cgroup({.open_files = {}, .address_space = {}, .memory = {}, .cpu_percent = 1, .tasks = {}}));
  EXPECT_TRUE(
      needs_cgroup({.open_files = {}, .address_space = {}, .memory = {}, .cpu_percent = {}, .tasks = 1}));
}

}  // namespace
}  // namespace triggerd::worker
