// What a worker process has, and has not, of the daemon: rights, limits, its end.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "worker/guard.hpp"
#include "worker/process.hpp"

namespace triggerd::worker {
namespace {

SpawnSpec shell(const std::string& script) { return {{"sh", "-c", script}, {"PATH=/usr/bin:/bin"}, ""}; }

bool wait_readable(int fd) {
  pollfd poll_fd{fd, POLLIN, 0};
  return ::poll(&poll_fd, 1, 20'000) == 1;
}

std::string read_all(int fd) {
  std::string result;
  char buffer[4096];
  while (wait_readable(fd)) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) break;
    result.append(buffer, static_cast<std::size_t>(got));
  }
  return result;
}

std::string output(const SpawnSpec& spec) {
  const auto process = spawn(spec);
  if (!process) return process.error().code + ": " + process.error().message;
  const std::string text = read_all(process->out.get());
  wait_readable(process->pidfd.get());
  reap(process->pidfd.get());
  return text;
}

TEST(Isolation, NoNewPrivilegesAndNoCapabilityIsHandedDown) {
  const std::string text = output(shell("grep -E '^(NoNewPrivs|CapAmb|CapInh)' /proc/self/status"));
  EXPECT_EQ(text, "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST(Isolation, NoCoreIsDumped) { EXPECT_EQ(output(shell("ulimit -Sc; ulimit -Hc")), "0\n0\n"); }

TEST(Isolation, Limits) {
  SpawnSpec spec = shell("ulimit -Sn; ulimit -Hn; ulimit -Sv; ulimit -Hv; ulimit -c");
  spec.limits.open_files = 100;
  spec.limits.address_space = 1u << 30;
  EXPECT_EQ(output(spec), "100\n100\n1048576\n1048576\n0\n");
}

TEST(Isolation, ALimitWeMayNotSetIsAStepThatFails) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may set any";
  SpawnSpec spec = shell("exit 0");
  spec.limits.open_files = 1u << 30;
  EXPECT_EQ(output(spec).substr(0, 7), "limits:");
}

TEST(Isolation, AnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may change the user";
  SpawnSpec spec = shell("grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|NoNewPrivs)' /proc/self/status");
  spec.account = config::Account{"", 4711, 4712, {4712, 4713}, ""};
  EXPECT_EQ(output(spec),
            "Uid:\t4711\t4711\t4711\t4711\nGid:\t4712\t4712\t4712\t4712\nGroups:\t4712 4713 \n"
            "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST(Isolation, AnotherUserIsRefusedToWhoHasNoRight) {
  if (::geteuid() == 0) GTEST_SKIP() << "root has it";
  SpawnSpec spec = shell("exit 0");
  spec.account = config::Account{"", 4711, 4711, {4711}, ""};
  EXPECT_EQ(output(spec).substr(0, 5), "user:");
}

TEST(Isolation, TheWorkingDirectoryIsEnteredAsThatUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may change the user";
  std::string folder = ::testing::TempDir() + "isolation-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);  // 0700
  SpawnSpec spec = shell("exit 0");
  spec.account = config::Account{"", 4711, 4711, {4711}, ""};
  spec.working_directory = folder;
  EXPECT_EQ(output(spec), "chdir: " + folder + ": Permission denied");
  ::rmdir(folder.c_str());
}

bool gone(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  return line.empty() || line.find(") Z ") != std::string::npos;
}

// A daemon in small, killed: it starts a worker that starts a child, says who they are and waits.
struct Family {
  pid_t daemon, worker, child;
};
Family start_family(uid_t uid) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    if (!start_guard()) ::_exit(1);
    SpawnSpec spec = shell("sh -c 'echo $$; exec cat <&3' & echo $$; wait");
    if (uid != 0) spec.account = config::Account{"", uid, uid, {uid}, ""};
    const auto process = spawn(spec);
    std::string text;
    char c = 0;
    while (process && std::count(text.begin(), text.end(), '\n') < 2 && wait_readable(process->out.get()) &&
           ::read(process->out.get(), &c, 1) == 1) {
      text += c;
    }
    text += process ? std::to_string(process->pid) + "\n" : "0\n";
    (void)!::write(ends[1], text.data(), text.size());
    ::close(ends[1]);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  std::istringstream said(read_all(ends[0]));
  ::close(ends[0]);
  pid_t a = 0, b = 0, worker = 0;
  said >> a >> b >> worker;
  return {daemon, worker, a == worker ? b : a};
}

void until_gone(pid_t pid) {
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd >= 0) {
    wait_readable(pidfd);
    ::close(pidfd);
  }
  EXPECT_TRUE(gone(pid)) << pid;
}

TEST(Isolation, AKilledDaemonLeavesNoWorkerAndNoChildOfOne) {
  for (const uid_t uid : {0u, 4711u}) {
    if (uid != 0 && ::geteuid() != 0) continue;
    const Family family = start_family(uid);
    ASSERT_GT(family.worker, 0);
    ASSERT_GT(family.child, 0);
    EXPECT_FALSE(gone(family.worker));
    EXPECT_FALSE(gone(family.child));
    ::kill(family.daemon, SIGKILL);
    ::waitpid(family.daemon, nullptr, 0);
    until_gone(family.worker);
    until_gone(family.child);
  }
}

// Its descriptor may have the number that the worker's socket gets.
TEST(Isolation, WhatTheGuardIsToldDoesNotReachTheWorkersSocket) {
  const auto in_child = [] {
    ::close_range(3, ~0U, 0);
    if (!start_guard()) ::_exit(1);
    const auto process = spawn(shell("exit 0"));
    char byte = 0;
    ::_exit(process && wait_readable(process->socket.get()) && ::read(process->socket.get(), &byte, 1) == 0
                ? 0
                : 2);
  };
  EXPECT_EXIT(in_child(), ::testing::ExitedWithCode(0), "");
}

// A number that the guard was told to forget is somebody else's by the time the daemon goes.
TEST(Isolation, TheGuardKillsNobodyItWasToldToForget) {
  const pid_t bystander = ::fork();
  if (bystander == 0) {
    ::setpgid(0, 0);
    for (;;) ::pause();
  }
  ::setpgid(bystander, bystander);
  const pid_t victim = ::fork();
  if (victim == 0) {
    ::setpgid(0, 0);
    for (;;) ::pause();
  }
  ::setpgid(victim, victim);
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    if (!start_guard()) ::_exit(1);
    guard_group(bystander);
    guard_group(victim);
    forget_group(bystander);
    ::_exit(0);
  }
  ::waitpid(daemon, nullptr, 0);
  int status = 0;
  ::waitpid(victim, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_FALSE(gone(bystander));
  ::kill(bystander, SIGKILL);
  ::waitpid(bystander, nullptr, 0);
}

}  // namespace
}  // namespace triggerd::worker
