// One librdkafka producer with its queue of delivery reports, and a record on its way to it.
//
// Thread: made and destroyed on the janitor (or by a command that may wait); in between used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "kafka/client_log.hpp"
#include "kafka/dead_letter.hpp"
#include "kafka/handle.hpp"

namespace triggerd::kafka {

struct OutgoingRecord {
  std::string topic;
  std::int32_t partition = RD_KAFKA_PARTITION_UA;  // by its key
  WallMillis timestamp = -1;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // nullopt: a tombstone
  std::vector<Header> headers;
};

class ProducerClient {
 public:
  // Connects nothing yet: its threads do that.
  static Result<std::unique_ptr<ProducerClient>> make(Conf conf, std::string trigger);
  // Drops what is not delivered. May take a while.
  ~ProducerClient();
  ProducerClient(const ProducerClient&) = delete;
  ProducerClient& operator=(const ProducerClient&) = delete;

  rd_kafka_t* get() const { return handle_; }
  // Delivery reports and errors.
  rd_kafka_queue_t* events() const { return events_.get(); }

  // Copies the record and returns at once. One delivery report follows, number_of() which is `number`, unless
  // an error is returned.
  rd_kafka_resp_err_t produce(const OutgoingRecord& record, std::uint64_t number);
  static std::uint64_t number_of(const rd_kafka_message_t& report);

 private:
  explicit ProducerClient(std::string trigger) : log_(std::move(trigger)) {}

  ClientLog log_;  // outlives the client
  rd_kafka_t* handle_ = nullptr;
  Queue events_;
};

}  // namespace triggerd::kafka
