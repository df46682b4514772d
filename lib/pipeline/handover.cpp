// Commits, and giving partitions up: revokes and the drain.
#include <algorithm>
#include <set>

#include "base/invariant.hpp"
#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {

// Counted in records: a committable that only stepped over a hole says nothing new, unless it is at the end.
// Attempts alone are worth a commit when the partition is given up.
bool Pipeline::uncommitted(const PartitionState& partition) const {
  if (partition.fenced) return false;
  if (partition.tracker.settled() != partition.last.settled || partition.none_yet) return true;
  if (partition.passed && partition.tracker.all_settled()) return true;
  const bool going = partition.revoking || drain_;
  if (partition.full && policy_.journal && !going) return true;  // the journal could not be written
  return going && partition.queue.attempts_changed() != partition.last.attempts;
}

void Pipeline::commit() {
  const auto when = commit_schedule_.when();
  if (!when || *when > now_) return;
  Commit action;
  for (auto& [source, partition] : partitions_) {
    if (uncommitted(partition)) action.offsets.push_back(snapshot(partition));
  }
  commit_schedule_.started();
  if (action.offsets.empty()) {
    commit_schedule_.succeeded();
    return;
  }
  actions_->push_back(std::move(action));
}

OffsetCommit Pipeline::snapshot(PartitionState& partition) {
  const checkpoint::OffsetTracker& tracker = partition.tracker;
  checkpoint::Progress progress{.base = tracker.committable(), .born = partition.born};
  progress.settled = tracker.beyond();
  for (const auto& [offset, failed] : partition.queue.attempts())
    progress.attempts.push_back({offset, failed});
  // Of records not read yet, which lie behind; what is below the position does not exist any more.
  const Offset unread = std::max(tracker.position(), tracker.committable());
  for (auto it = partition.earlier_failures.lower_bound(unread); it != partition.earlier_failures.end(); ++it)
    progress.attempts.push_back({it->first, it->second});
  const checkpoint::Encoded encoded = checkpoint::encode(progress, policy_.max_metadata_bytes);
  const std::uint64_t uncovered = tracker.settled_past(encoded.covered);
  partition.committing = {tracker.committable(), tracker.settled(), tracker.settled() - uncovered,
                          tracker.settled() - tracker.settled_past(tracker.committable()),
                          partition.queue.attempts_changed()};
  OffsetCommit commit{partition.source, tracker.committable(), encoded.text};
  if (!encoded.whole && policy_.journal) commit.journal = std::move(progress);
  return commit;
}

void Pipeline::handle(const CommitDone& event) {
  bool failed = false;
  bool again = false;  // the journal was not written: soon, and then later and later
  for (const CommitResult& result : event.results) {
    PartitionState* partition = find(result.source);
    // Given up and assigned again meanwhile: the result speaks of another epoch.
    if (partition == nullptr || !partition->committing || partition->committing->offset != result.offset)
      continue;
    PartitionState::Snapshot made = *partition->committing;
    partition->committing.reset();
    if (result.outcome == CommitResult::Outcome::ok) {
      committed(*partition, made, result.journaled);
      again = again || (partition->full && policy_.journal);
      continue;
    }
    failed = true;
    notice(Notice::Kind::commit_failed, *partition, result.offset, result.error);
    // Nothing can be committed for it any more; the group says so in its own time.
    if (result.outcome == CommitResult::Outcome::rejected && partition->revoking) partition->fenced = true;
  }
  failed || again ? commit_schedule_.failed(now_) : commit_schedule_.succeeded();
  ++(failed ? stats_.commits_failed : stats_.commits_ok);
  // Settled while it was under way.
  for (const auto& [source, partition] : partitions_) {
    if (uncommitted(partition)) {
      commit_schedule_.dirty(now_);
      break;
    }
  }
}

