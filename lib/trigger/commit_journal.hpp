// Between the pipeline's commits and the trigger's journal: what a commit's metadata has no room for is
// written first and named in it, and read back with the assignment. Shell.
//
// Thread: the trigger's event loop. Without a state directory, or where the journal cannot be opened, commits
// go as they are.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/action.hpp"
#include "pipeline/event.hpp"
#include "trigger/journal.hpp"

namespace triggerd::trigger {

class CommitJournal {
 public:
  // `directory` empty: none. A failure is logged.
  CommitJournal(const std::string& directory, std::string trigger, const std::string& group);

  bool available() const { return journal_ != nullptr; }
  // Writes what is to be journaled; gives the commits as they are to be sent.
  std::vector<pipeline::OffsetCommit> written(std::vector<pipeline::OffsetCommit> commits);
  // The answer to those commits, and which of them were journaled.
  pipeline::CommitDone completed(pipeline::CommitDone done);
  // With what the journal holds for the commits that name it.
  pipeline::Assigned completed(pipeline::Assigned assigned) const;

 private:
  const std::string trigger_;
  std::unique_ptr<Journal> journal_;
  std::map<TopicPartition, bool> under_way_;  // of the commit that is not answered: was it journaled
  bool failing_ = false;                      // the last write failed, and that was logged
};

}  // namespace triggerd::trigger
