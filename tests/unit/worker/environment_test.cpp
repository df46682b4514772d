#include "worker/environment.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace triggerd::worker {
namespace {

using Lines = std::vector<std::string>;

struct Row {
  const char* name;
  Lines inherited;
  std::map<std::string, std::string> added;
  std::string sdk;
  Lines expected;
};

TEST(WorkerEnvironment, Table) {
  const Row rows[] = {
      {"nothing", {}, {}, "", {"TRIGGERD_FD=3"}},
      {"inherited", {"HOME=/h", "PATH=/bin"}, {}, "", {"HOME=/h", "PATH=/bin", "TRIGGERD_FD=3"}},
      {"what is the daemon's stays with it",
       {"NOTIFY_SOCKET=@x", "WATCHDOG_USEC=1", "WATCHDOG_PID=2", "LISTEN_FDS=1", "LISTEN_PID=2",
        "CREDENTIALS_DIRECTORY=/c", "JOURNAL_STREAM=8:1", "TRIGGERD_KEY=k", "NOTIFY_SOCKETS=kept", "A=b"},
       {},
       "",
       {"A=b", "NOTIFY_SOCKETS=kept", "TRIGGERD_FD=3"}},
      {"added wins",
       {"A=1", "B=2"},
       {{"B", "3"}, {"C", "x=y"}},
       "",
       {"A=1", "B=3", "C=x=y", "TRIGGERD_FD=3"}},
      {"the descriptor's number is ours", {}, {{"TRIGGERD_FD", "9"}}, "", {"TRIGGERD_FD=3"}},
      {"python path alone", {}, {}, "/sdk", {"PYTHONPATH=/sdk", "TRIGGERD_FD=3"}},
      {"python path last", {"PYTHONPATH=/a:/b"}, {}, "/sdk", {"PYTHONPATH=/a:/b:/sdk", "TRIGGERD_FD=3"}},
      {"after the trigger's",
       {"PYTHONPATH=/a"},
       {{"PYTHONPATH", "/own"}},
       "/sdk",
       {"PYTHONPATH=/own:/sdk", "TRIGGERD_FD=3"}},
      {"lines that are none", {"", "=C:", "NOEQUALS", "E="}, {}, "", {"E=", "TRIGGERD_FD=3"}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(worker_environment(row.inherited, row.added, row.sdk), row.expected) << row.name;
  }
}

TEST(WorkerEnvironment, OwnIsTheProcessEnvironment) {
  ::setenv("WORKER_TEST_VARIABLE", "here", 1);
  const Lines own = own_environment();
  EXPECT_NE(std::find(own.begin(), own.end(), "WORKER_TEST_VARIABLE=here"), own.end());
}

}  // namespace
}  // namespace triggerd::worker
