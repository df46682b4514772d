// Writes one trigger's dead letters to its dead-letter topic, and says of each what the broker said. Shell.
//
// What could not be written within the delivery timeout is told as not delivered, with the reason; asking
// again is the pipeline's matter, so nothing queues here without bound. A record whose report was lost is
// written twice.
// Thread: the trigger's event loop, except that clients are made and destroyed on the janitor. Nothing here
// blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "config/renewal.hpp"
#include "config/schema.hpp"
#include "kafka/janitor.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::kafka {

struct ProducerSpec {
  config::Connection connection;
  std::string trigger;  // for client.id, log lines and headers
  std::string group;    // for headers
  std::string topic;
  Duration delivery_timeout = std::chrono::seconds(30);
  // Bytes of records that may wait for their reports; one record always may.
  std::uint64_t queued_bytes = 64 << 20;
};

// What the client met. No word of it is final: what can be written is.
struct ProducerError {
  std::string code;  // librdkafka's name, e.g. _ALL_BROKERS_DOWN
  std::string message;
};

class Producer {
 public:
  struct Sink {
    std::function<void(const pipeline::Event&)> event;  // DeadLettered
    std::function<void(const ProducerError&)> error;
    std::function<void()> closed;  // after close(); nothing follows
  };

  // Connects nothing: a client is made with the first dead letter, and anew after a fatal error.
  Producer(boost::asio::io_context& loop, Janitor& janitor, ProducerSpec spec, Sink sink);
  ~Producer();  // closed() has come, or nothing was ever asked
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Exactly one DeadLettered answers it, never inside the call.
  void produce(const pipeline::DeadLetter& letter);
  // From the next login on, or with a new client: then what is open is answered as not delivered.
  void renew(const config::Connection& connection, config::Renewal how);
  // What is open is answered as not delivered. closed() follows.
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::kafka
