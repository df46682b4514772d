// The questions of the lag source to librdkafka, and its answers as values. Any thread; nothing here blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "kafka/handle.hpp"
#include "lag/answers.hpp"

namespace triggerd::kafka {

struct LagQuestion {
  enum class Kind { topics, listing, commits, groups, offsets };
  Kind kind{};
  std::vector<std::string> names{};          // topics: of these; commits: the one group; groups: of these
  std::vector<TopicPartition> partitions{};  // commits, offsets
  std::int64_t at = 0;                       // offsets: RD_KAFKA_OFFSET_SPEC_…, or a time in ms
  bool read_committed = false;               // offsets
};

// librdkafka 2.15.1 crashes where a request to a group's coordinator times out before the coordinator is
// found: those get the most time there is, and who asked destroys the client when his own is over.
bool asks_coordinator(LagQuestion::Kind kind);

// For its answer, of what is left of a refresh and of the whole. The groups' listing may fail: without it,
// more is asked. Of topics see LagSource::Impl::list().
std::chrono::milliseconds longest_wait(LagQuestion::Kind kind, std::chrono::milliseconds left,
                                       std::chrono::milliseconds whole);

// As LagRefresh::requests calls it.
const char* name_of(LagQuestion::Kind kind);

// Codes of a request and its parts.
using ErrorCodes = std::set<rd_kafka_resp_err_t>;

struct OffsetAnswer {
  std::optional<Offset> offset;  // absent without an error: no record is of that time or later
  std::string error;
};
using OffsetAnswers = std::map<TopicPartition, OffsetAnswer>;
using CommitAnswers = std::map<TopicPartition, lag::CommitAnswer>;
// Each group there is: whether it may have members.
using GroupListing = std::map<std::string, bool>;

// Its answer comes on `answers`, with `id` as its opaque, after `timeout_ms` (at least 1) at the latest,
// unless it asks_coordinator().
void ask(rd_kafka_t* client, rd_kafka_queue_t* answers, const LagQuestion& question, std::uintptr_t id,
         int timeout_ms);
std::uintptr_t id_of(rd_kafka_event_t& answer);

// What was asked and is missing in the result has not been answered.
std::vector<lag::TopicAnswer> topics_of(rd_kafka_event_t& answer, const LagQuestion& question,
                                        ErrorCodes& errors);
// `now`: seconds since 1970.
CommitAnswers commits_of(rd_kafka_event_t& answer, const LagQuestion& question, std::uint64_t now,
                         ErrorCodes& errors);
OffsetAnswers offsets_of(rd_kafka_event_t& answer, const LagQuestion& question, ErrorCodes& errors);
// Nothing where a broker has not answered: a group that is missing would have no members.
std::optional<GroupListing> listing_of(rd_kafka_event_t& answer, ErrorCodes& errors);
std::map<std::string, lag::GroupAnswer> groups_of(rd_kafka_event_t& answer, ErrorCodes& errors);

}  // namespace triggerd::kafka
