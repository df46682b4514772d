// A worker's standard output and error as lines: bounded in length, in number per second, and in what they
// may hold. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace triggerd::worker {

inline constexpr std::size_t kMaxLineBytes = 8 << 10;

// `cut`: the line was longer, and its rest was thrown away.
using LineSink = std::function<void(std::string_view line, bool cut)>;

// Bytes in any pieces → lines without their end (LF or CR LF).
class LineSplitter {
 public:
  void feed(std::string_view bytes, const LineSink& sink);
  // The last line, where it has no end.
  void finish(const LineSink& sink);

 private:
  void take(std::string_view bytes);
  void emit(const LineSink& sink);
  std::string line_;  // at most kMaxLineBytes
  bool cut_ = false;
};

// A token bucket: `burst` at once, `per_second` in the long run.
class RateLimit {
 public:
  RateLimit(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}
  bool admit(TimePoint now);
  // Refused since this was last asked.
  std::uint64_t take_refused();

 private:
  double per_second_, burst_, tokens_;
  TimePoint last_{};
  std::uint64_t refused_ = 0;
};

// The last bytes of a stream, for the report of a failure.
class Tail {
 public:
  explicit Tail(std::size_t limit) : limit_(limit) {}
  void append(std::string_view bytes);
  // From the beginning of a line where a cut left one, without the final line end.
  std::string text() const;

 private:
  std::size_t limit_;
  std::string bytes_;
  bool cut_ = false;
};

// The last of these lines that says something, cut at 200 bytes: a failure in one sentence.
std::string last_line(std::string_view text);

// Bytes that are not UTF-8 become U+FFFD: a log line must be text whatever a handler prints.
std::string as_utf8(std::string_view bytes);

}  // namespace triggerd::worker
