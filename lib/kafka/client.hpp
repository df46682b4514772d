// One librdkafka consumer with its two queues (design §6b 1), and its log.
//
// Thread: made and destroyed on the janitor; in between used by the trigger's event loop. librdkafka's
// threads call the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/handle.hpp"

namespace triggerd::kafka {

// librdkafka repeats itself while a broker is down. A few lines of a facility in a while are enough. Pure.
class RepeatFilter {
 public:
  using Clock = std::chrono::steady_clock;
  // nullopt: leave this line out. Otherwise how many of the facility were left out before it.
  std::optional<std::uint64_t> admit(const std::string& facility, Clock::time_point now);

 private:
  struct Window {
    Clock::time_point begin{};
    std::uint32_t written = 0;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Window> windows_;
};

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
  explicit Client(std::string trigger) : trigger_(std::move(trigger)) {}
  void quiesce();
  static void log_line(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  void write(int level, const std::string& facility, const char* text);

  const std::string trigger_;
  std::mutex log_mutex_;
  RepeatFilter repeats_;
  rd_kafka_t* handle_ = nullptr;
  Queue events_, records_;
  bool leaving_ = false;
  bool cooperative_ = false;  // of leaving
  bool answered_ = false;     // of leaving
};

}  // namespace triggerd::kafka
