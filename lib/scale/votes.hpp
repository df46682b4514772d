// How the original's scale controller is answered: votes from samples, targets, and one answer for all
// functions. Pure.
//
// The original's KafkaGenericTopicScaler and KafkaGenericTargetScaler, and the SDK's ScaleManager, rule by
// rule, for controllers that expect them. Our own answer is scaler.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace triggerd::scale {

inline constexpr std::size_t kVoteSamples = 5;

// `lags`: the trigger's total lag in records, oldest first. 1: one more worker, -1: one fewer, 0: neither.
int incremental_vote(std::span<const std::int64_t> lags, std::int64_t workers, std::int64_t partitions,
                     std::int64_t lag_threshold);

// What one target result leaves for the next.
struct TargetMemory {
  std::optional<std::int64_t> last;
  std::optional<TimePoint> last_up;
};
// `concurrency`: what one instance takes at once, in place of the threshold; both at least 1.
std::int64_t target_result(std::int64_t lag, std::int64_t partitions, std::int64_t lag_threshold,
                           std::optional<std::int64_t> concurrency, TargetMemory& memory, TimePoint now);

// A function votes or names a target.
struct FunctionScale {
  std::string name;
  int vote = 0;
  std::optional<std::int64_t> target = {};  // then the vote is not looked at
};
struct HostStatus {
  int vote = 0;
  std::optional<std::int64_t> target_workers;  // none where no function names one
  std::map<std::string, int> votes;
  std::map<std::string, std::int64_t> targets;
};
HostStatus host_status(const std::vector<FunctionScale>& functions, std::int64_t workers);

}  // namespace triggerd::scale
