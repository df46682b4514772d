#include "base/log.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

namespace triggerd::log {
namespace {

Format g_format = Format::logfmt;
bool g_journal = false;

std::string_view name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    case Level::off: break;
  }
  return "off";
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: break;
  }
  return spdlog::level::off;
}

// Priorities of syslog(3) as sd-daemon(3) prefixes them.
const char* priority(Level level) {
  switch (level) {
    case Level::debug: return "<7>";
    case Level::info: return "<6>";
    case Level::warn: return "<4>";
    case Level::error:
    case Level::off: break;
  }
  return "<3>";
}

// systemd sets JOURNAL_STREAM=device:inode of the stream it connected; a redirected stderr no longer matches.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

bool plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

void append_pair(std::string& out, Format format, std::string_view key, std::string_view value, bool number) {
  if (format == Format::json) {
    if (out.size() > 1) out += ',';
    append_quoted(out, key);
    out += ':';
    number ? void(out += value) : append_quoted(out, value);
    return;
  }
  if (!out.empty()) out += ' ';
  out += key;
  out += '=';
  number || plain(value) ? void(out += value) : append_quoted(out, value);
}

}  // namespace

std::string Field::number_text(double v) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, v, std::chars_format::general, 6);
  return {text, end.ptr};
}

std::string format_line(Format format, Level level, std::string_view event, std::span<const Field> fields) {
  std::string out = format == Format::json ? "{" : "";
  append_pair(out, format, "level", name(level), false);
  append_pair(out, format, "event", event, false);
  for (const Field& field : fields) append_pair(out, format, field.key, field.value, field.number);
  if (format == Format::json) out += '}';
  return out;
}

void configure(Level level, Format format) {
  g_format = format;
  g_journal = stderr_is_journal();
  auto logger =
      std::make_shared<spdlog::logger>("triggerd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const char* pattern = g_journal || format == Format::json ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %v";
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  logger->set_level(spdlog_level(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

bool enabled(Level level) { return spdlog::should_log(spdlog_level(level)); }

void write(Level level, std::string_view event, std::span<const Field> fields) {
  if (!enabled(level)) return;
  std::string line = format_line(g_format, level, event, fields);
  if (g_journal) line.insert(0, priority(level));
  spdlog::log(spdlog_level(level), "{}", line);
}

}  // namespace triggerd::log
