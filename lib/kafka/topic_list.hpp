// All topics of a cluster, and which of them a ^regex means.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/handle.hpp"

namespace triggerd::kafka {

// Blocks, never on a loop: librdkafka has no such question that does not.
struct TopicList {
  std::vector<std::string> names;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};
TopicList list_topics(rd_kafka_t* client, int timeout_ms);

// A ^regex that matches whole names, as a classic consumer's subscription does (whole_name).
class TopicRegex {
 public:
  // nullopt: it cannot be compiled.
  static std::optional<TopicRegex> make(const std::string& topic);
  bool matches(const std::string& name) const;

 private:
  struct Compiled;
  explicit TopicRegex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace triggerd::kafka