void Pipeline::committed(PartitionState& partition, PartitionState::Snapshot made, bool journaled) {
  if (journaled) made.covered = made.settled;
  const bool full = made.covered < made.settled;
  if (full && !partition.full) notice(Notice::Kind::progress_full, partition, made.offset);
  partition.full = full;
  partition.committed = made.offset;
  partition.none_yet = false;
  partition.passed = partition.passed && made.offset < partition.tracker.position();
  partition.last = made;
  // Until the gaps fit again, or a journal takes them: what is done beyond would be done twice after a crash.
  partition.queue.hold_flow(full);
  touch(partition);
}

// Nothing new is delivered; its workers release what they have not begun (PROTOCOL.md §7).
void Pipeline::stop_running(PartitionState& partition) {
  for (const WorkerId worker : workers_with(partition))
    actions_->push_back(CancelPartition{worker, partition.source, partition.epoch});
  if (uncommitted(partition)) commit_schedule_.dirty(now_);
}

std::set<WorkerId> Pipeline::workers_with(const PartitionState& partition) const {
  std::set<WorkerId> workers;
  if (partition.outstanding == 0) return workers;
  for (const auto& [id, out] : outstanding_) {
    if (out.source == partition.source && out.epoch == partition.epoch) workers.insert(out.worker);
  }
  return workers;
}

void Pipeline::end_running(const PartitionState& partition, const char* reason) {
  for (const WorkerId worker : workers_with(partition)) kill(worker, reason);
}

void Pipeline::kill(WorkerId worker, std::string reason, bool blame) {
  if (!workers_.contains(worker) || workers_.all().at(worker).doomed) return;
  workers_.doom(worker);
  actions_->push_back(KillWorker{worker, std::move(reason), blame});
}

void Pipeline::progress_revokes() {
  std::erase_if(revokes_, [this](Revoke& revoke) {
    bool running = false;
    bool to_commit = false;
    for (const TopicPartition& source : revoke.partitions) {
      PartitionState* partition = find(source);
      if (partition == nullptr) continue;
      running = running || partition->outstanding > 0 || partition->dead_letters > 0;
      to_commit = to_commit || uncommitted(*partition) || partition->committing;
    }
    if (running && now_ >= revoke.deadline && !revoke.timed_out) {
      revoke.timed_out = true;
      for (const TopicPartition& source : revoke.partitions) {
        PartitionState* partition = find(source);
        if (partition == nullptr || partition->outstanding == 0) continue;
        notice(Notice::Kind::revoke_timed_out, *partition, partition->tracker.committable(),
               "attempts were still running at revokeTimeout");
        end_running(*partition, "still running at revokeTimeout");
      }
    }
    const bool out_of_time = now_ >= revoke.deadline + kHandoverGrace;
    if (!out_of_time && (running || to_commit)) {
      if (!running) commit_schedule_.hurry(now_);
      revoke.timed_out = revoke.timed_out || now_ >= revoke.deadline;
      return false;
    }
    for (const TopicPartition& source : revoke.partitions) remove(source);
    actions_->push_back(FinishRevoke{revoke.partitions});
    return true;
  });
}

void Pipeline::progress_drain() {
  if (!drain_ || drain_->done) return;
  bool running = false;
  bool to_commit = commit_schedule_.under_way();
  for (const auto& [source, partition] : partitions_) {
    running = running || partition.outstanding > 0 || partition.dead_letters > 0;
    to_commit = to_commit || uncommitted(partition);
  }
  if (now_ >= drain_->deadline && !drain_->timed_out) {
    drain_->timed_out = true;
    for (auto& [source, partition] : partitions_) {
      if (partition.outstanding > 0) end_running(partition, "still running at the end of the drain");
    }
  }
  if ((running || to_commit) && now_ < drain_->deadline + kHandoverGrace) {
    if (!running && to_commit) {
      commit_schedule_.hurry(now_);
      commit();
    }
    return;
  }
  drain_->done = true;
  actions_->push_back(Drained{});
}

}  // namespace triggerd::pipeline
