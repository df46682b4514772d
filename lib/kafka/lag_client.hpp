// The lag source's librdkafka client: it asks, it reads and joins nothing.
//
// A consumer, and one with a group: where a group's coordinator has just moved, librdkafka 2.15.1 looks for
// the client's own group, and crashes in a client that has none.
// Thread: made and destroyed on the janitor; in between used by the source's loop.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kafka/client_log.hpp"
#include "kafka/handle.hpp"

namespace triggerd::kafka {

class LagClient {
 public:
  static Result<std::unique_ptr<LagClient>> make(Conf conf, std::string name);
  ~LagClient();
  LagClient(const LagClient&) = delete;
  LagClient& operator=(const LagClient&) = delete;

  rd_kafka_t* get() const { return handle_; }
  // Answers, and errors of the client. Always read.
  rd_kafka_queue_t* events() const { return events_.get(); }

 private:
  explicit LagClient(std::string name) : log_(std::move(name)) {}

  ClientLog log_;  // outlives the client
  rd_kafka_t* handle_ = nullptr;
  Queue events_;
};

}  // namespace triggerd::kafka
