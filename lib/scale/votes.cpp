#include "scale/votes.hpp"

#include <algorithm>
#include <functional>

#include "base/invariant.hpp"

namespace triggerd::scale {
namespace {

constexpr Duration kNotDownAfterUp = std::chrono::minutes(1);

// Of neighbours: each pair.
template <typename Relation>
bool throughout(std::span<const std::int64_t> values, Relation relation) {
  return std::ranges::adjacent_find(values, std::not_fn(relation)) == values.end();
}

// a > b · c, both positive, without the product.
bool exceeds(std::int64_t a, std::int64_t b, std::int64_t c) {
  return b == 0 ? a > 0 : (a - 1) / b >= c && a > 0;
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace

int incremental_vote(std::span<const std::int64_t> lags, std::int64_t workers, std::int64_t partitions,
                     std::int64_t lag_threshold) {
  if (lags.size() < kVoteSamples) return 0;
  const std::span<const std::int64_t> last = lags.last(kVoteSamples);
  if (partitions > 0 && partitions < workers) return -1;
  if (std::ranges::all_of(lags, [](std::int64_t lag) { return lag == 0; })) return -1;
  if (exceeds(last.back(), workers, lag_threshold)) return workers < partitions ? 1 : 0;
  if (lags.front() > 0 && workers < partitions && throughout(last, std::less<>())) return 1;
  if (workers > 1 && throughout(last, std::greater<>()) && last.back() / (workers - 1) < lag_threshold)
    return -1;
  return 0;
}

std::int64_t target_result(std::int64_t lag, std::int64_t partitions, std::int64_t lag_threshold,
                           std::optional<std::int64_t> concurrency, TargetMemory& memory, TimePoint now) {
  const std::int64_t each = concurrency.value_or(lag_threshold);
  TRIGGERD_INVARIANT(each >= 1, "an instance takes at least one record");
  std::int64_t target = 0;
  if (lag > 0) {
    target = std::min(ceil_div(lag, each), partitions);
    const std::int64_t before = memory.last.value_or(0);
    if (target < before && memory.last_up && now - *memory.last_up < kNotDownAfterUp) target = before;
    if (target > before) memory.last_up = now;
  }
  memory.last = target;
  return target;
}

HostStatus host_status(const std::vector<FunctionScale>& functions, std::int64_t workers) {
  HostStatus status;
  for (const FunctionScale& function : functions) {
    if (!function.target) {
      status.votes[function.name] = function.vote;
      continue;
    }
    status.targets[function.name] = *function.target;
    status.target_workers = std::max(status.target_workers.value_or(*function.target), *function.target);
  }
  const auto votes = [&](int vote) { return [vote](const auto& entry) { return entry.second == vote; }; };
  if (status.votes.empty() && status.target_workers)
    status.vote = (*status.target_workers > workers) - (*status.target_workers < workers);
  else if (std::ranges::any_of(status.votes, votes(1)))
    status.vote = 1;
  else if (workers > 0 && std::ranges::all_of(status.votes, votes(-1)))
    status.vote = -1;  // without any function, too
  return status;
}

}  // namespace triggerd::scale
