#include "scale/stuck.hpp"

#include <algorithm>

namespace triggerd::scale {
namespace {

bool is_read(lag::Owner owner) { return owner == lag::Owner::us || owner == lag::Owner::other; }

}  // namespace

const std::set<TopicPartition>& StuckPartitions::update(const lag::Snapshot& snapshot, Duration after) {
  stuck_.clear();
  std::map<TopicPartition, Standing> standing;
  for (const lag::PartitionLag& p : snapshot.partitions) {
    if (!p.lag || *p.lag <= 0 || !is_read(p.owner)) continue;
    const auto before = standing_.find(p.source);
    Standing now{p.sampled, p.owner};
    // What began to stand while we did not look has stood since we looked first.
    if (before != standing_.end() && before->second.owner == p.owner)
      now.since = std::max(before->second.since, p.moved);
    // Not by the clock: between two answers nothing is known.
    if (p.sampled - now.since >= after) stuck_.insert(p.source);
    standing.emplace(p.source, now);
  }
  standing_ = std::move(standing);
  return stuck_;
}

Duration stuck_after(Duration least, Duration handler_p99) { return std::max(least, 3 * handler_p99); }

}  // namespace triggerd::scale
