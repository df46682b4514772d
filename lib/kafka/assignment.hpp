// The partitions we read, and how far each has been read. Pure.
//
// A partition is here from its assign call until its (incremental) unassign, not from the group's first word
// until its last: what the group gave us but has no start offset yet is StartOffsets' matter.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/types.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"

namespace triggerd::kafka {

// Which leader epoch each offset was written in, for the offsets not committed yet. A commit names the epoch
// of the record before its offset; a wrong one would look like a truncated log to the next owner.
class LeaderEpochs {
 public:
  // Offsets rise from call to call, unless an offset reset has gone back.
  void note(Offset offset, std::int32_t epoch);
  // -1: not known.
  std::int32_t of(Offset offset) const;
  // Nothing below will be asked for any more.
  void forget_below(Offset offset);

 private:
  struct Change {
    Offset from;
    std::int32_t epoch;
  };
  std::deque<Change> changes_;
};

struct ReadPartition {
  TopicPartition source;
  Offset position;        // the next offset to be handed out
  bool revoking = false;  // the group wants it back: nothing is handed out any more
  LeaderEpochs epochs{};
};

class Assignment {
 public:
  void add(const pipeline::PartitionStart& start);
  void remove(const std::vector<TopicPartition>& partitions);
  void clear() { partitions_.clear(); }

  // Those of `partitions` that are read and not being revoked already; from now on they are.
  std::vector<TopicPartition> start_revoke(const std::vector<TopicPartition>& partitions);

  ReadPartition* find(std::string_view topic, std::int32_t partition);
  std::vector<const ReadPartition*> all() const;  // in no order
  std::vector<TopicPartition> revoking() const;
  bool empty() const { return partitions_.empty(); }

  // The leader epoch a commit of this offset names; -1: not known.
  std::int32_t commit_epoch(const pipeline::OffsetCommit& commit);

 private:
  struct Name {
    std::string_view topic;
    std::int32_t partition;
    bool operator==(const Name&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Name& name) const {
      return std::hash<std::string_view>{}(name.topic) * 31 + static_cast<std::size_t>(name.partition);
    }
  };
  static Name name_of(const TopicPartition& source) { return {source.topic.name(), source.partition.value}; }
  // A key's text is that of the value's own topic, which never moves.
  std::unordered_map<Name, ReadPartition, Hash> partitions_;
};

}  // namespace triggerd::kafka
