#include "lanes.hpp"

#include <algorithm>

namespace triggerd::worker_sdk {

namespace {

constexpr std::size_t kMostLanes = 1000;  // of a partition, held one by one

}  // namespace

Lanes::Lanes(std::string_view ordering)
    : ordering_(ordering == "none"  ? Ordering::none
                : ordering == "key" ? Ordering::key
                                    : Ordering::partition) {}

// Within a partition.
std::optional<std::string> Lanes::lane(const wire::Delivery& delivery, std::uint32_t index) const {
  if (ordering_ == Ordering::partition) return std::string();
  if (ordering_ == Ordering::none) return std::nullopt;
  const auto key = delivery.batch->key(index);
  return key ? std::optional(std::string(*key)) : std::nullopt;
}

bool Lanes::blocked(const wire::Delivery& delivery, std::uint32_t index) {
  if (held_.empty()) return false;  // the usual case, asked for every record
  const auto found = held_.find(delivery.source);
  if (found == held_.end() || found->second.epoch != delivery.epoch) return false;
  Held& held = found->second;
  const auto lane = this->lane(delivery, index);
  if (!lane) return false;
  if (held.every_lane && delivery.run <= *held.every_lane) return true;
  const auto run = held.runs.find(*lane);
  if (run == held.runs.end()) return false;
  if (delivery.run <= run->second) return true;
  held.runs.erase(run);
  if (held.runs.empty() && !held.every_lane) held_.erase(found);
  return false;
}

void Lanes::block(const wire::Delivery& delivery, std::uint32_t index) {
  const auto lane = this->lane(delivery, index);
  if (!lane) return;
  Held& held = held_.try_emplace(delivery.source, Held{delivery.epoch, {}, {}}).first->second;
  if (delivery.epoch > held.epoch) held = {delivery.epoch, {}, {}};
  if (delivery.epoch < held.epoch) return;
  std::uint32_t& run = held.runs[*lane];
  run = std::max(run, delivery.run);
  if (held.runs.size() <= kMostLanes) return;
  for (const auto& [name, highest] : held.runs)
    held.every_lane = std::max(held.every_lane.value_or(0), highest);
  held.runs.clear();
}

}  // namespace triggerd::worker_sdk
