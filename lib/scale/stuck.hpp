// Which partitions do not move though somebody reads them: their lag asks for no instance, because no
// instance would help. Pure.
//
// By time and ownership, not by two polls alike (KEDA's excludePersistentLag), which takes a slow handler, or
// a group without members, for a stuck one. Time counts while there is lag: a partition without records does
// not move either, and is not stuck the moment some come.
#pragma once

#include <map>
#include <set>

#include "base/time.hpp"
#include "lag/snapshot.hpp"

namespace triggerd::scale {

class StuckPartitions {
 public:
  // `after`: how long it must have stood.
  const std::set<TopicPartition>& update(const lag::Snapshot& snapshot, Duration after);

 private:
  struct Standing {
    TimePoint since;
    lag::Owner owner;
  };
  std::map<TopicPartition, Standing> standing_;  // with lag, and with an owner
  std::set<TopicPartition> stuck_;
};

// At least `least`, and three times what a slow handler takes.
Duration stuck_after(Duration least, Duration handler_p99);

}  // namespace triggerd::scale
