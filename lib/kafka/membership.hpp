// What the group gives us and takes back, in all three rebalance protocols (design §6b 3 and 6).
//
//   assign event → look-up of start offsets → (incremental) assign → Assigned
//   revoke event → Revoked, held → finish_revoke() → (incremental) unassign
//
// An assign event is answered after the first look-up, with the partitions whose start is known; the others
// follow when theirs is. So neither a partition that cannot be asked nor a silent broker keeps the group from
// its next rebalance, and a revoke may come while a look-up runs: it ends there for those partitions.
// Thread: the trigger's event loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "kafka/assignment.hpp"
#include "kafka/client.hpp"
#include "kafka/consumer.hpp"
#include "kafka/start_offsets.hpp"

namespace triggerd::kafka {

class Membership : public std::enable_shared_from_this<Membership> {
 public:
  struct Sink {
    std::function<void(const pipeline::Assigned&)> assigned;
    std::function<void(const pipeline::Revoked&)> revoked;
    std::function<void(const ConsumerError&)> error;
    std::function<void()> discard;  // records already taken of partitions that are not to be handed out
    std::function<void()> discard_all;
  };

  Membership(boost::asio::io_context& loop, Client& client, Assignment& assignment, StartOffsets offsets,
             Sink sink);

  void take_rebalance(rd_kafka_event_t& event);
  void take_offsets(rd_kafka_event_t& event);
  void finish_revoke(const std::vector<TopicPartition>& partitions);
  // A commit was refused because the member is gone: the revoke that follows counts as lost, whatever
  // librdkafka says then (design §6b 5).
  void expelled() { expelled_ = true; }
  // With the protocol `consumer` librdkafka tells nothing to a member that gets no partition: it is looked
  // whether the coordinator has taken it in.
  void watch_joining();
  // Partitions that are ours and are not read (startFrom: error), and why.
  const std::map<TopicPartition, std::string>& unread() const { return unread_; }
  // The broker has not got the offset at which this one should go on.
  void out_of_range(const TopicPartition& source);
  // Before the group is left: answers what is held. Nothing else is called after that.
  void leave();

 private:
  void assign(std::vector<TopicPartition> partitions);
  void revoke(const std::vector<TopicPartition>& partitions);
  void look_up();
  void retry_later();
  void report(const StartOffsetsAnswer& answer);
  void announce(const pipeline::Assigned& event);
  void begin_reading(const std::vector<StartOffset>& starts);
  void forward_again(std::chrono::steady_clock::time_point until);
  bool call_assign(const std::vector<StartOffset>& starts);
  void unassign();
  void protocol_seen();
  void rejoining();
  void complain(const char* call, rd_kafka_error_t* error);

  Client& client_;
  Assignment& assignment_;
  StartOffsets offsets_;
  Sink sink_;
  boost::asio::steady_timer retry_, forwarding_, joining_;
  std::minstd_rand jitter_{std::random_device{}()};
  std::set<TopicPartition> unresolved_;  // ours, but where to begin is not known yet
  std::map<TopicPartition, std::string> unread_;
  std::set<TopicPartition> held_;  // in a Revoked that was not finished yet
  std::string last_failure_;
  unsigned failures_ = 0;
  bool assign_open_ = false;  // librdkafka waits for an assign call
  bool revoke_open_ = false;  // librdkafka waits for an unassign call
  bool cooperative_ = false;
  bool expelled_ = false;
  bool announced_ = false;  // one Assigned since we are a member: one without partitions is a member too
  bool watches_joining_ = false;
  bool leaving_ = false;
};

}  // namespace triggerd::kafka
