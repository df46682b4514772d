#include "trigger/budget.hpp"

#include <algorithm>

namespace triggerd::trigger {

void share_budget(std::vector<config::Trigger>& triggers, std::uint64_t most) {
  std::uint64_t wanted = 0;
  for (const config::Trigger& t : triggers) wanted += t.limits.max_in_flight_bytes;
  if (most == 0 || wanted <= most) return;
  const double part = static_cast<double>(most) / static_cast<double>(wanted);
  for (config::Trigger& t : triggers) {
    const auto share = static_cast<std::uint64_t>(static_cast<double>(t.limits.max_in_flight_bytes) * part);
    t.limits.max_in_flight_bytes =
        std::min(t.limits.max_in_flight_bytes, std::max(share, t.batch.max_batch_bytes));
  }
}

}  // namespace triggerd::trigger
