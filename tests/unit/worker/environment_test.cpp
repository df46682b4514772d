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
      {"what any program wants",
       {"HOME=/h", "PATH=/bin", "LANG=C", "LC_ALL=C", "TZ=UTC", "TMPDIR=/t", "USER=u", "LOGNAME=u"},
       {},
       "",
       {"HOME=/h", "LANG=C", "LC_ALL=C", "LOGNAME=u", "PATH=/bin", "TMPDIR=/t", "TRIGGERD_FD=3", "TZ=UTC",
        "USER=u"}},
      {"what is the daemon's stays with it",
       {"NOTIFY_SOCKET=@x", "WATCHDOG_USEC=1", "CREDENTIALS_DIRECTORY=/c", "TRIGGERD_KEY=k",
        "PASSWORD=hunter2", "PYTHONPATH=/a", "PATHS=x", "A=b", "PATH=/bin"},
       {},
       "",
       {"PATH=/bin", "TRIGGERD_FD=3"}},
      {"added wins", {"PATH=1"}, {{"PATH", "3"}, {"C", "x=y"}}, "", {"C=x=y", "PATH=3", "TRIGGERD_FD=3"}},
      {"the descriptor's number is ours", {}, {{"TRIGGERD_FD", "9"}}, "", {"TRIGGERD_FD=3"}},
      {"python path alone", {}, {}, "/sdk", {"PYTHONPATH=/sdk", "TRIGGERD_FD=3"}},
      {"python path last", {}, {{"PYTHONPATH", "/own"}}, "/sdk", {"PYTHONPATH=/own:/sdk", "TRIGGERD_FD=3"}},
      {"lines that are none", {"", "=C:", "NOEQUALS", "TZ="}, {}, "", {"TRIGGERD_FD=3", "TZ="}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(worker_environment(row.inherited, std::nullopt, row.added, row.sdk), row.expected) << row.name;
  }
}

TEST(WorkerEnvironment, OfAnotherUser) {
  const config::Account account{"orders", 4711, 4711, {}, "/srv/orders"};
  const Lines ours{"HOME=/daemon", "USER=root", "LOGNAME=root", "PATH=/bin"};
  EXPECT_EQ(worker_environment(ours, account, {}, ""),
            (Lines{"HOME=/srv/orders", "LOGNAME=orders", "PATH=/bin", "TRIGGERD_FD=3", "USER=orders"}));
  EXPECT_EQ(worker_environment(ours, account, {{"HOME", "/own"}}, ""),
            (Lines{"HOME=/own", "LOGNAME=orders", "PATH=/bin", "TRIGGERD_FD=3", "USER=orders"}));
}

TEST(WorkerEnvironment, OwnIsTheProcessEnvironment) {
  ::setenv("WORKER_TEST_VARIABLE", "here", 1);
  const Lines own = own_environment();
  EXPECT_NE(std::find(own.begin(), own.end(), "WORKER_TEST_VARIABLE=here"), own.end());
}

}  // namespace
}  // namespace triggerd::worker
