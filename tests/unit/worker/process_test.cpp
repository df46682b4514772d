#include "worker/process.hpp"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace triggerd::worker {
namespace {

// A directory of its own for each test.
class Spawn : public ::testing::Test {
 protected:
  Spawn() {
    std::string pattern = (std::filesystem::temp_directory_path() / "triggerd-spawn-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~Spawn() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& text, int mode = 0755) {
    const std::string path = directory_ / name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), static_cast<mode_t>(mode));
    return path;
  }
  static SpawnSpec shell(const std::string& script) {
    return {{"sh", "-c", script}, {"PATH=/usr/bin:/bin"}, ""};
  }

  std::filesystem::path directory_;
};

bool wait_readable(const Fd& fd) {
  pollfd poll_fd{fd.get(), POLLIN, 0};
  return ::poll(&poll_fd, 1, 20'000) == 1;
}

std::string read_all(const Fd& fd) {
  std::string result;
  char buffer[4096];
  while (wait_readable(fd)) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    result.append(buffer, static_cast<std::size_t>(got));
  }
  return result;
}

std::string how_it_ended(const Process& process) {
  if (!wait_readable(process.pidfd)) return "still running";
  return reap(process.pidfd.get()).value_or("not collected");
}

TEST_F(Spawn, OutputGoesToItsOwnPipe) {
  const auto process = spawn(shell("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->out), "out\n");
  EXPECT_EQ(read_all(process->err), "err\n");
  EXPECT_EQ(how_it_ended(*process), "exit status 7");
}

TEST_F(Spawn, TheSocketIsDescriptorThree) {
  const auto process = spawn(shell("echo over the wire >&3"));
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->socket), "over the wire\n");
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, NothingElseIsInherited) {
  const Fd leaked(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  ASSERT_TRUE(leaked);
  const auto process = spawn(shell("ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0"));
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->out), "0 1 2 3 4 /dev/null\n");  // 4: ls reading the directory
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, WorksWhenTheDaemonHasNoStandardDescriptors) {
  const Fd saved_in(::fcntl(0, F_DUPFD_CLOEXEC, 20));
  const Fd saved_out(::fcntl(1, F_DUPFD_CLOEXEC, 20));
  ::close(0);
  ::close(1);
  auto process = spawn(shell("echo out; echo wire >&3"));
  if (process) {  // our ends took 0 and 1; move them before those come back
    for (Fd* fd : {&process->socket, &process->out, &process->err, &process->pidfd}) {
      fd->reset(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 20));
    }
  }
  ::dup2(saved_in.get(), 0);
  ::dup2(saved_out.get(), 1);
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->out), "out\n");
  EXPECT_EQ(read_all(process->socket), "wire\n");
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, SignalsAreAsInAFreshProcess) {
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t usr2;
  ::sigemptyset(&usr2);
  ::sigaddset(&usr2, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &usr2, nullptr);
  const auto process = spawn(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  ::pthread_sigmask(SIG_UNBLOCK, &usr2, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  ASSERT_TRUE(process);
  const std::string text = read_all(process->out);
  unsigned long long blocked = 0;
  unsigned long long ignored = 0;
  ASSERT_EQ(std::sscanf(text.c_str(), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2) << text;
  EXPECT_EQ(blocked, 0U);
  // 32 and 33 are glibc's own: it lets nobody set them, and they stay as whoever started this test has them.
  EXPECT_EQ(ignored & ~0x180000000ULL, 0U) << text;
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, OwnProcessGroupAndWorkingDirectory) {
  SpawnSpec spec = shell(
      "pwd; test $(ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat) -eq $$ && echo leader");
  spec.working_directory = directory_;
  const auto process = spawn(spec);
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->out), directory_.string() + "\nleader\n");
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, ARelativeProgramIsFoundInTheWorkingDirectory) {
  file("handler", "#!/bin/sh\necho here\n");
  const auto process = spawn({{"./handler"}, {}, directory_});
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->out), "here\n");
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, TheWorkersPathDecides) {
  file("tool", "#!/bin/sh\necho mine\n");
  std::filesystem::create_directory(directory_ / "first");
  file("first/tool", "not for execution\n", 0644);  // passed over
  const auto process = spawn(
      {{"tool"}, {"PATH=relative::" + (directory_ / "first").string() + ":" + directory_.string()}, ""});
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->out), "mine\n");
  EXPECT_EQ(how_it_ended(*process), "exit status 0");
}

