// The log lines of this process, while it lives: stderr goes to memory. For tests that wait for a line.
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.hpp"

namespace triggerd::testing {

class LogCapture {
 public:
  LogCapture()
      : memory_(memfd_create("log", MFD_CLOEXEC)), stderr_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    dup2(memory_, STDERR_FILENO);
    log::configure(log::Level::debug, log::Format::logfmt);
  }
  ~LogCapture() {
    dup2(stderr_, STDERR_FILENO);
    close(stderr_);
    close(memory_);
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::string text() const {
    std::string result;
    char buffer[4096];
    for (ssize_t got = 0;
         (got = pread(memory_, buffer, sizeof buffer, static_cast<off_t>(result.size()))) > 0;) {
      result.append(buffer, static_cast<std::size_t>(got));
    }
    return result;
  }
  // Every line in which `part` occurs.
  std::vector<std::string> lines(std::string_view part) const {
    std::vector<std::string> result;
    std::istringstream all(text());
    for (std::string line; std::getline(all, line);) {
      if (line.find(part) != std::string::npos) result.push_back(line);
    }
    return result;
  }
  bool has(std::string_view part) const { return text().find(part) != std::string::npos; }

 private:
  int memory_;
  int stderr_;
};

}  // namespace triggerd::testing
