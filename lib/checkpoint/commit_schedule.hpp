// When to commit: soon after something was settled, at once where the in-flight limit waits for it, later
// after a failure, and never two at a time (design §6b 5). Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace triggerd::checkpoint {

struct CommitTiming {
  Duration interval = std::chrono::milliseconds(100);     // from the first settled record to its commit
  Duration retry_first = std::chrono::milliseconds(100);  // after a failed commit, doubled each time …
  Duration retry_most = std::chrono::seconds(5);          // … up to this
};

class CommitSchedule {
 public:
  explicit CommitSchedule(CommitTiming timing = {}) : timing_(timing) {}

  // Something became committable.
  void dirty(TimePoint now) {
    if (!due_) due_ = now + timing_.interval;
  }
  // Somebody waits: the in-flight limit, a revoke, a drain. Overrides the interval, not the back-off.
  void hurry(TimePoint now) {
    if (!due_ || *due_ > now) due_ = now;
  }
  void started() {
    under_way_ = true;
    due_.reset();
  }
  void succeeded() {
    under_way_ = false;
    failures_ = 0;
    not_before_.reset();
  }
  void failed(TimePoint now);

  bool under_way() const { return under_way_; }
  // When the next commit is to go out; nothing while one is under way or nothing is due.
  std::optional<TimePoint> when() const;

 private:
  CommitTiming timing_;
  std::optional<TimePoint> due_;
  std::optional<TimePoint> not_before_;
  std::uint32_t failures_ = 0;
  bool under_way_ = false;
};

}  // namespace triggerd::checkpoint
