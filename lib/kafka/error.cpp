#include "kafka/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kafka/handle.hpp"

namespace triggerd::kafka {

// ILLEGAL_GENERATION is none of those that end the assignment: it also meets a commit that is under way while
// a cooperative rebalance moves the group on, and the same commit is taken a moment later. Where the member
// is really gone, librdkafka calls the assignment lost.
Outcome commit_outcome(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return Outcome::ok;
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__DESTROY: return Outcome::rejected;
    default: return Outcome::retriable;
  }
}

pipeline::CommitDone commit_done(const std::vector<pipeline::OffsetCommit>& asked, rd_kafka_resp_err_t whole,
                                 const rd_kafka_topic_partition_list_t* offsets) {
  const auto own = entries(offsets);
  const bool of_partitions =
      std::ranges::any_of(own, [](const auto& entry) { return entry.err != RD_KAFKA_RESP_ERR_NO_ERROR; });
  pipeline::CommitDone done;
  done.results.reserve(asked.size());
  for (const pipeline::OffsetCommit& commit : asked) {
    rd_kafka_resp_err_t error = whole;
    const auto entry = std::ranges::find_if(own, [&commit](const auto& e) {
      return e.partition == commit.source.partition.value && commit.source.topic.name() == e.topic;
    });
    if (of_partitions && entry != own.end()) error = entry->err;
    const Outcome outcome = commit_outcome(error);
    done.results.push_back(
        {commit.source, commit.offset, outcome, outcome == Outcome::ok ? "" : rd_kafka_err2str(error)});
  }
  return done;
}

pipeline::CommitDone commit_rejected(const std::vector<pipeline::OffsetCommit>& asked, std::string error) {
  pipeline::CommitDone done;
  for (const pipeline::OffsetCommit& commit : asked) {
    done.results.push_back({commit.source, commit.offset, Outcome::rejected, error});
  }
  return done;
}

namespace {

constexpr auto kRepeat = std::chrono::seconds(60);
constexpr std::size_t kMostCauses = 64;

// Without what differs from one attempt to the next: the broker it was tried on, and "(after 12ms in state
// …)".
std::string cause_of(const std::string& code, const std::string& message) {
  const std::size_t scheme = message.find("://");
  std::size_t begin = 0;
  if (scheme != std::string::npos) {
    const std::size_t end = message.find(": ", scheme);
    if (end != std::string::npos) begin = end + 2;
  }
  return code + " " + message.substr(begin, message.find(" (after ", begin) - begin);
}

}  // namespace

bool ErrorRepeats::admit(const std::string& code, const std::string& message, Clock::time_point now) {
  if (told_.size() >= kMostCauses) told_.clear();
  const auto [it, fresh] = told_.try_emplace(cause_of(code, message), now);
  if (!fresh && now - it->second < kRepeat) return false;
  it->second = now;
  return true;
}

ConsumerError consumer_error(rd_kafka_resp_err_t error, std::string message, bool fatal) {
  return {rd_kafka_err2name(error), std::move(message), fatal};
}

ConsumerError client_error(rd_kafka_t* client, rd_kafka_event_t& event) {
  const bool fatal = rd_kafka_event_error_is_fatal(&event) != 0;
  std::array<char, 512> why{};
  const rd_kafka_resp_err_t first =
      fatal ? rd_kafka_fatal_error(client, why.data(), why.size()) : RD_KAFKA_RESP_ERR_NO_ERROR;
  if (first != RD_KAFKA_RESP_ERR_NO_ERROR) return consumer_error(first, why.data(), true);
  return consumer_error(rd_kafka_event_error(&event), rd_kafka_event_error_string(&event), fatal);
}

}  // namespace triggerd::kafka
