// Commits, and giving partitions up: revokes and the drain.
#include <algorithm>
#include <set>

#include "base/invariant.hpp"
#include "pipeline/pipeline.hpp"

namespace triggerd::pipeline {

// Counted in records: a committable that only stepped over a hole says nothing new.
bool Pipeline::uncommitted(const PartitionState& partition) const {
  return !partition.fenced && partition.queue.first_unsettled().sequence > partition.committed_sequence;
}

void Pipeline::commit() {
  const auto when = commit_schedule_.when();
  if (!when || *when > now_) return;
  Commit action;
  for (auto& [source, partition] : partitions_) {
    if (!uncommitted(partition)) continue;
    partition.committing = partition.queue.first_unsettled();
    partition.committing->offset = partition.tracker.committable();
    action.offsets.push_back({source, partition.committing->offset});
  }
  commit_schedule_.started();
  if (action.offsets.empty()) {
    commit_schedule_.succeeded();
    return;
  }
  actions_->push_back(std::move(action));
}

void Pipeline::handle(const CommitDone& event) {
  bool failed = false;
  for (const CommitResult& result : event.results) {
    PartitionState* partition = find(result.source);
    // Given up and assigned again meanwhile: the result speaks of another epoch.
    if (partition == nullptr || !partition->committing || partition->committing->offset != result.offset)
      continue;
    const dispatch::Place place = *partition->committing;
    partition->committing.reset();
    if (result.outcome == CommitResult::Outcome::ok) {
      partition->committed = place.offset;
      partition->committed_sequence = place.sequence;
      account(*partition);
      make_ready(*partition);
      continue;
    }
    failed = true;
    notice(Notice::Kind::commit_failed, *partition, result.offset, result.error);
    // Nothing can be committed for it any more; the group says so in its own time.
    if (result.outcome == CommitResult::Outcome::rejected && partition->revoking) partition->fenced = true;
  }
  failed ? commit_schedule_.failed(now_) : commit_schedule_.succeeded();
  ++(failed ? stats_.commits_failed : stats_.commits_ok);
  // Settled while it was under way.
  for (const auto& [source, partition] : partitions_) {
    if (uncommitted(partition)) {
      commit_schedule_.dirty(now_);
      break;
    }
  }
}

// Nothing new is delivered; the worker releases what it has not begun (PROTOCOL.md §7).
void Pipeline::stop_running(PartitionState& partition) {
  if (partition.worker)
    actions_->push_back(CancelPartition{*partition.worker, partition.source, partition.epoch});
  partition.queue.drop_undelivered();
  partition.parked_until.reset();
  account(partition);
}

void Pipeline::end_running(PartitionState& partition, const char* reason) {
  if (partition.worker) kill(*partition.worker, reason);
}

void Pipeline::kill(WorkerId worker, std::string reason) {
  if (!workers_.contains(worker) || workers_.all().at(worker).doomed) return;
  workers_.doom(worker);
  actions_->push_back(KillWorker{worker, std::move(reason)});
}

void Pipeline::progress_revokes() {
  std::erase_if(revokes_, [this](Revoke& revoke) {
    bool running = false;
    bool to_commit = false;
    for (const TopicPartition& source : revoke.partitions) {
      PartitionState* partition = find(source);
      if (partition == nullptr) continue;
      running = running || partition->outstanding > 0;
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
    running = running || partition.outstanding > 0;
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
