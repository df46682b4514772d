// librdkafka's errors in our terms. Pure but for its names of errors.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "kafka/consumer.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"

namespace triggerd::kafka {

using Outcome = pipeline::CommitResult::Outcome;

// rejected: we are no longer the member that owned the partition, so it will never succeed. Everything else
// may the next time (design §6b 5).
Outcome commit_outcome(rd_kafka_resp_err_t error);

// The result of one commit. `whole` counts for every partition where none has an error of its own: librdkafka
// repeats the error of one partition as that of the request. `offsets` nullptr: nothing came back.
pipeline::CommitDone commit_done(const std::vector<pipeline::OffsetCommit>& asked, rd_kafka_resp_err_t whole,
                                 const rd_kafka_topic_partition_list_t* offsets);
pipeline::CommitDone commit_rejected(const std::vector<pipeline::OffsetCommit>& asked, std::string error);

// librdkafka says the same of each broker and each attempt. A cause is told once in a minute. Pure.
class ErrorRepeats {
 public:
  using Clock = std::chrono::steady_clock;
  bool admit(const std::string& code, const std::string& message, Clock::time_point now);

 private:
  std::map<std::string, Clock::time_point> told_;
};

ConsumerError consumer_error(rd_kafka_resp_err_t error, std::string message, bool fatal = false);
// What a client says of itself; where it is over, what ended it. Of a producer too.
ConsumerError client_error(rd_kafka_t* client, rd_kafka_event_t& event);

}  // namespace triggerd::kafka
