#include "config/sources.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace triggerd::config {
namespace {

namespace fs = std::filesystem;

class SystemSources : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "triggerd-sources-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) const {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  fs::path folder_;
  Sources sources_ = system_sources();
};

TEST_F(SystemSources, ReadFilesAsTheyAre) {
  const std::string bytes("a\0b\xff\r\n", 6);
  EXPECT_EQ(sources_.read_file(file("x", bytes)).value(), bytes);
  EXPECT_EQ(sources_.read_file(file("empty", "")).value(), "");
  const std::string large(100'000, 'x');
  EXPECT_EQ(sources_.read_file(file("large", large)).value(), large);
}

TEST_F(SystemSources, SayWhyAFileCannotBeRead) {
  const std::string absent = (folder_ / "absent").string();
  EXPECT_EQ(sources_.read_file(absent).error().message,
            "cannot read " + absent + ": No such file or directory");
  EXPECT_EQ(sources_.read_file(absent).error().code, "read_failed");
  EXPECT_EQ(sources_.read_file(folder_.string()).error().code, "is_directory");
  EXPECT_FALSE(sources_.read_file(std::string("a\0b", 3)));
  const Result<std::string> endless = sources_.read_file("/dev/zero");
  EXPECT_EQ(endless.error().message, "cannot read /dev/zero: larger than 16 MiB");
}

// A secret may come through a pipe: `${file:/dev/fd/9}`.
TEST_F(SystemSources, ReadPipes) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "secret", 6), 6);
  ::close(ends[1]);
  EXPECT_EQ(sources_.read_file("/dev/fd/" + std::to_string(ends[0])).value(), "secret");
  ::close(ends[0]);
}

TEST_F(SystemSources, AFifoWithoutAWriterDoesNotHang) {
  const std::string path = (folder_ / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(sources_.read_file(path).value(), "");
}

TEST_F(SystemSources, Environment) {
  ASSERT_EQ(::setenv("TRIGGERD_TEST_VARIABLE", "x", 1), 0);
  EXPECT_EQ(sources_.environment("TRIGGERD_TEST_VARIABLE"), "x");
  ASSERT_EQ(::setenv("TRIGGERD_TEST_VARIABLE", "", 1), 0);
  EXPECT_EQ(sources_.environment("TRIGGERD_TEST_VARIABLE"), "");
  ASSERT_EQ(::unsetenv("TRIGGERD_TEST_VARIABLE"), 0);
  EXPECT_EQ(sources_.environment("TRIGGERD_TEST_VARIABLE"), std::nullopt);
}

TEST_F(SystemSources, PatternsMatchSorted) {
  const std::vector<std::string> two{file("a.yaml", ""), file("b.yaml", "")};
  file("c.txt", "");
  file(".hidden.yaml", "");
  EXPECT_EQ(sources_.glob((folder_ / "*.yaml").string()), two);
  EXPECT_EQ(sources_.glob((folder_ / "a.yaml").string()), std::vector<std::string>{two[0]});
  EXPECT_TRUE(sources_.glob((folder_ / "*.none").string()).empty());
  EXPECT_TRUE(sources_.glob((folder_ / "absent").string()).empty());
}

TEST_F(SystemSources, LoadAFleetFromDisk) {
  file("secret", "p\n");
  file("more.yaml", "triggers: {b: {cluster: main, topic: b, worker: {command: [w]}}}\n");
  const std::string path = file("fleet.yaml",
                                "include: '*.yaml'\n"
                                "clusters: {main: {brokerList: 'k:1', protocol: saslSsl, authenticationMode: "
                                "plain, username: u, password: '${file:secret}'}}\n"
                                "triggers: {a: {cluster: main, topic: a, worker: {command: [w]}}}\n");
  const Loaded loaded = load(path, sources_);
  ASSERT_TRUE(loaded.fleet);
  EXPECT_TRUE(loaded.diagnostics.empty());
  ASSERT_EQ(loaded.fleet->triggers.size(), 2u);
  EXPECT_EQ(loaded.fleet->triggers[1].connection.password.reveal(), "p");
}

}  // namespace
}  // namespace triggerd::config
