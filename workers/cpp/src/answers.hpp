// Answers of one batch, gathered into as few ranges and Acks as can say them (PROTOCOL.md §5). Pure.
#pragma once

#include <string>

#include "outcome.hpp"
#include "wire/message.hpp"

namespace triggerd::worker_sdk {

class Answers {
 public:
  explicit Answers(BatchId id) : ack_{id, {}} {}
  // Records in the order of their index, each once.
  void add(std::uint32_t index, const Outcome& outcome);
  // Appends the Ack for what was added since the last one; nothing where there is none.
  void write_so_far(std::string& out);
  // Appends the batch's last Ack: every record has been added.
  void write_rest(std::string& out);

 private:
  wire::Ack ack_;
};

}  // namespace triggerd::worker_sdk
