// One log line per state change, on stderr, for shells and the daemon only (a lint test keeps it out of pure
// code).
//
//   log::info("worker_lost", {{"trigger", name}, {"reason", reason}});
//   → 2026-11-23T10:00:00.123Z level=info event=worker_lost trigger=orders reason="exit status 1"
//
// Under journald (JOURNAL_STREAM names our stderr) the time is left out and the line begins with the
// `<N>` priority of sd-daemon(3). Any thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace triggerd::log {

enum class Level { debug, info, warn, error, off };
enum class Format { logfmt, json };

// A key and a value already turned into text.
struct Field {
  std::string_view key;
  std::string value;
  bool number = false;  // JSON writes it unquoted

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  Field(std::string_view k, T v) : key(k), value(number_text(v)), number(true) {}

 private:
  static std::string number_text(bool v) { return v ? "true" : "false"; }
  static std::string number_text(double v);
  template <typename T>
    requires std::is_integral_v<T>
  static std::string number_text(T v) {
    return std::to_string(v);
  }
};
using Fields = std::initializer_list<Field>;

// Called once, before any thread starts.
void configure(Level level, Format format);
bool enabled(Level level);
void write(Level level, std::string_view event, std::span<const Field> fields);
inline void write(Level level, std::string_view event, Fields fields) {
  write(level, event, std::span(fields.begin(), fields.size()));
}

inline void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

// The text of one line, without time or priority; what `write` prints. Exposed for its tests. Pure.
std::string format_line(Format format, Level level, std::string_view event, std::span<const Field> fields);
inline std::string format_line(Format format, Level level, std::string_view event, Fields fields) {
  return format_line(format, level, event, std::span(fields.begin(), fields.size()));
}

}  // namespace triggerd::log
