// The journal on real files: what a killed daemon, a full disk or a second daemon leaves of it.
#include "trigger/journal.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"
#include "support/log_capture.hpp"
#include "support/progress_text.hpp"

namespace triggerd::trigger {
namespace {

namespace fs = std::filesystem;
using checkpoint::JournalRef;
using checkpoint::Progress;

TopicPartition source(std::int32_t partition) { return {Topic("orders"), Partition{partition}}; }

// `runs` settled records, every second one, behind a base that is not.
Progress scattered(std::int64_t base, int runs) {
  Progress progress{Offset{base}};
  for (int i = 0; i < runs; ++i)
    progress.settled.push_back({Offset{base + 1 + 2 * i}, Offset{base + 2 + 2 * i}});
  progress.attempts.push_back({Offset{base}, 3});
  return progress;
}

// This process's largest file, while it lives: a full disk that needs no rights.
class FileLimit {
 public:
  explicit FileLimit(std::size_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::configure(log::Level::off, log::Format::logfmt);
    std::string pattern = (fs::temp_directory_path() / "triggerd-journal-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ / "orders.journal";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<Journal> open(const std::string& group = "group") {
    auto journal = Journal::open(folder_.string(), "orders", group);
    EXPECT_TRUE(journal) << journal.error().message;
    return journal ? std::move(*journal) : nullptr;
  }
  std::string bytes() const {
    std::ostringstream out;
    out << std::ifstream(path_, std::ios::binary).rdbuf();
    return out.str();
  }
  void put(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  fs::path folder_, path_;
};

TEST_F(JournalTest, IsThereForTheNextDaemon) {
  const Progress one = scattered(100, 5'000);
  JournalRef ref;
  {
    const auto journal = open();
    ref = journal->write(source(0), one).value();
    EXPECT_EQ(journal->read(source(0), ref, Offset{100}), one);
  }
  const auto journal = open();
  EXPECT_EQ(journal->read(source(0), ref, Offset{100}), one);
  const JournalRef next = journal->write(source(1), one).value();
  EXPECT_EQ(next.id, ref.id);
  EXPECT_GT(next.sequence, ref.sequence);
  EXPECT_EQ(journal->read(source(0), ref, Offset{100}), one)
      << "as the commit of another partition changes nothing";
}

TEST_F(JournalTest, IsNotWrittenBeforeThereIsSomething) {
  open().reset();
  EXPECT_EQ(fs::file_size(path_), 0U);
  open().reset();
  EXPECT_EQ(fs::file_size(path_), 0U);
}

TEST_F(JournalTest, IsReadableByItsOwnerOnlyAndClosedOnExec) {
  const auto journal = open();
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  int found = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (fs::read_symlink(entry, gone) != path_) continue;
    ++found;
    EXPECT_NE(::fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
}

TEST_F(JournalTest, AnswersOnlyWhatACommitNames) {
  const auto journal = open();
  const JournalRef ref = journal->write(source(0), scattered(100, 3)).value();
  EXPECT_TRUE(journal->read(source(0), ref, Offset{100}));
  EXPECT_FALSE(journal->read(source(1), ref, Offset{100})) << "another partition";
  EXPECT_FALSE(journal->read({Topic("other"), Partition{0}}, ref, Offset{100})) << "another topic";
  EXPECT_FALSE(journal->read(source(0), {ref.id + 1, ref.sequence}, Offset{100})) << "another machine's";
  EXPECT_FALSE(journal->read(source(0), {ref.id, ref.sequence + 1}, Offset{100})) << "lost with the power";
  EXPECT_FALSE(journal->read(source(0), ref, Offset{101})) << "the commit has gone on without it";
}

TEST_F(JournalTest, OfAnotherGroupIsNotOurs) {
  const JournalRef ref = open()->write(source(0), scattered(100, 3)).value();
  const auto journal = open("another");
  EXPECT_FALSE(journal->read(source(0), ref, Offset{100}));
  EXPECT_GT(journal->write(source(0), scattered(100, 3)).value().sequence, ref.sequence);
}

TEST_F(JournalTest, ANewFileHasANewId) {
  const JournalRef ref = open()->write(source(0), scattered(100, 3)).value();
  fs::remove(path_);
  const auto journal = open();
  EXPECT_FALSE(journal->read(source(0), ref, Offset{100}));
  EXPECT_NE(journal->write(source(0), scattered(100, 3)).value().id, ref.id);
}

// The record that the commit names may have been followed by others whose commits did not arrive.
TEST_F(JournalTest, AFewerRecordsOldCommitIsGivenAllThatWasSettledSince) {
  const auto journal = open();
  const JournalRef ref = journal->write(source(0), {Offset{10}, {{Offset{12}, Offset{20}}}}).value();
  const auto read = [&] { return journal->read(source(0), ref, Offset{10}); };

  ASSERT_TRUE(journal->write(source(0), {Offset{10}, {{Offset{12}, Offset{25}}}}));
  EXPECT_EQ(read(), (Progress{Offset{10}, {{Offset{12}, Offset{25}}}}));
  ASSERT_TRUE(journal->write(source(0), {Offset{25}, {{Offset{27}, Offset{30}}}, {{Offset{26}, 1}}}));
  EXPECT_EQ(read(),
            (Progress{Offset{10}, {{Offset{10}, Offset{25}}, {Offset{27}, Offset{30}}}, {{Offset{26}, 1}}}));
  ASSERT_TRUE(journal->write(source(0), {Offset{30}, {{Offset{30}, Offset{33}}}}));
  EXPECT_EQ(read(), (Progress{Offset{10}, {{Offset{10}, Offset{33}}}}));
  ASSERT_TRUE(journal->write(source(0), {Offset{40}, {}, {{Offset{40}, 1}}}));
  EXPECT_EQ(read(), (Progress{Offset{10}, {{Offset{10}, Offset{40}}}, {{Offset{40}, 1}}}));
}

TEST_F(JournalTest, NamesNoJournalItself) {
  const auto journal = open();
  Progress progress = scattered(10, 3);
  progress.journal = JournalRef{1, 2};
  const JournalRef ref = journal->write(source(0), progress).value();
  EXPECT_EQ(journal->read(source(0), ref, Offset{10}), scattered(10, 3));
}

// kill -9 in the middle of a write.
TEST_F(JournalTest, CutAnywhereKeepsTheRecordsBeforeAndGoesOn) {
  std::vector<JournalRef> refs;
  std::vector<std::size_t> ends;
  {
    const auto journal = open();
    for (int i = 0; i < 3; ++i) {
      refs.push_back(journal->write(source(i), scattered(100, 2 + i)).value());
      ends.push_back(fs::file_size(path_));
    }
  }
  const std::string whole = bytes();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size));
    put(whole.substr(0, size));
    {
      const auto journal = open();
      for (std::size_t i = 0; i < refs.size(); ++i) {
        const auto read = journal->read(source(static_cast<int>(i)), refs[i], Offset{100});
        ASSERT_EQ(read.has_value(), ends[i] <= size) << i;
        EXPECT_EQ(read.value_or(scattered(100, 2 + static_cast<int>(i))),
                  scattered(100, 2 + static_cast<int>(i)));
      }
      ASSERT_TRUE(journal->write(source(7), scattered(200, 1)));
    }
    const auto journal = open();
    const auto again = journal->write(source(8), scattered(300, 1)).value();
    EXPECT_TRUE(journal->read(source(7), {again.id, 1}, Offset{200})) << "what was written after the cut";
    for (std::size_t i = 0; i < refs.size(); ++i)
      EXPECT_EQ(journal->read(source(static_cast<int>(i)), refs[i], Offset{100}).has_value(),
                ends[i] <= size);
  }
}

// What lies behind a damaged record must not come back when records of the same length have taken its place.
TEST_F(JournalTest, NothingBehindADamagedRecordComesBack) {
  {
    const auto journal = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(journal->write(source(i), scattered(100, 2)));
  }
  std::string damaged = bytes();
  const std::size_t record = (damaged.size() - checkpoint::kJournalHeadBytes) / 3;
  damaged[checkpoint::kJournalHeadBytes + record + 20] ^= 1;  // in the second
  put(damaged);
  JournalRef ref;
  {
    const auto journal = open();
    EXPECT_EQ(fs::file_size(path_), checkpoint::kJournalHeadBytes + record);
    ref = journal->write(source(1), scattered(100, 2)).value();
  }
  const auto journal = open();
  EXPECT_TRUE(journal->read(source(0), {ref.id, 1}, Offset{100}));
  EXPECT_TRUE(journal->read(source(1), ref, Offset{100}));
  EXPECT_FALSE(journal->read(source(2), {ref.id, 1}, Offset{100}));
}

TEST_F(JournalTest, AFileThatIsNotOursIsBegunAnew) {
  for (const std::string& text : {std::string("#!/bin/sh\n"), std::string(5'000, '\0'),
                                  std::string("triggerd-journal"), std::string("x")}) {
    put(text);
    JournalRef ref;
    {
      const auto journal = open();
      ref = journal->write(source(0), scattered(10, 2)).value();
    }
    EXPECT_EQ(open()->read(source(0), ref, Offset{10}), scattered(10, 2)) << text.substr(0, 16);
  }
}

TEST_F(JournalTest, AFileTooLargeForAJournalIsNotRead) {
  JournalRef ref;
  {
    const auto journal = open();
    ref = journal->write(source(0), scattered(10, 2)).value();
  }
  fs::resize_file(path_, 38u << 20);  // a hole
  EXPECT_FALSE(open()->read(source(0), ref, Offset{10}));
  EXPECT_EQ(fs::file_size(path_), 0U);
}

TEST_F(JournalTest, TwoDaemonsNeverShareOne) {
  auto first = open();
  ASSERT_TRUE(first->write(source(0), scattered(10, 2)));
  const auto second = Journal::open(folder_.string(), "orders", "group");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "journal_locked");
  EXPECT_EQ(second.error().message, path_.string() + " is in use by another daemon");
  EXPECT_TRUE(Journal::open(folder_.string(), "payments", "group")) << "another trigger's";
  first.reset();
  EXPECT_TRUE(Journal::open(folder_.string(), "orders", "group"));
}

TEST_F(JournalTest, WhatCannotBeOpenedIsAnError) {
  const auto absent = Journal::open((folder_ / "absent").string(), "orders", "group");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, "journal_open_failed");
  EXPECT_EQ(absent.error().message, "cannot open " + (folder_ / "absent" / "orders.journal").string() +
                                        ": No such file or directory");
  fs::create_directory(path_);
  EXPECT_EQ(Journal::open(folder_.string(), "orders", "group").error().code, "journal_open_failed");
}

TEST_F(JournalTest, AFullDiskIsAnErrorAndTheNextWriteTriesAgain) {
  auto journal = open();
  const JournalRef first = journal->write(source(0), scattered(10, 2)).value();
  const std::size_t size = fs::file_size(path_);
  const Progress large = scattered(100, 5'000);
  {
    const FileLimit full(size + 1'000);
    for (int i = 0; i < 3; ++i) {
      const auto refused = journal->write(source(1), large);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, "journal_write_failed");
      EXPECT_EQ(refused.error().message, "cannot write " + path_.string() + ": File too large");
      EXPECT_EQ(fs::file_size(path_), size) << "it gives back what it could write of it";
    }
    EXPECT_EQ(journal->read(source(0), first, Offset{10}), scattered(10, 2));
    EXPECT_TRUE(journal->write(source(2), scattered(20, 2))) << "what still fits";
  }
  const JournalRef second = journal->write(source(1), large).value();
  journal = nullptr;
  journal = open();
  EXPECT_EQ(journal->read(source(0), first, Offset{10}), scattered(10, 2));
  EXPECT_EQ(journal->read(source(1), second, Offset{100}), large);
}

TEST_F(JournalTest, ADiskThatIsFullFromTheBeginningIsNotTheEnd) {
  const auto journal = open();
  {
    const FileLimit full(10);
    EXPECT_EQ(journal->write(source(0), scattered(10, 2)).error().code, "journal_write_failed");
    EXPECT_EQ(fs::file_size(path_), 0U);
  }
  const JournalRef ref = journal->write(source(0), scattered(10, 2)).value();
  EXPECT_EQ(journal->read(source(0), ref, Offset{10}), scattered(10, 2));
}

class JournalRewrite : public JournalTest {
 protected:
  // Until the file has become smaller, or has not.
  bool writes_until_rewritten(Journal& journal, int most) {
    std::size_t before = fs::file_size(path_);
    for (int i = 0; i < most; ++i) {
      last_ = scattered(1'000 + i, 20'000);
      ref_ = journal.write(source(0), last_).value();
      const std::size_t size = fs::file_size(path_);
      largest_ = std::max(largest_, size);
      if (size < before) return true;
      before = size;
    }
    return false;
  }
  Progress last_{};
  JournalRef ref_;
  std::size_t largest_ = 0;
};

TEST_F(JournalRewrite, KeepsTheLastRecordOfEachPartitionAndTheId) {
  auto journal = open();
  const JournalRef other = journal->write(source(1), scattered(10, 3)).value();
  const JournalRef erased = journal->write(source(2), scattered(10, 3)).value();
  journal->erase(source(2));
  EXPECT_FALSE(journal->read(source(2), erased, Offset{10}));
  ASSERT_TRUE(writes_until_rewritten(*journal, 1'000));
  EXPECT_LT(largest_, std::size_t{5} << 20);
  EXPECT_LT(fs::file_size(path_), 100'000U);
  EXPECT_EQ(ref_.id, other.id);
  for (int daemon = 0; daemon < 2; ++daemon) {
    EXPECT_EQ(journal->read(source(0), ref_, last_.base), last_);
    EXPECT_EQ(journal->read(source(1), other, Offset{10}), scattered(10, 3));
    EXPECT_FALSE(journal->read(source(2), erased, Offset{10}));
    journal = nullptr;
    EXPECT_FALSE(fs::exists(path_.string() + ".new"));
    journal = open();
  }
  ASSERT_TRUE(journal->write(source(3), scattered(10, 3))) << "it goes on in the new file";
}

TEST_F(JournalRewrite, LeavesTheLockWithTheNewFile) {
  const auto journal = open();
  ASSERT_TRUE(writes_until_rewritten(*journal, 1'000));
  EXPECT_EQ(Journal::open(folder_.string(), "orders", "group").error().code, "journal_locked");
}

// Nothing can be made where the new file should be: the old one goes on, and it is not tried at each write.
TEST_F(JournalRewrite, ThatFailsIsPutOff) {
  const triggerd::testing::LogCapture captured;
  const auto journal = open();
  const fs::path in_the_way = path_.string() + ".new";
  fs::create_directories(in_the_way / "full");
  ASSERT_FALSE(writes_until_rewritten(*journal, 150));
  EXPECT_GT(largest_, std::size_t{5} << 20);
  EXPECT_EQ(journal->read(source(0), ref_, last_.base), last_);
  EXPECT_EQ(captured.lines("event=journal_rewrite_failed trigger=orders reason=").size(), 1U)
      << captured.text();
  fs::remove_all(in_the_way);
  EXPECT_TRUE(writes_until_rewritten(*journal, 150));
  EXPECT_EQ(journal->read(source(0), ref_, last_.base), last_);
}

TEST_F(JournalRewrite, IsNotTheAnswerToTooMuchInUse) {
  const auto journal = open();
  const Progress large = scattered(10, 300'000);
  int written = 0;
  Result<JournalRef> last = JournalRef{};
  while (written < 100 && (last = journal->write(source(written), large))) ++written;
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, "journal_full");
  EXPECT_GT(written, 20);
  EXPECT_TRUE(journal->write(source(0), large)) << "in the place of what it had";
  EXPECT_FALSE(journal->write(source(written), large));
  journal->erase(source(0));
  EXPECT_TRUE(journal->write(source(written), large)) << "erasing makes room";
  EXPECT_FALSE(journal->write(source(0), large));
}

}  // namespace
}  // namespace triggerd::trigger
