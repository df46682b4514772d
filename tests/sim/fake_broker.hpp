// The group's coordinator and the logs: assigns, revokes, loses and assigns again, reads in turns as
// kafka/consumer does, and takes commits, late or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "sim/world.hpp"

namespace triggerd::sim {

class FakeBroker {
 public:
  explicit FakeBroker(World& world);

  // The story from the beginning: producing, the first assignment, the rebalances to come.
  void begin();
  void set_reading(bool reading);
  void commit(const pipeline::Commit& commit);
  void finish_revoke(const pipeline::FinishRevoke& finish);
  void pause(const TopicPartition& source, bool paused);
  void dead_letter(const pipeline::DeadLetter& letter);
  // The member is gone, or it joins anew.
  void member_gone();
  void member_joins();

 private:
  struct Hold {
    bool owned = false;
    bool revoking = false;
    bool coming = false;  // will be assigned again
    bool paused = false;
    std::uint64_t generation = 0;
    std::size_t position = 0;  // index of the next record to be read
  };

  void produce();
  void turn_soon();
  void turn();
  void feed_records(std::size_t p, std::size_t first, std::size_t end);
  void feed_end(std::size_t p);
  void assign(const std::vector<std::size_t>& partitions);
  void assign_later(std::size_t p);
  void rebalance();
  void take_away(std::vector<std::size_t> partitions, bool lost);
  void others_work(std::size_t p);
  pipeline::CommitResult apply(const pipeline::OffsetCommit& commit, std::uint64_t generation);
  void store(const pipeline::OffsetCommit& commit);
  pipeline::OffsetCommit journal(pipeline::OffsetCommit commit);

  World& world_;
  std::vector<Hold> holds_;
  bool reading_ = false;
  bool turn_scheduled_ = false;
  bool standing_still_ = false;  // a held revoke stops all reading
  std::uint64_t life_ = 0;       // of the member
  // The daemon's journal, which outlives it.
  std::map<TopicPartition, std::pair<std::uint64_t, checkpoint::Progress>> journal_;
  std::uint64_t journaled_ = 0;
};

}  // namespace triggerd::sim
