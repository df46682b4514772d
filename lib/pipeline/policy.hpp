// What of a trigger's configuration decides its behaviour. Pure data.
#pragma once

#include "base/time.hpp"
#include "checkpoint/commit_schedule.hpp"
#include "checkpoint/progress.hpp"
#include "config/schema.hpp"

namespace triggerd::pipeline {

// The slices of a trigger's configuration that decide.
struct Policy {
  config::BatchPolicy batch;
  config::Ordering ordering = config::Ordering::partition;
  config::Limits limits;
  config::RetryPolicy retry;
  config::FailurePolicy failure;
  Duration attempt_timeout = std::chrono::minutes(5);
  checkpoint::CommitTiming commit;
  // Work that may queue at a busy worker: hides the way there and back (some 50 µs) many times over, and is
  // soon done.
  Duration work_ahead = std::chrono::milliseconds(20);
  // Records that may be read and not delivered, if their bytes are within the limit too. Records come in runs
  // of one partition as long as a fetch response, so reading must go far ahead to find work for the other
  // lanes.
  std::uint64_t read_ahead = 100'000;
  // Work done beyond gaps that does not fit a commit's metadata is kept in a journal (Commit::journal).
  bool journal = false;
  std::size_t max_metadata_bytes = checkpoint::kMaxMetadataBytes;
};

}  // namespace triggerd::pipeline
