// What one worker says, in the daemon's log: its output lines and its Log frames, under one limit, so that a
// handler that prints per record costs neither disk nor the event loop.
//
// Thread: the trigger's event loop.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/types.hpp"
#include "wire/message.hpp"
#include "worker/lines.hpp"

namespace triggerd::worker {

class LineLog {
 public:
  LineLog(std::string trigger, WorkerId worker, pid_t pid)
      : trigger_(std::move(trigger)), worker_(worker), pid_(pid) {}

  // `stream`: stdout or stderr.
  void output(std::string_view stream, std::string_view line, bool cut);
  void frame(const wire::Log& log);
  // Says how many lines were suppressed, where some were.
  void finish();

 private:
  bool admit();
  std::string trigger_;
  WorkerId worker_;
  pid_t pid_;
  RateLimit limit_{200, 1000};
};

}  // namespace triggerd::worker
