#include "trigger/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <random>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"

namespace triggerd::trigger {
namespace {

using checkpoint::Interval;
using checkpoint::JournalPlace;
using checkpoint::JournalRecord;
using checkpoint::JournalRef;
using checkpoint::Progress;

constexpr std::size_t kMaxInUse = 16u << 20;
constexpr std::size_t kRewriteLeast = 4u << 20;
constexpr std::size_t kMaxFileBytes =
    kRewriteLeast + 2 * kMaxInUse + checkpoint::kMaxJournalRecordBytes;  // larger: not ours

// The error of the last system call.
Error failed(const char* code, const std::string& what) {
  const int number = errno;
  return {code, what + ": " + errno_text(number)};
}

bool write_all(int fd, std::string_view bytes, std::size_t at) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    at += static_cast<std::size_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// As many bytes as there are, at most `size`; nullopt: see errno.
std::optional<std::string> read_some(int fd, std::size_t begin, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t count = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(begin + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  bytes.resize(have);
  return bytes;
}

// A file that another daemon has just replaced by a rewritten one can be locked, and is not the journal.
bool is_at(int fd, const std::string& path) {
  struct stat opened{}, named{};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

std::uint64_t random_id() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

// What was written for a later base says the same of the committed one: all below it is settled.
Progress seen_from(Offset committed, Progress progress) {
  if (progress.base == committed) return progress;
  Interval done{committed, progress.base};
  auto& settled = progress.settled;
  if (!settled.empty() && settled.front().first == done.end) {
    settled.front().first = committed;
  } else {
    settled.insert(settled.begin(), done);
  }
  progress.base = committed;
  return progress;
}

}  // namespace

Journal::Journal(std::string path, std::string trigger, std::string group)
    : path_(std::move(path)), trigger_(std::move(trigger)), group_(std::move(group)), id_(random_id()) {}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory, const std::string& trigger,
                                               std::string group) {
  const std::string path = directory + "/" + trigger + ".journal";
  std::unique_ptr<Journal> journal(new Journal(path, trigger, std::move(group)));
  journal->file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!journal->file_) return failed("journal_open_failed", "cannot open " + path);
  const int fd = journal->file_.get();
  const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) return failed("journal_open_failed", "cannot lock " + path);
  if (!locked || !is_at(fd, path)) return Error{"journal_locked", path + " is in use by another daemon"};
  if (auto loaded = journal->load(); !loaded) return std::move(loaded).error();
  return journal;
}

Result<void> Journal::load() {
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) return failed("journal_open_failed", "cannot stat " + path_);
  if (status.st_size == 0) return {};
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string damage = "larger than any journal";
  if (size <= kMaxFileBytes) {
    const auto bytes = read_some(file_.get(), 0, size);
    if (!bytes) return failed("journal_open_failed", "cannot read " + path_);
    if (auto scan = checkpoint::scan_journal(*bytes, group_)) {
      id_ = scan->id;
      sequence_ = scan->sequence;
      last_ = std::move(scan->last);
      end_ = scan->end;
      damage = std::move(scan->damage);
    } else {
      damage = scan.error().message;
    }
  }
  for (const auto& [source, place] : last_) in_use_ += place.bytes;
  if (damage.empty()) return {};
  log::warn("journal_damaged", {{"trigger", trigger_},
                                {"file", path_},
                                {"kept_bytes", end_},
                                {"lost_bytes", size - end_},
                                {"reason", damage}});
  // What was behind must not come to life when the gap before it has been written again.
  if (::ftruncate(file_.get(), static_cast<off_t>(end_)) != 0)
    return failed("journal_open_failed", "cannot cut " + path_);
  return {};
}

Result<JournalRef> Journal::write(const TopicPartition& source, const Progress& progress) {
  JournalRecord record{sequence_ + 1, group_, source, progress};
  record.progress.journal.reset();
  TRY(const std::string bytes, checkpoint::encode_journal_record(record));
  const auto before = last_.find(source);
  const std::size_t others = in_use_ - (before == last_.end() ? 0 : before->second.bytes);
  if (others + bytes.size() > kMaxInUse)
    return Error{"journal_full", path_ + " would hold more than " + std::to_string(kMaxInUse) + " bytes"};
  if (auto appended = append(bytes); !appended) return std::move(appended).error();
  last_[source] = {++sequence_, end_ - bytes.size(), bytes.size()};
  in_use_ = others + bytes.size();
  if (end_ > rewrite_at()) rewrite();
  return JournalRef{id_, sequence_};
}

Result<void> Journal::append(const std::string& record) {
  const std::string bytes = end_ == 0 ? checkpoint::encode_journal_head(id_) + record : record;
  if (!write_all(file_.get(), bytes, end_)) {
    Error error = failed("journal_write_failed", "cannot write " + path_);
    // A full disk gets its room back. Where that fails too, the next record covers the rest of this one.
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(end_));
    return error;
  }
  end_ += bytes.size();
  return {};
}

std::optional<Progress> Journal::read(const TopicPartition& source, JournalRef ref, Offset committed) const {
  const auto found = last_.find(source);
  if (ref.id != id_ || found == last_.end() || found->second.sequence < ref.sequence) return std::nullopt;
  const auto bytes = read_some(file_.get(), found->second.begin, found->second.bytes);
  if (!bytes) return std::nullopt;
  auto record = checkpoint::parse_journal_record(*bytes);
  if (!record || record->source != source || record->group != group_) return std::nullopt;
  if (record->progress.base < committed) return std::nullopt;
  return seen_from(committed, std::move(record->progress));
}

void Journal::erase(const TopicPartition& source) {
  const auto found = last_.find(source);
  if (found == last_.end()) return;
  in_use_ -= found->second.bytes;
  last_.erase(found);
}

std::size_t Journal::rewrite_at() const { return std::max(kRewriteLeast + 2 * in_use_, no_rewrite_before_); }

void Journal::rewrite() {
  const std::string path = path_ + ".new";
  const Result<void> done = rewrite_into(path);
  if (done) {
    no_rewrite_before_ = 0;
    return;
  }
  ::unlink(path.c_str());
  no_rewrite_before_ = end_ + kRewriteLeast;
  log::warn("journal_rewrite_failed", {{"trigger", trigger_}, {"reason", done.error().message}});
}

// The records in use, under a new name first: whoever is killed here leaves the old file or the new one.
Result<void> Journal::rewrite_into(const std::string& path) {
  worker::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return failed("journal_write_failed", "cannot open " + path);
  // Before it has the journal's name, so that nobody comes between.
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return failed("journal_write_failed", "cannot lock " + path);
  std::string bytes = checkpoint::encode_journal_head(id_);
  bytes.reserve(bytes.size() + in_use_);
  auto places = last_;
  for (auto& [source, place] : places) {
    const auto record = read_some(file_.get(), place.begin, place.bytes);
    if (!record) return failed("journal_write_failed", "cannot read " + path_);
    if (record->size() < place.bytes) return Error{"journal_write_failed", path_ + " has become shorter"};
    place.begin = bytes.size();
    bytes += *record;
  }
  if (!write_all(file.get(), bytes, 0)) return failed("journal_write_failed", "cannot write " + path);
  if (std::rename(path.c_str(), path_.c_str()) != 0)
    return failed("journal_write_failed", "cannot rename " + path);
  file_ = std::move(file);
  last_ = std::move(places);
  end_ = bytes.size();
  return {};
}

}  // namespace triggerd::trigger
