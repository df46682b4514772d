#include "daemon/notify.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace triggerd::daemon {
namespace {

using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string>;

constexpr int kPid = 4711;

Notifier::Environment environment(const Variables& variables) {
  return [&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

// What systemd has at the other end.
class Receiver {
 public:
  explicit Receiver(const std::string& name) : name_(name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0) << name;
  }
  ~Receiver() {
    close(fd_);
    if (name_[0] == '/') unlink(name_.c_str());
  }
  // The next datagram; empty: none has been sent (a datagram arrives before send returns).
  std::string next() const {
    char buffer[512];
    const ssize_t size = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  std::string name_;
  int fd_;
};

class NotifierTest : public testing::Test {
 protected:
  NotifierTest() {
    directory_ = testing::TempDir() + "notify-XXXXXX";
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/notify";
  }
  ~NotifierTest() override { rmdir(directory_.c_str()); }

  std::string directory_, path_;
};

TEST_F(NotifierTest, SaysEachState) {
  const Receiver systemd(path_);
  const Variables variables{{"NOTIFY_SOCKET", path_}};
  Notifier notifier(environment(variables), kPid);
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(systemd.next(), "READY=1");
  EXPECT_TRUE(notifier.ready("3 triggers"));
  EXPECT_EQ(systemd.next(), "READY=1\nSTATUS=3 triggers");
  EXPECT_TRUE(notifier.status("2 of 3 triggers ready"));
  EXPECT_EQ(systemd.next(), "STATUS=2 of 3 triggers ready");
  EXPECT_TRUE(notifier.watchdog());
  EXPECT_EQ(systemd.next(), "WATCHDOG=1");
  EXPECT_TRUE(notifier.extend(10s));
  EXPECT_EQ(systemd.next(), "EXTEND_TIMEOUT_USEC=10000000");
  EXPECT_TRUE(notifier.stopping());
  EXPECT_EQ(systemd.next(), "STOPPING=1");
  EXPECT_TRUE(notifier.stopping("draining"));
  EXPECT_EQ(systemd.next(), "STOPPING=1\nSTATUS=draining");
  EXPECT_EQ(systemd.next(), "");
}

TEST_F(NotifierTest, KnowsAbstractNames) {
  const std::string name = "@triggerd-notify-test-" + std::to_string(getpid());
  const Receiver systemd(name);
  const Variables variables{{"NOTIFY_SOCKET", name}};
  Notifier notifier(environment(variables), kPid);
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(systemd.next(), "READY=1");
}

// A status with a line break would otherwise be able to say READY=1.
TEST_F(NotifierTest, AStatusIsOneLine) {
  const Receiver systemd(path_);
  const Variables variables{{"NOTIFY_SOCKET", path_}};
  Notifier notifier(environment(variables), kPid);
  EXPECT_TRUE(notifier.status("bad\nREADY=1"));
  EXPECT_EQ(systemd.next(), "STATUS=bad READY=1");
}

TEST_F(NotifierTest, WithoutSystemdEachCallDoesNothing) {
  for (const Variables& variables : {Variables{}, Variables{{"NOTIFY_SOCKET", ""}}}) {
    Notifier notifier(environment(variables), kPid);
    EXPECT_TRUE(notifier.ready("x") && notifier.status("x") && notifier.watchdog() && notifier.stopping("x"));
    EXPECT_EQ(notifier.watchdog_interval(), std::nullopt);
  }
}

TEST_F(NotifierTest, ANameItCannotUseIsIgnored) {
  for (const std::string& name : {std::string("relative/path"), std::string("/"), std::string("@"),
                                  std::string("vsock:2:1234"), "/" + std::string(107, 'x')}) {
    const Variables variables{{"NOTIFY_SOCKET", name}, {"WATCHDOG_USEC", "1000"}};
    testing::internal::CaptureStdout();
    Notifier notifier(environment(variables), kPid);
    EXPECT_NE(testing::internal::GetCapturedStdout().find("notify_failed"), std::string::npos) << name;
    EXPECT_TRUE(notifier.ready()) << name;
    EXPECT_EQ(notifier.watchdog_interval(), std::nullopt) << name;
  }
}

TEST_F(NotifierTest, TheLongestNameWorks) {
  const std::string name = "@" + std::string(106, 'x');
  const Receiver systemd(name);
  const Variables variables{{"NOTIFY_SOCKET", name}};
  Notifier notifier(environment(variables), kPid);
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(systemd.next(), "READY=1");
}

TEST_F(NotifierTest, SurvivesASystemdThatComesBack) {
  const Variables variables{{"NOTIFY_SOCKET", path_}};
  Notifier notifier(environment(variables), kPid);
  testing::internal::CaptureStdout();
  EXPECT_FALSE(notifier.ready());
  EXPECT_FALSE(notifier.watchdog());
  const std::string log = testing::internal::GetCapturedStdout();
  EXPECT_EQ(log.find("notify_failed"), log.rfind("notify_failed"))
      << "logged once, not at each beat: " << log;
  EXPECT_NE(log.find("notify_failed"), std::string::npos);
  {
    const Receiver systemd(path_);
    EXPECT_TRUE(notifier.watchdog());
    EXPECT_EQ(systemd.next(), "WATCHDOG=1");
  }
  const Receiver replaced(path_);
  EXPECT_TRUE(notifier.watchdog());
  EXPECT_EQ(replaced.next(), "WATCHDOG=1");
}

// A full socket costs the send timeout, not the loop.
TEST_F(NotifierTest, DoesNotHangWhereNobodyReads) {
  const Receiver systemd(path_);
  const Variables variables{{"NOTIFY_SOCKET", path_}};
  Notifier notifier(environment(variables), kPid);
  int sent = 0;
  testing::internal::CaptureStdout();
  while (notifier.watchdog()) ASSERT_LT(++sent, 100'000);
  testing::internal::GetCapturedStdout();
  EXPECT_GT(sent, 0);
  EXPECT_EQ(systemd.next(), "WATCHDOG=1");
  EXPECT_TRUE(notifier.watchdog());
}

TEST_F(NotifierTest, WatchdogInterval) {
  struct Row {
    Variables variables;
    std::optional<Duration> interval;
  };
  const Row rows[] = {
      {{}, std::nullopt},
      {{{"WATCHDOG_USEC", "30000000"}}, 15s},
      {{{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "4711"}}, 15s},
      {{{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "4712"}}, std::nullopt},
      {{{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "we"}}, std::nullopt},
      {{{"WATCHDOG_USEC", "1"}}, 500ns},
      {{{"WATCHDOG_USEC", "0"}}, std::nullopt},
      {{{"WATCHDOG_USEC", "-5"}}, std::nullopt},
      {{{"WATCHDOG_USEC", "5s"}}, std::nullopt},
      {{{"WATCHDOG_USEC", ""}}, std::nullopt},
      {{{"WATCHDOG_USEC", "18446744073709551615"}}, 12h},
      {{{"WATCHDOG_USEC", "18446744073709551616"}}, std::nullopt},
  };
  for (const Row& row : rows) {
    Variables variables = row.variables;
    variables["NOTIFY_SOCKET"] = path_;
    testing::internal::CaptureStdout();
    const Notifier notifier(environment(variables), kPid);
    testing::internal::GetCapturedStdout();
    const std::string usec = variables["WATCHDOG_USEC"] + " pid " + variables["WATCHDOG_PID"];
    EXPECT_EQ(notifier.watchdog_interval(), row.interval) << usec;
    EXPECT_EQ(notifier.watchdog_interval(1s), std::min<Duration>(1s, row.interval.value_or(1s))) << usec;
  }
}

}  // namespace
}  // namespace triggerd::daemon
