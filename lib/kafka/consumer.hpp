// One trigger's membership in its consumer group. Shell: it performs the pipeline's actions on librdkafka and
// reports what happens as pipeline events. Design §6b is binding for this file; each rule is named where it
// is kept.
//
// Thread: everything runs on the trigger's event loop, except rd_kafka_new and rd_kafka_destroy, which run on
// the janitor. Nothing here blocks: results arrive through two queues whose eventfds wake the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/renewal.hpp"
#include "config/schema.hpp"
#include "kafka/janitor.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::kafka {

struct ConsumerSpec {
  config::Connection connection;
  std::string trigger;  // for client.id and log lines
  std::string group;
  std::string group_instance_id;    // empty: a dynamic member
  std::vector<std::string> topics;  // names or ^regexes
  config::StartFrom start_from;
  std::uint64_t queued_bytes =
      0;  // prefetch budget for the whole trigger (`queued.max.messages.kbytes` is per partition)
};

// What is known locally about an owned partition; from librdkafka's cached watermarks, no request.
struct PartitionSample {
  TopicPartition source;
  Offset end;       // high watermark of the last fetch; -1: not known yet
  Offset position;  // next offset to be read; -1: not known yet
};

// Membership facts that are not pipeline events.
struct ConsumerError {
  std::string code;  // librdkafka's name, e.g. _ALL_BROKERS_DOWN
  std::string message;
  bool fatal = false;  // this client is over; the owner makes a new one (design §6b 7)
};
struct ConsumerClosed {};

class Consumer {
 public:
  struct Sink {
    std::function<void(const pipeline::Event&)> event;  // Assigned, Revoked, Records, CaughtUp, CommitDone
    std::function<void(const ConsumerError&)> error;
    std::function<void()> closed;  // after close(); nothing follows
  };

  Consumer(boost::asio::io_context& loop, Janitor& janitor, ConsumerSpec spec, Sink sink);
  ~Consumer();  // closed() has come, or start() was never called
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Creates the client on the janitor and subscribes. A configuration librdkafka refuses comes as a fatal
  // error.
  void start();
  // Back-pressure (pipeline::Read and StopReading).
  void set_reading(bool reading);
  // One partition alone (pipeline::Pause and Resume), soon; records of it may still come meanwhile, and up to
  // 250 of the last ones again afterwards: librdkafka resumes from the position it notes only after a take.
  void set_paused(const TopicPartition& source, bool paused);
  // One at a time; CommitDone answers it, always.
  void commit(const std::vector<pipeline::OffsetCommit>& offsets);
  // Answers the Revoked that is being held.
  void finish_revoke(const std::vector<TopicPartition>& partitions);
  // The next login is with this name and password: false. Where only a new client can take the connection
  // over, true: this one gives back what is ours as in a rebalance (Revoked, commits, finish_revoke()), and
  // closes; closed() follows.
  bool renew(const config::Connection& connection, config::Renewal how);
  // Leaves the group and ends the client; the pipeline has drained, or has given up. closed() follows.
  void close();

  std::vector<PartitionSample> samples() const;
  // Owned partitions that are not read, and why; only with startFrom: error.
  std::map<TopicPartition, std::string> unread() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::kafka
