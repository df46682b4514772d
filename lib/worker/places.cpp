#include "worker/places.hpp"

#include <algorithm>

#include "worker/roster.hpp"

namespace triggerd::worker {

std::uint32_t Places::wanted() const {
  return static_cast<std::uint32_t>(std::ranges::count(places_, false, &Place::retired));
}

void Places::grow(std::uint32_t processes) {
  for (Place& place : places_) {
    if (place.retired && wanted() < processes) place.retired = false;
  }
  while (wanted() < processes) places_.emplace_back(loop_, timings_);
}

Place* Places::spare(Roster& roster, const Place* busy) {
  const auto use = [&roster](const Place& place) {
    const Worker* const worker = place.worker ? roster.worker(*place.worker) : nullptr;
    if (worker == nullptr) return 0;
    return worker->state() == Worker::State::ready ? 2 : 1;
  };
  Place* best = nullptr;
  for (Place& place : places_) {
    if (place.retired || &place == busy) continue;
    const bool less = best == nullptr || use(place) < use(*best);
    if (less || (use(place) == use(*best) && place.worker > best->worker)) best = &place;
  }
  return best;
}

}  // namespace triggerd::worker
