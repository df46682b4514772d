// One budget of bytes for the whole fleet, shared out at the start. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "config/schema.hpp"

namespace triggerd::trigger {

// Lowers each trigger's maxInFlightBytes in proportion where together they are more than `most` (0: no
// limit). None falls below what its largest batch needs, so with many triggers of large batches the sum may
// stay above.
void share_budget(std::vector<config::Trigger>& triggers, std::uint64_t most);

}  // namespace triggerd::trigger
