// Which partitions without a commit came to a topic, or to a ^regex, after the group had begun to read it.
// Pure.
//
// They begin at their start even with `startFrom: latest`, or what was written before their assignment would
// be lost (KAFKA-20539). A commit in the topic says that the group has read it; for a topic found by regex,
// so does one in another such topic. A commit that a member made only just now, because it began with us,
// says nothing: members that start together look their partitions up one after another, some at the second
// try.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/types.hpp"

namespace triggerd::checkpoint {

// The group is still beginning so long after the birth that a commit names (checkpoint::Progress), in
// seconds.
inline constexpr std::uint64_t kGroupBeginsFor = 30;

struct GroupCommit {
  TopicPartition source;
  Offset offset;
  std::string metadata;
};

// It names its birth, not long ago: it says nothing of what the group reads. `now`: seconds since 1970.
bool just_begun(const GroupCommit& commit, std::uint64_t now);

// `named`: the topics subscribed to by name. `now`: seconds since 1970.
std::set<TopicPartition> later_partitions(const std::set<TopicPartition>& without_commit,
                                          const std::vector<GroupCommit>& commits,
                                          const std::set<std::string>& named, std::uint64_t now);

}  // namespace triggerd::checkpoint