TEST_F(Spawn, HowItEnded) {
  const struct {
    const char* script;
    const char* text;
  } rows[] = {
      {"exit 0", "exit status 0"},
      {"exit 255", "exit status 255"},
      {"kill -9 $$", "signal 9 (Killed)"},
      {"ulimit -c 0; kill -SEGV $$", "signal 11 (Segmentation fault)"},
  };
  for (const auto& row : rows) {
    const auto process = spawn(shell(row.script));
    ASSERT_TRUE(process) << row.script;
    EXPECT_EQ(how_it_ended(*process), row.text);
  }
  const auto running = spawn(shell("read line <&3"));
  ASSERT_TRUE(running);
  EXPECT_EQ(reap(running->pidfd.get()), std::nullopt);
  signal_group(running->pid, SIGTERM);
  EXPECT_EQ(how_it_ended(*running), "signal 15 (Terminated)");
}

TEST_F(Spawn, FailuresNameTheirStep) {
  const std::string no_interpreter = file("orphan", "#!/no/such/interpreter\n");
  const std::string not_executable = file("plain", "#!/bin/sh\n", 0644);
  const std::string nonsense = file("nonsense", "\x01\x02\x03", 0755);
  const std::string somewhere = (directory_ / "absent").string();
  const struct {
    SpawnSpec spec;
    const char* step;
    std::string message;
  } rows[] = {
      {{{}, {}, ""}, "exec", "the command is empty"},
      {{{""}, {}, ""}, "exec", "the command is empty"},
      {{{"pyhton3"}, {"PATH=/usr/bin:/bin"}, ""}, "exec", "pyhton3: not found in PATH (/usr/bin:/bin)"},
      {{{"pyhton3"}, {}, ""}, "exec", "pyhton3: not found in PATH (/usr/local/bin:/usr/bin:/bin)"},
      {{{somewhere}, {}, ""}, "exec", somewhere + ": No such file or directory"},
      {{{not_executable}, {}, ""}, "exec", not_executable + ": Permission denied"},
      {{{no_interpreter}, {}, ""},
       "exec",
       no_interpreter + ": the interpreter its first line names was not found"},
      {{{nonsense}, {}, ""}, "exec", nonsense + ": Exec format error"},
      {{{"/bin/true"}, {}, somewhere}, "chdir", somewhere + ": No such file or directory"},
      {{{"/bin/true"}, {}, not_executable}, "chdir", not_executable + ": Not a directory"},
  };
  for (const auto& row : rows) {
    const auto process = spawn(row.spec);
    ASSERT_FALSE(process) << row.message;
    EXPECT_EQ(process.error().code, row.step);
    EXPECT_EQ(process.error().message, row.message);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a failed child was not collected";
}

TEST_F(Spawn, OutOfDescriptors) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  // One descriptor more each time, until it works: every step has its turn to fail.
  std::vector<std::string> steps;
  bool started = false;
  for (rlim_t allowed = 3; !started && allowed < 200; ++allowed) {
    rlimit limit = before;
    limit.rlim_cur = allowed;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const auto process = spawn(shell("exit 0"));
    ::setrlimit(RLIMIT_NOFILE, &before);
    started = static_cast<bool>(process);
    if (started) {
      EXPECT_EQ(how_it_ended(*process), "exit status 0");
    } else if (steps.empty() || steps.back() != process.error().code) {
      steps.push_back(process.error().code);
    }
  }
  EXPECT_TRUE(started);
  EXPECT_EQ(steps, (std::vector<std::string>{"socketpair", "pipe", "spawn"}));
}

}  // namespace
}  // namespace triggerd::worker
