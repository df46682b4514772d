// What session tests deliver while the pool changes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "contract/session_rig.hpp"
#include "unit/worker/batches.hpp"

namespace triggerd::worker {

// The pipeline in small: each value at one ready worker at a time, two batches each, new values until it is
// enough, and then until all are answered ok.
class Flow {
 public:
  explicit Flow(SessionRig& rig) : rig_(rig) {}
  void enough() { enough_ = true; }
  bool done() const { return enough_ && waiting_.empty() && out_.empty(); }
  std::size_t values() const { return made_; }

  void take(const pipeline::Event& event) {
    if (const auto* ready = std::get_if<pipeline::WorkerReady>(&event)) workers_.insert(ready->worker);
    if (const auto* draining = std::get_if<pipeline::WorkerDraining>(&event))
      workers_.erase(draining->worker);
    if (const auto* lost = std::get_if<pipeline::WorkerLost>(&event)) {
      workers_.erase(lost->worker);
      for (auto& [id, batch] : out_) EXPECT_NE(batch.worker, lost->worker) << "it left work behind";
    }
    if (const auto* answered = std::get_if<pipeline::Answered>(&event)) settle(answered->ack);
    for (const WorkerId worker : workers_) feed(worker);
  }

 private:
  static constexpr std::size_t kBatch = 10;
  struct Batch {
    WorkerId worker;
    std::vector<std::string> values;
    std::vector<bool> answered;
  };
  void feed(WorkerId worker) {
    const auto mine = [&](const auto& entry) { return entry.second.worker == worker; };
    while (std::ranges::count_if(out_, mine) < 2) {
      while (!enough_ && waiting_.size() < kBatch) waiting_.push_back("v" + std::to_string(made_++));
      const auto size = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kBatch));
      if (size == 0) return;
      Batch batch{worker, {waiting_.begin(), waiting_.begin() + size}, {}};
      batch.answered.resize(batch.values.size());
      waiting_.erase(waiting_.begin(), waiting_.begin() + size);
      rig_.send(worker, delivery_of(++last_, batch_of(batch.values)));
      out_[last_] = std::move(batch);
    }
  }
  void settle(const wire::Ack& ack) {
    Batch& batch = out_.at(ack.id.value);
    std::vector<wire::Answer> answers = ack.answers;
    if (answers.empty())
      answers = {{.first = 0, .last = static_cast<std::uint32_t>(batch.values.size() - 1)}};
    for (const wire::Answer& answer : answers) {
      for (std::uint32_t i = answer.first; i <= answer.last; ++i) {
        if (batch.answered[i]) continue;
        batch.answered[i] = true;
        if (answer.code == wire::Answer::Code::release) waiting_.push_back(batch.values[i]);
      }
    }
    if (std::ranges::all_of(batch.answered, [](bool a) { return a; })) out_.erase(ack.id.value);
  }

  SessionRig& rig_;
  std::deque<std::string> waiting_;
  std::set<WorkerId> workers_;
  std::map<std::uint64_t, Batch> out_;
  std::uint64_t last_ = 0;
  std::size_t made_ = 0;
  bool enough_ = false;
};

}  // namespace triggerd::worker
