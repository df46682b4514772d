// The demo's lines, from values. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "trigger/status.hpp"

namespace triggerd::daemon {

struct DemoSample {
  double seconds = 0;  // since the demo began
  std::uint64_t produced = 0;
  trigger::Status status;
};

// The table's head, two lines.
std::string demo_head();
// One line: what happened between two samples, and how things stand.
std::string demo_line(const DemoSample& before, const DemoSample& now);
// The last words.
std::string demo_summary(const DemoSample& last);

}  // namespace triggerd::daemon
