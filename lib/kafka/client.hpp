// One librdkafka consumer with its two queues (design §6b 1).
//
// Thread: made and destroyed on the janitor; in between used by the trigger's event loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/client_log.hpp"
#include "kafka/handle.hpp"

namespace triggerd::kafka {

class Client {
 public:
  // Connects nothing yet: the client is made and subscribed, its threads do the rest.
  static Result<std::unique_ptr<Client>> make(Conf conf, std::string trigger,
                                              const std::vector<std::string>& topics);
  // Leaves the group if that was not done before: each rebalance taken from events() must have been answered.
  // May take seconds.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return handle_; }
  // Rebalances, commits, errors, answers to what is asked. Always read.
  rd_kafka_queue_t* events() const { return events_.get(); }
  // Records of all partitions, and errors of single ones. Read while there is room.
  rd_kafka_queue_t* records() const { return records_.get(); }

  // Begins to leave the group; false where a fatal error has ended it already. Before, each rebalance that
  // was taken from events() is answered; from now on those that come are given to answer_leaving(), and no
  // other call about the assignment is made.
  bool begin_leave();
  void answer_leaving(rd_kafka_event_t& rebalance);
  bool leaving() const { return leaving_; }
  bool left() const { return rd_kafka_consumer_closed(handle_) != 0; }

 private:
  explicit Client(std::string trigger) : log_(std::move(trigger)) {}
  void quiesce();

  ClientLog log_;  // outlives the client
  rd_kafka_t* handle_ = nullptr;
  Queue events_, records_;
  bool leaving_ = false;
  bool cooperative_ = false;  // of leaving
  bool answered_ = false;     // of leaving
};

}  // namespace triggerd::kafka
