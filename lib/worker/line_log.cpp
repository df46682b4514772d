#include "worker/line_log.hpp"

#include <chrono>

#include "base/log.hpp"

namespace triggerd::worker {
namespace {

log::Level level_of(std::string_view name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warn") return log::Level::warn;
  if (name == "error") return log::Level::error;
  return log::Level::info;
}

}  // namespace

bool LineLog::admit() {
  if (!limit_.admit(std::chrono::steady_clock::now())) return false;
  finish();
  return true;
}

void LineLog::finish() {
  const std::uint64_t lines = limit_.take_refused();
  if (lines == 0) return;
  log::warn("worker_output_suppressed",
            {{"trigger", trigger_}, {"worker", worker_.value}, {"pid", pid_}, {"lines", lines}});
}

void LineLog::output(std::string_view stream, std::string_view line, bool cut) {
  if (!log::enabled(log::Level::info) || !admit()) return;
  std::string text = as_utf8(line);
  if (cut) text += "…";
  log::info(
      "worker_output",
      {{"trigger", trigger_}, {"worker", worker_.value}, {"pid", pid_}, {"stream", stream}, {"line", text}});
}

void LineLog::frame(const wire::Log& line) {
  const log::Level level = level_of(line.level);
  if (!log::enabled(level) || !admit()) return;
  std::string text = line.message;
  if (text.size() > kMaxLineBytes) text = as_utf8(std::string_view(text).substr(0, kMaxLineBytes)) + "…";
  log::write(level, "worker_log",
             {{"trigger", trigger_}, {"worker", worker_.value}, {"pid", pid_}, {"message", text}});
}

}  // namespace triggerd::worker
