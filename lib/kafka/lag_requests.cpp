#include "kafka/lag_requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "checkpoint/later_partitions.hpp"

namespace triggerd::kafka {
namespace {

using Kind = LagQuestion::Kind;
using TopicCollection = Owned<rd_kafka_TopicCollection_t, rd_kafka_TopicCollection_destroy>;

constexpr int kMostMs = 3'600'000;  // that librdkafka takes for a request
constexpr std::chrono::milliseconds kListing(1000);
constexpr char kMissing[] = "it is missing in the answer";

std::vector<const char*> pointers(const std::vector<std::string>& names) {
  std::vector<const char*> out;
  out.reserve(names.size());
  for (const std::string& name : names) out.push_back(name.c_str());
  return out;
}

rd_kafka_admin_op_t operation(Kind kind) {
  switch (kind) {
    case Kind::topics: return RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    case Kind::listing: return RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
    case Kind::commits: return RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    case Kind::groups: return RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    case Kind::offsets: break;
  }
  return RD_KAFKA_ADMIN_OP_LISTOFFSETS;
}

// The error of the whole answer: its text, "" if there is none.
std::string failed(rd_kafka_event_t& answer, ErrorCodes& errors) {
  const rd_kafka_resp_err_t error = rd_kafka_event_error(&answer);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  errors.insert(error);
  const char* text = rd_kafka_event_error_string(&answer);
  return text != nullptr ? text : rd_kafka_err2str(error);
}

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::topics: return "metadata";
    case Kind::listing: return "list_groups";
    case Kind::commits: return "offset_fetch";
    case Kind::groups: return "describe_groups";
    case Kind::offsets: break;
  }
  return "list_offsets";
}

std::chrono::milliseconds longest_wait(Kind kind, std::chrono::milliseconds left,
                                       std::chrono::milliseconds whole) {
  if (kind == Kind::listing) return std::min(left, kListing);
  return kind == Kind::topics ? std::min(left, whole / 2) : left;
}

bool asks_coordinator(Kind kind) { return kind == Kind::commits || kind == Kind::groups; }

void ask(rd_kafka_t* client, rd_kafka_queue_t* answers, const LagQuestion& question, std::uintptr_t id,
         int timeout_ms) {
  std::array<char, 256> why{};
  const AdminOptions options(rd_kafka_AdminOptions_new(client, operation(question.kind)));
  rd_kafka_AdminOptions_set_request_timeout(
      options.get(), asks_coordinator(question.kind) ? kMostMs : timeout_ms, why.data(), why.size());
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  rd_kafka_AdminOptions_set_opaque(options.get(), reinterpret_cast<void*>(id));
  const PartitionList list = partition_list(question.partitions.size());
  for (const TopicPartition& source : question.partitions) add(list, source).offset = question.at;
  std::vector<const char*> names = pointers(question.names);
  switch (question.kind) {
    case Kind::topics: {
      const TopicCollection topics(rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()));
      return rd_kafka_DescribeTopics(client, topics.get(), options.get(), answers);
    }
    case Kind::listing: return rd_kafka_ListConsumerGroups(client, options.get(), answers);
    case Kind::commits: {
      const GroupOffsetsRequest request(rd_kafka_ListConsumerGroupOffsets_new(names.at(0), list.get()));
      std::array<rd_kafka_ListConsumerGroupOffsets_t*, 1> requests{request.get()};
      return rd_kafka_ListConsumerGroupOffsets(client, requests.data(), 1, options.get(), answers);
    }
    case Kind::groups:
      return rd_kafka_DescribeConsumerGroups(client, names.data(), names.size(), options.get(), answers);
    case Kind::offsets: {
      const ErrorHandle ignored(rd_kafka_AdminOptions_set_isolation_level(
          options.get(), question.read_committed ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                                                 : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
      return rd_kafka_ListOffsets(client, list.get(), options.get(), answers);
    }
  }
}

std::uintptr_t id_of(rd_kafka_event_t& answer) {
  return reinterpret_cast<std::uintptr_t>(rd_kafka_event_opaque(&answer));
}

std::vector<lag::TopicAnswer> topics_of(rd_kafka_event_t& answer, const LagQuestion& question,
                                        ErrorCodes& errors) {
  std::vector<lag::TopicAnswer> out;
  if (const std::string error = failed(answer, errors); !error.empty()) {
    for (const std::string& topic : question.names) out.push_back({topic, {}, 0, error});
    return out;
  }
  std::size_t count = 0;
  const rd_kafka_TopicDescription_t** topics =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(&answer), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (topics[i] == nullptr) continue;  // a broker that leaves a topic out
    lag::TopicAnswer topic{rd_kafka_TopicDescription_name(topics[i]), {}, 0, {}};
    const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(topics[i]);
    const rd_kafka_resp_err_t code =
        error != nullptr ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::size_t partitions = 0;
      rd_kafka_TopicDescription_partitions(topics[i], &partitions);
      topic.partitions = static_cast<std::uint32_t>(partitions);
      topic.id = rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(topics[i]));
    } else if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      errors.insert(code);
      topic.error = rd_kafka_err2str(code);
    }
    out.push_back(std::move(topic));
  }
  return out;
}

