#include "worker/cgroup.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace triggerd::worker {
namespace {

namespace fs = std::filesystem;

TEST(Cgroup, TheUnifiedPath) {
  EXPECT_EQ(unified_path("0::/system.slice/triggerd.service\n"), "/system.slice/triggerd.service");
  EXPECT_EQ(unified_path("4:memory:/jobs\n0::/\n"), "/");
  EXPECT_EQ(unified_path("4:memory:/jobs\n1:name=systemd:/\n"), "");
  EXPECT_EQ(unified_path("10::/no"), "");
  EXPECT_EQ(unified_path(""), "");
}

// A mount that is a folder of the test's.
class FindCgroup : public ::testing::Test {
 protected:
  FindCgroup() {
    std::string pattern = (fs::temp_directory_path() / "triggerd-cgroup-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    write("self", "0::/unit\n");
  }
  ~FindCgroup() override { fs::remove_all(root_); }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  Cgroup find() const { return find_cgroup(root_ / "self", root_); }

  fs::path root_;
};

TEST_F(FindCgroup, Delegated) {
  write("unit/cgroup.controllers", "cpu memory pids\n");
  write("unit/cgroup.subtree_control", "\n");
  write("unit/cgroup.procs", "1\n");
  const Cgroup found = find();
  EXPECT_EQ(found.path, "/unit");
  EXPECT_EQ(found.controllers, "cpu memory pids");
  EXPECT_TRUE(found.delegated);
}

TEST_F(FindCgroup, TheFilesOfAnother) {
  write("unit/cgroup.controllers", "cpu\n");  // no file to write to
  EXPECT_EQ(find().path, "/unit");
  EXPECT_FALSE(find().delegated);
}

TEST_F(FindCgroup, TheRootIsEverybodys) {
  write("self", "0::/\n");
  for (const char* file : {"cgroup.controllers", "cgroup.subtree_control", "cgroup.procs"}) write(file, "\n");
  EXPECT_EQ(find().path, "/");
  EXPECT_FALSE(find().delegated);
}

TEST_F(FindCgroup, VersionOne) {
  write("self", "4:memory:/jobs\n0::/unit\n");  // beside it, version 2 without files
  EXPECT_EQ(find().path, "");
  EXPECT_FALSE(find().delegated);
}

}  // namespace
}  // namespace triggerd::worker
