#include "worker/roster.hpp"

#include <algorithm>

namespace triggerd::worker {

Member* Roster::find(WorkerId id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

Worker* Roster::worker(WorkerId id) {
  const Member* const member = find(id);
  return member ? member->worker.get() : nullptr;
}

std::uint32_t Roster::starting() const {
  PoolStats stats;
  count(stats);
  return stats.starting;
}

void Roster::count(PoolStats& stats) const {
  for (const auto& [id, member] : members_) {
    stats.ignored_answers += member.worker->ignored_answers();
    stats.largest_bytes = std::max(stats.largest_bytes, member.memory);
    switch (member.worker->state()) {
      case Worker::State::starting: ++stats.starting; break;
      case Worker::State::ready: ++stats.ready; break;
      case Worker::State::draining:
      case Worker::State::ending: ++stats.stopping; break;
      case Worker::State::gone: break;
    }
  }
}

}  // namespace triggerd::worker
