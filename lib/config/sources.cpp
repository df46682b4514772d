#include "config/sources.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace triggerd::config {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;

Error cannot_read(const std::string& path, const std::string& why) {
  return {why == errno_text(EISDIR) ? "is_directory" : "read_failed", "cannot read " + path + ": " + why};
}

class File {
 public:
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Not by the size that stat names: credentials may be pipes or files of /proc, which have none.
Result<std::string> read_file(const std::string& path) {
  if (path.find('\0') != std::string::npos) return cannot_read(path, "the name contains a NUL byte");
  const File file(path);
  if (file.fd() < 0) return cannot_read(path, errno_text(errno));
  std::string text;
  std::array<char, 16'384> buffer;
  for (;;) {
    const ssize_t n = ::read(file.fd(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cannot_read(path, errno_text(errno));
    if (n == 0) return {boost::system::in_place_value, std::move(text)};
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > kMostBytes)
      return cannot_read(path, "larger than " + std::to_string(kMostBytes >> 20) + " MiB");
  }
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> release(&found, ::globfree);
  if (::glob(pattern.c_str(), 0, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

// Of the getpw… and getgr… functions that take a name or a number: what they found, or nothing.
template <typename Entry, typename Key>
std::optional<Entry> entry(int (*find)(Key, Entry*, char*, std::size_t, Entry**), Key key,
                           std::vector<char>& strings) {
  Entry found{};
  Entry* result = nullptr;
  int error = 0;
  while ((error = find(key, &found, strings.data(), strings.size(), &result)) == ERANGE)
    strings.resize(strings.size() * 4);
  return error == 0 && result != nullptr ? std::optional(found) : std::nullopt;
}

// 4294967295 would be "no change" to the calls that take it.
std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value != UINT32_MAX ? std::optional(value) : std::nullopt;
}

std::optional<gid_t> group_number(const std::string& group) {
  std::vector<char> strings(4'096);
  const auto found = entry<::group, const char*>(::getgrnam_r, group.c_str(), strings);
  return found ? std::optional(found->gr_gid) : number(group);
}

// The first attempt says how many there are.
std::vector<std::uint32_t> groups_of(const std::string& user, gid_t gid) {
  std::vector<gid_t> groups(16);
  int count = static_cast<int>(groups.size());
  while (::getgrouplist(user.c_str(), gid, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Result<Account> account(const std::string& user, const std::string& group) {
  std::vector<char> strings(4'096);
  auto found = entry<::passwd, const char*>(::getpwnam_r, user.c_str(), strings);
  const std::optional<uid_t> uid = found ? found->pw_uid : number(user);
  if (!uid) return Error{"user", "there is no user"};
  if (!found) found = entry<::passwd, uid_t>(::getpwuid_r, *uid, strings);
  const std::optional<gid_t> gid = !group.empty() ? group_number(group)
                                   : found        ? std::optional(found->pw_gid)
                                                  : std::nullopt;
  if (!gid && !group.empty()) return Error{"group", "there is no group"};
  if (!gid) return Error{"user", "worker.group is needed, for the user database has no user"};
  if (!found) return Account{user, *uid, *gid, {*gid}, "/"};
  return Account{found->pw_name, *uid, *gid, groups_of(found->pw_name, *gid), found->pw_dir};
}

}  // namespace

Sources system_sources() { return {read_file, environment, matches, account}; }

}  // namespace triggerd::config
