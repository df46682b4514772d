#include "config/sources.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <glob.h>
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

}  // namespace

Sources system_sources() { return {read_file, environment, matches}; }

}  // namespace triggerd::config
