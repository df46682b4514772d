#include "worker/recycle.hpp"

#include <algorithm>
#include <utility>

#include "base/invariant.hpp"

namespace triggerd::worker {

const char* name(RecycleReason reason) { return reason == RecycleReason::requests ? "requests" : "memory"; }

std::uint64_t draw_request_limit(std::uint64_t max_requests, double unit) {
  const double less = static_cast<double>(max_requests) * 0.2 * (1 - unit);
  return max_requests - static_cast<std::uint64_t>(less);
}

MemoryVerdict judge_memory(std::uint64_t bytes, std::uint64_t max_memory) {
  if (max_memory == 0 || bytes <= max_memory) return MemoryVerdict::keep;
  return bytes - max_memory > max_memory / 2 ? MemoryVerdict::kill : MemoryVerdict::recycle;
}

void Recycling::due(WorkerId worker, RecycleReason reason) {
  const bool known = (current_ && current_->worker == worker) ||
                     std::ranges::any_of(due_, [&](const Due& d) { return d.worker == worker; });
  if (!known) due_.push_back({worker, reason});
}

void Recycling::forget(WorkerId worker) {
  std::erase_if(due_, [&](const Due& d) { return d.worker == worker; });
}

std::optional<Recycling::Due> Recycling::begin() {
  if (current_ || waiting_ || due_.empty()) return std::nullopt;
  current_ = due_.front();
  due_.pop_front();
  return current_;
}

Recycling::Due Recycling::replaced() {
  TRIGGERD_INVARIANT(current_ && !draining_, "a replacement belongs to somebody");
  draining_ = true;
  starts_.healthy();
  return *current_;
}

Duration Recycling::not_replaced(Duration lifetime, double unit) {
  TRIGGERD_INVARIANT(current_ && !draining_, "a replacement belongs to somebody");
  due_.push_front(*std::exchange(current_, std::nullopt));
  return wait(starts_.after(false, lifetime, unit));
}

std::optional<Duration> Recycling::gone(WorkerId worker, Duration lifetime, double unit) {
  forget(worker);
  if (!current_ || current_->worker != worker) return std::nullopt;
  const bool for_memory = current_->reason == RecycleReason::memory;
  current_.reset();
  if (!std::exchange(draining_, false) || !for_memory) return std::nullopt;
  return wait(memory_.after(true, lifetime, unit));
}

Duration Recycling::wait(Duration duration) {
  waiting_ = true;
  return duration;
}

}  // namespace triggerd::worker
