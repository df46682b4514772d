#include "checkpoint/later_partitions.hpp"

#include <algorithm>

#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {

std::set<TopicPartition> later_partitions(const std::set<TopicPartition>& without_commit,
                                          const std::vector<GroupCommit>& commits,
                                          const std::set<std::string>& named, std::uint64_t now) {
  std::set<std::string> read;  // topics
  for (const GroupCommit& commit : commits) {
    const auto said = decode(commit.metadata, commit.offset);
    const bool just_begun = said && said->born && *said->born + kGroupBeginsFor > now;
    if (!just_begun) read.insert(commit.source.topic.name());
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
