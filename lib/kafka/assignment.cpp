#include "kafka/assignment.hpp"

#include <algorithm>

namespace triggerd::kafka {

void LeaderEpochs::note(Offset offset, std::int32_t epoch) {
  while (!changes_.empty() && changes_.back().from >= offset) changes_.pop_back();
  if (changes_.empty() || changes_.back().epoch != epoch) changes_.push_back({offset, epoch});
}

std::int32_t LeaderEpochs::of(Offset offset) const {
  const auto after =
      std::ranges::find_if(changes_, [offset](const Change& change) { return change.from > offset; });
  return after == changes_.begin() ? -1 : std::prev(after)->epoch;
}

void LeaderEpochs::forget_below(Offset offset) {
  while (changes_.size() > 1 && changes_[1].from <= offset) changes_.pop_front();
}

void Assignment::add(const pipeline::PartitionStart& start) {
  ReadPartition read{start.source, start.position};
  const Name name = name_of(read.source);
  partitions_.erase(name);
  partitions_.emplace(name, std::move(read));
}

void Assignment::remove(const std::vector<TopicPartition>& partitions) {
  for (const TopicPartition& source : partitions) partitions_.erase(name_of(source));
}

std::vector<TopicPartition> Assignment::start_revoke(const std::vector<TopicPartition>& partitions) {
  std::vector<TopicPartition> started;
  for (const TopicPartition& source : partitions) {
    const auto found = partitions_.find(name_of(source));
    if (found == partitions_.end() || found->second.revoking) continue;
    found->second.revoking = true;
    started.push_back(found->second.source);
  }
  return started;
}

ReadPartition* Assignment::find(std::string_view topic, std::int32_t partition) {
  const auto found = partitions_.find({topic, partition});
  return found == partitions_.end() ? nullptr : &found->second;
}

std::vector<const ReadPartition*> Assignment::all() const {
  std::vector<const ReadPartition*> all;
  all.reserve(partitions_.size());
  for (const auto& [name, partition] : partitions_) all.push_back(&partition);
  return all;
}

std::vector<TopicPartition> Assignment::revoking() const {
  std::vector<TopicPartition> out;
  for (const auto& [name, partition] : partitions_) {
    if (partition.revoking) out.push_back(partition.source);
  }
  return out;
}

std::int32_t Assignment::commit_epoch(const pipeline::OffsetCommit& commit) {
  const auto found = partitions_.find(name_of(commit.source));
  if (found == partitions_.end()) return -1;
  const Offset last{commit.offset.value - 1};
  found->second.epochs.forget_below(last);
  return found->second.epochs.of(last);
}

}  // namespace triggerd::kafka
