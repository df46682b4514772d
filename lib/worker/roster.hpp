// The workers of a pool by number, each with what the pool keeps of it. Shell.
//
// Thread: the trigger's event loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "worker/places.hpp"
#include "worker/pool.hpp"
#include "worker/worker.hpp"

namespace triggerd::worker {

struct Member {
  std::shared_ptr<Worker> worker;
  Place* place = nullptr;           // that it has, is to have, or had
  std::uint64_t request_limit = 0;  // 0: none
  std::uint64_t memory = 0;         // bytes, as last read
};

class Roster {
 public:
  void add(Member member) { members_[member.worker->id()] = std::move(member); }
  void remove(WorkerId id) { members_.erase(id); }
  // Null: it is gone, or never was.
  Member* find(WorkerId id);
  Worker* worker(WorkerId id);

  bool empty() const { return members_.empty(); }
  std::uint32_t starting() const;
  // Adds the processes in each state, and what they have counted themselves.
  void count(PoolStats& stats) const;

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

 private:
  std::map<WorkerId, Member> members_;
};

}  // namespace triggerd::worker
