// How many instances the work asks for, before anything is smoothed: the sum over partitions, the rules, the
// caps. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "config/schema.hpp"
#include "lag/snapshot.hpp"
#include "scale/decision.hpp"

namespace triggerd::scale {

// The lag part of the evidence. A partition whose lag is not known counts for nothing: who asks must hold.
Evidence sum_up(const lag::Snapshot& snapshot, const std::set<TopicPartition>& stuck,
                const config::ScalePolicy& policy);

// What each rule asks for. `current`: instances there are.
Wants wants(const Evidence& evidence, const config::ScalePolicy& policy, std::uint32_t current);

// A partition is read by one instance, whatever the order in it. Absent where idle ones are allowed; else at
// least 1.
std::optional<std::uint32_t> cap_of(const Evidence& evidence, const config::ScalePolicy& policy);

// The fewest instances with which no instance has more partitions than with `instances` of them.
std::uint32_t even(std::uint32_t instances, std::uint32_t partitions);

struct Demand {
  std::uint32_t instances = 0;  // 0: no rule asks for one
  Rule rule = Rule::lag;        // the last that changed the number
};
// The greatest of the wants within the cap and maxInstances. minInstances and zero are the scaler's business.
Demand demand(const Wants& wants, const Evidence& evidence, std::optional<std::uint32_t> cap,
              const config::ScalePolicy& policy);

}  // namespace triggerd::scale
