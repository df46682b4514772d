#include "trigger/commit_journal.hpp"

#include <utility>

#include "base/log.hpp"

namespace triggerd::trigger {

CommitJournal::CommitJournal(const std::string& directory, std::string trigger, const std::string& group)
    : trigger_(std::move(trigger)) {
  if (directory.empty()) return;
  auto journal = Journal::open(directory, trigger_, group);
  if (journal) {
    journal_ = std::move(*journal);
  } else {
    log::warn("journal_not_available", {{"trigger", trigger_}, {"error", journal.error().message}});
  }
}

std::vector<pipeline::OffsetCommit> CommitJournal::written(std::vector<pipeline::OffsetCommit> commits) {
  under_way_.clear();
  for (pipeline::OffsetCommit& commit : commits) {
    bool& journaled = under_way_[commit.source];
    if (!journal_ || !commit.journal) continue;
    const auto ref = journal_->write(commit.source, *commit.journal);
    if (ref) {
      commit.journal->journal = *ref;
      commit.metadata = checkpoint::encode(*commit.journal).text;
      journaled = true;
    } else if (!failing_) {
      log::error("journal_write_failed", {{"trigger", trigger_}, {"error", ref.error().message}});
    }
    failing_ = !ref;
  }
  return commits;
}

pipeline::CommitDone CommitJournal::completed(pipeline::CommitDone done) {
  for (pipeline::CommitResult& result : done.results) {
    const auto found = under_way_.find(result.source);
    result.journaled = found != under_way_.end() && found->second;
    const bool ok = result.outcome == pipeline::CommitResult::Outcome::ok;
    if (journal_ && ok && !result.journaled) journal_->erase(result.source);
  }
  return done;
}

pipeline::Assigned CommitJournal::completed(pipeline::Assigned assigned) const {
  if (!journal_) return assigned;
  for (pipeline::PartitionStart& start : assigned.partitions) {
    if (!start.committed || start.metadata.empty()) continue;
    const auto progress = checkpoint::decode(start.metadata, *start.committed);
    if (progress && progress->journal)
      start.journaled = journal_->read(start.source, *progress->journal, *start.committed);
  }
  return assigned;
}

}  // namespace triggerd::trigger
