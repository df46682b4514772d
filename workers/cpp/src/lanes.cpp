#include "lanes.hpp"

namespace triggerd::worker_sdk {

Lanes::Lanes(std::string_view ordering)
    : ordering_(ordering == "none"  ? Ordering::none
                : ordering == "key" ? Ordering::key
                                    : Ordering::partition) {}

bool Lanes::Failed::older_than(const wire::Delivery& delivery) const {
  return delivery.epoch > epoch || (delivery.epoch == epoch && delivery.run > run);
}

// Within a partition. A null key's lane is not the empty key's.
std::string Lanes::lane(const wire::Delivery& delivery, std::uint32_t index) const {
  if (ordering_ == Ordering::partition) return {};
  const auto key = delivery.batch->key(index);
  return key ? "k" + std::string(*key) : "null";
}

bool Lanes::blocked(const wire::Delivery& delivery, std::uint32_t index) {
  if (failed_.empty()) return false;  // the usual case, asked for every record
  const auto found = failed_.find(delivery.source);
  if (found == failed_.end()) return false;
  if (found->second.older_than(delivery)) {
    failed_.erase(found);
    return false;
  }
  return found->second.epoch == delivery.epoch && found->second.lanes.contains(lane(delivery, index));
}

void Lanes::block(const wire::Delivery& delivery, std::uint32_t index) {
  if (ordering_ == Ordering::none) return;
  Failed& failed = failed_[delivery.source];
  if (failed.older_than(delivery)) failed.lanes.clear();
  failed.epoch = delivery.epoch;
  failed.run = delivery.run;
  failed.lanes.insert(lane(delivery, index));
}

}  // namespace triggerd::worker_sdk
