#include "checkpoint/later_partitions.hpp"

#include <algorithm>

#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {

bool just_begun(const GroupCommit& commit, std::uint64_t now) {
  const auto said = decode(commit.metadata, commit.offset);
  return said && said->born && *said->born + kGroupBeginsFor > now;
}

std::set<TopicPartition> later_partitions(const std::set<TopicPartition>& without_commit,
                                          const std::vector<GroupCommit>& commits,
                                          const std::set<std::string>& named, std::uint64_t now) {
  std::set<std::string> read;  // topics
  for (const GroupCommit& commit : commits) {
    if (!just_begun(commit, now)) read.insert(commit.source.topic.name());
  }
  const auto by_regex = [&](const std::string& topic) { return !named.contains(topic); };
  const bool read_by_regex = std::ranges::any_of(read, by_regex);
  std::set<TopicPartition> later;
  for (const TopicPartition& source : without_commit) {
    const std::string& topic = source.topic.name();
    if (read.contains(topic) || (read_by_regex && by_regex(topic))) later.insert(source);
  }
  return later;
}

}  // namespace triggerd::checkpoint