CommitAnswers commits_of(rd_kafka_event_t& answer, const LagQuestion& question, std::uint64_t now,
                         ErrorCodes& errors) {
  std::string whole = failed(answer, errors);
  std::size_t count = 0;
  const rd_kafka_group_result_t** groups = nullptr;
  if (whole.empty()) {
    groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(&answer), &count);
    const rd_kafka_error_t* error = count == 1 ? rd_kafka_group_result_error(groups[0]) : nullptr;
    if (error != nullptr) {
      errors.insert(rd_kafka_error_code(error));
      whole = rd_kafka_error_string(error);
    }
  }
  CommitAnswers out;
  for (const TopicPartition& source : question.partitions)
    out[source].error = whole.empty() ? kMissing : whole;
  if (!whole.empty() || count != 1) return out;
  for (const auto& entry : entries(rd_kafka_group_result_partitions(groups[0]))) {
    const TopicPartition source = source_of(entry);
    lag::CommitAnswer& commit = out[source];
    commit = {};
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      errors.insert(entry.err);
      commit.error = rd_kafka_err2str(entry.err);
    } else if (entry.offset >= 0) {
      commit.committed = Offset{entry.offset};
      commit.just_begun = checkpoint::just_begun({source, *commit.committed, metadata_of(entry)}, now);
    }
  }
  return out;
}

OffsetAnswers offsets_of(rd_kafka_event_t& answer, const LagQuestion& question, ErrorCodes& errors) {
  OffsetAnswers out;
  const std::string whole = failed(answer, errors);
  for (const TopicPartition& source : question.partitions)
    out[source].error = whole.empty() ? kMissing : whole;
  if (!whole.empty()) return out;
  std::size_t count = 0;
  const rd_kafka_ListOffsetsResultInfo_t** infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(&answer), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t& entry = *rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    OffsetAnswer& offset = out[source_of(entry)];
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      errors.insert(entry.err);
      offset.error = rd_kafka_err2str(entry.err);
    } else if (entry.offset >= 0) {
      offset = {Offset{entry.offset}, {}};
    } else if (entry.offset == -1 && question.at >= 0) {
      offset = {};
    } else {
      // librdkafka 2.15.1 says neither offset nor error where a leader did not answer.
      errors.insert(RD_KAFKA_RESP_ERR__TIMED_OUT);
      offset.error = "the partition's leader did not answer";
    }
  }
  return out;
}

std::optional<GroupListing> listing_of(rd_kafka_event_t& answer, ErrorCodes& errors) {
  if (!failed(answer, errors).empty()) return std::nullopt;
  const auto* result = rd_kafka_event_ListConsumerGroups_result(&answer);
  std::size_t count = 0;
  const rd_kafka_error_t** failures = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  for (std::size_t i = 0; i < count; ++i) errors.insert(rd_kafka_error_code(failures[i]));
  if (count > 0) return std::nullopt;
  GroupListing out;
  const rd_kafka_ConsumerGroupListing_t** groups = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto state = rd_kafka_ConsumerGroupListing_state(groups[i]);
    out[rd_kafka_ConsumerGroupListing_group_id(groups[i])] =
        state != RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY && state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
  }
  return out;
}

std::map<std::string, lag::GroupAnswer> groups_of(rd_kafka_event_t& answer, ErrorCodes& errors) {
  std::map<std::string, lag::GroupAnswer> out;
  if (!failed(answer, errors).empty()) return out;
  std::size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(&answer), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(groups[i]);
    const rd_kafka_resp_err_t code =
        error != nullptr ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    // A group that is not there has no members.
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
      errors.insert(code);
      continue;
    }
    lag::GroupAnswer& group = out[rd_kafka_ConsumerGroupDescription_group_id(groups[i])];
    const std::size_t members =
        code == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_ConsumerGroupDescription_member_count(groups[i]) : 0;
    group.members = static_cast<std::uint32_t>(members);
    group.moving = members > 0 &&
                   rd_kafka_ConsumerGroupDescription_state(groups[i]) != RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
    for (std::size_t m = 0; m < members; ++m) {
      const rd_kafka_MemberAssignment_t* assignment =
          rd_kafka_MemberDescription_assignment(rd_kafka_ConsumerGroupDescription_member(groups[i], m));
      if (assignment == nullptr) continue;
      for (const auto& entry : entries(rd_kafka_MemberAssignment_partitions(assignment)))
        group.assigned.insert(source_of(entry));
    }
  }
  return out;
}

}  // namespace triggerd::kafka
