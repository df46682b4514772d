#include "scale/rates.hpp"

#include <algorithm>
#include <cmath>

namespace triggerd::scale {
namespace {

using std::chrono::seconds;

constexpr Duration kMemory = seconds(30);
constexpr Duration kGap = seconds(120);
constexpr double kLeastBusy = 0.1;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void Mean::add(double value, TimePoint at) {
  if (last_ && at <= *last_) return;
  if (!last_ || at - *last_ > kGap) {
    first_ = at;
    mean_ = value;
  } else {
    mean_ += (value - mean_) * (1 - std::exp(-in_seconds(at - *last_) / in_seconds(kMemory)));
  }
  last_ = at;
}

std::optional<double> Mean::value() const {
  if (!last_ || *last_ - *first_ < kMemory) return std::nullopt;
  return std::round(mean_ * 10) / 10;
}

void ArrivalRate::update(const lag::Snapshot& snapshot) {
  if (!snapshot.taken || !snapshot.complete || (taken_ && *snapshot.taken <= *taken_)) return;
  std::map<TopicPartition, Offset> ends;
  std::int64_t came = 0;
  for (const lag::PartitionLag& p : snapshot.partitions) {
    if (!p.end) continue;
    const auto before = ends_.find(p.source);
    // A topic made anew begins at 0 again.
    if (before != ends_.end()) came += std::max<std::int64_t>(p.end->value - before->second.value, 0);
    ends.emplace(p.source, *p.end);
  }
  if (taken_) mean_.add(static_cast<double>(came) / in_seconds(*snapshot.taken - *taken_), *snapshot.taken);
  taken_ = snapshot.taken;
  ends_ = std::move(ends);
}

void HandlingRate::update(double handled, double busy, TimePoint now) {
  if (busy >= kLeastBusy) mean_.add(handled / std::min(busy, 1.0), now);
}

}  // namespace triggerd::scale
