// A dead-letter topic read to the end it had when the reading began, by one command.
//
// What was read is remembered as the committed offset of a group of its own, which has no members: two
// commands at once would read the same. Thread: the command's; the calls wait for brokers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/schema.hpp"
#include "kafka/client_log.hpp"
#include "kafka/handle.hpp"

namespace triggerd::daemon {

using DeadLetterMessage = kafka::Owned<rd_kafka_message_t, rd_kafka_message_destroy>;

class DlqReader {
 public:
  // Begins behind what was committed, or at the beginning.
  static Result<std::unique_ptr<DlqReader>> open(const config::Trigger& trigger, const std::string& topic,
                                                 bool from_beginning);
  ~DlqReader();
  DlqReader(const DlqReader&) = delete;
  DlqReader& operator=(const DlqReader&) = delete;

  // At most so many; none: the end. They must be gone before this object is.
  Result<std::vector<DeadLetterMessage>> read(std::size_t most);
  // Of each partition the next offset to be read.
  std::map<std::int32_t, std::int64_t> positions() const;
  std::optional<Error> commit(const std::map<std::int32_t, std::int64_t>& positions);
  // Offsets to the end: at most so many records.
  std::uint64_t left() const;

 private:
  struct Stretch {
    std::int64_t next = 0, end = 0;
    std::int64_t committed = -1;
  };
  DlqReader(const std::string& trigger, std::string topic) : log_(trigger), topic_(std::move(topic)) {}
  std::optional<Error> connect(const config::Trigger& trigger);
  std::optional<Error> find_stretches(bool from_beginning);
  std::optional<Error> find_stretch(std::int32_t partition, bool from_beginning);
  std::optional<Error> begin();
  // The record where it is one we want.
  bool take(const rd_kafka_message_t& message);

  kafka::ClientLog log_;  // outlives the client
  const std::string topic_;
  rd_kafka_t* client_ = nullptr;
  std::map<std::int32_t, Stretch> partitions_;
  std::string trouble_;  // the last error, for when nothing comes
};

// The number of partitions of a topic, asked of its cluster.
Result<int> partitions_of(rd_kafka_t* client, const std::string& topic);

}  // namespace triggerd::daemon
