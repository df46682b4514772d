#include "worker/rights.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace triggerd::worker {
namespace {

config::WorkerSpec run_as(std::uint32_t uid, std::uint32_t gid) {
  config::WorkerSpec worker;
  worker.account = config::Account{"x", uid, gid, {gid}, "/"};
  return worker;
}

TEST(Rights, OurOwnAccountTakesNone) {
  EXPECT_EQ(missing_rights({}), "");
  EXPECT_EQ(missing_rights(run_as(::geteuid(), ::getegid())), "");
  EXPECT_TRUE(is_own({"x", ::geteuid(), ::getegid(), {}, "/"}));
  EXPECT_FALSE(is_own({"x", ::geteuid() + 1, ::getegid(), {}, "/"}));
  EXPECT_FALSE(is_own({"x", ::geteuid(), ::getegid() + 1, {}, "/"}));
}

TEST(Rights, AnotherTakesCapabilities) {
  const std::string missing = missing_rights(run_as(::geteuid() + 1, ::getegid()));
  if (::geteuid() == 0)
    EXPECT_EQ(missing, "");
  else
    EXPECT_EQ(missing, "CAP_SETUID, CAP_SETGID, CAP_KILL");
}

// In a process of its own, for a lowered hard limit cannot be raised again.
TEST(Rights, ALimitAboveOurs) {
  const auto in_child = [] {
    const rlimit low = {.rlim_cur = 256, .rlim_max = 256};
    ::setrlimit(RLIMIT_NOFILE, &low);
    config::WorkerSpec worker;
    worker.limits.open_files = 256;
    const bool at_it = missing_rights(worker).empty();
    worker.limits.open_files = 257;
    const std::string missing = missing_rights(worker);
    const rlimit high = {.rlim_cur = 257, .rlim_max = 257};
    const bool may = ::setrlimit(RLIMIT_NOFILE, &high) == 0;  // root, but not in every container
    ::_exit(at_it && missing == (may ? "" : "CAP_SYS_RESOURCE") ? 0 : 1);
  };
  EXPECT_EXIT(in_child(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace triggerd::worker
