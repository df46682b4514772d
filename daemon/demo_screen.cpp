#include "daemon/demo_screen.hpp"

#include <algorithm>
#include <cstdio>

namespace triggerd::daemon {
namespace {

// "-" where it is not known.
std::string lag_text(const trigger::Status& status) {
  std::int64_t sum = 0;
  if (status.partitions.empty()) return "-";
  for (const trigger::PartitionReport& p : status.partitions) {
    if (!p.lag) return "-";
    sum += *p.lag;
  }
  return std::to_string(sum);
}

}  // namespace

std::string demo_head() {
  return "   time   produced    settled   settled/s      lag   in flight   retried   partitions   workers\n"
         "  -----   --------   --------   ---------   ------   ---------   -------   ----------   -------\n";
}

std::string demo_line(const DemoSample& before, const DemoSample& now) {
  const pipeline::Stats& s = now.status.stats;
  const double span = std::max(now.seconds - before.seconds, 1e-3);
  const double rate = static_cast<double>(s.settled_ok - before.status.stats.settled_ok) / span;
  char line[160];
  std::snprintf(line, sizeof line, "%6.0fs %10llu %10llu %11.0f %8s %11llu %9llu %12zu %9u\n", now.seconds,
                static_cast<unsigned long long>(now.produced), static_cast<unsigned long long>(s.settled_ok),
                rate, lag_text(now.status).c_str(), static_cast<unsigned long long>(s.in_flight),
                static_cast<unsigned long long>(s.attempts_failed), now.status.partitions.size(),
                now.status.pool.ready);
  return line;
}

std::string demo_summary(const DemoSample& last) {
  const pipeline::Stats& s = last.status.stats;
  std::string text = std::to_string(last.produced) + " records produced, " + std::to_string(s.settled_ok) +
                     " settled, " + std::to_string(s.attempts_failed) +
                     " attempts failed and were made again, " + std::to_string(s.commits_ok) + " commits.\n";
  if (s.settled_ok >= last.produced) {
    text += "Every record was handled, and its offset committed.\n";
  } else {
    text += std::to_string(last.produced - s.settled_ok) +
            " were not read any more; another run would begin there.\n";
  }
  return text;
}

}  // namespace triggerd::daemon
