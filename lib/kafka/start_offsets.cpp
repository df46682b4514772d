#include "kafka/start_offsets.hpp"

#include <array>
#include <chrono>
#include <utility>

#include "checkpoint/later_partitions.hpp"

namespace triggerd::kafka {
namespace {

// An unanswered question is asked again by the owner; the group waits for nobody meanwhile.
constexpr int kRequestTimeoutMs = 10'000;

std::uint64_t now_in_seconds() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(duration_cast<seconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace

StartOffsets::StartOffsets(rd_kafka_t* client, rd_kafka_queue_t* events, const ConsumerSpec& spec,
                           bool read_committed)
    : client_(client),
      events_(events),
      group_(spec.group),
      named_(spec.topics.begin(), spec.topics.end()),
      start_from_(spec.start_from),
      read_committed_(read_committed) {}

void StartOffsets::ask(std::vector<TopicPartition> partitions) {
  cancel();
  open_.insert(std::make_move_iterator(partitions.begin()), std::make_move_iterator(partitions.end()));
  if (!joined_) first_.insert(open_.begin(), open_.end());
  if (!open_.empty()) ask_commits(Question::commits);
}

void StartOffsets::cancel() {
  ++look_up_;
  open_.clear();
  later_.clear();
  answer_ = {};
}

std::optional<StartOffsetsAnswer> StartOffsets::take(rd_kafka_event_t& event) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  if (!asking() || rd_kafka_event_opaque(&event) != reinterpret_cast<void*>(look_up_)) return std::nullopt;
  if (const rd_kafka_resp_err_t error = rd_kafka_event_error(&event); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    fail_open(error, rd_kafka_event_error_string(&event));
  } else if (question_ == Question::commits || question_ == Question::group) {
    take_commits(event);
  } else {
    take_offsets(event);
  }
  if (asking()) ask_next();
  if (asking()) return std::nullopt;
  return std::exchange(answer_, {});
}

AdminOptions StartOffsets::options(rd_kafka_admin_op_t operation) const {
  std::array<char, 256> why{};
  AdminOptions options(rd_kafka_AdminOptions_new(client_, operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kRequestTimeoutMs, why.data(), why.size());
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  rd_kafka_AdminOptions_set_opaque(options.get(), reinterpret_cast<void*>(look_up_));
  return options;
}

void StartOffsets::ask_commits(Question question) {
  question_ = question;
  const PartitionList list = partition_list(open_.size());
  for (const TopicPartition& source : open_) add(list, source);
  const bool all = question == Question::group;
  const GroupOffsetsRequest request(
      rd_kafka_ListConsumerGroupOffsets_new(group_.c_str(), all ? nullptr : list.get()));
  const AdminOptions with = options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  // A transaction that has sent offsets and is not over yet must not be overtaken.
  const ErrorHandle ignored(rd_kafka_AdminOptions_set_require_stable_offsets(with.get(), all ? 0 : 1));
  std::array<rd_kafka_ListConsumerGroupOffsets_t*, 1> requests{request.get()};
  rd_kafka_ListConsumerGroupOffsets(client_, requests.data(), requests.size(), with.get(), events_);
}

void StartOffsets::ask_offsets(Question question, std::int64_t timestamp) {
  question_ = question;
  const PartitionList list = partition_list(open_.size());
  constexpr std::int64_t earliest = RD_KAFKA_OFFSET_SPEC_EARLIEST;
  for (const TopicPartition& source : open_)
    add(list, source).offset = later_.contains(source) ? earliest : timestamp;
  const AdminOptions with = options(RD_KAFKA_ADMIN_OP_LISTOFFSETS);
  const ErrorHandle ignored(rd_kafka_AdminOptions_set_isolation_level(
      with.get(),
      read_committed_ ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
  rd_kafka_ListOffsets(client_, list.get(), with.get(), events_);
}

void StartOffsets::ask_next() {
  switch (question_) {
    case Question::commits:
      if (start_from_.kind == config::StartFrom::Kind::latest) return ask_commits(Question::group);
      return ask_start();
    case Question::group: return ask_start();
    case Question::start_from:
    case Question::end: return ask_offsets(Question::end, RD_KAFKA_OFFSET_SPEC_LATEST);
  }
}

void StartOffsets::ask_start() {
  using Kind = config::StartFrom::Kind;
  switch (start_from_.kind) {
    case Kind::earliest: return ask_offsets(Question::start_from, RD_KAFKA_OFFSET_SPEC_EARLIEST);
    case Kind::latest: return ask_offsets(Question::start_from, RD_KAFKA_OFFSET_SPEC_LATEST);
    case Kind::time: return ask_offsets(Question::start_from, start_from_.time);
    case Kind::error: answer_.without_commit.assign(open_.begin(), open_.end()); open_.clear();
  }
}

void StartOffsets::take_commits(rd_kafka_event_t& event) {
  std::size_t count = 0;
  const rd_kafka_group_result_t** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(&event), &count);
  if (count != 1) return fail_open(RD_KAFKA_RESP_ERR__BAD_MSG, "no group in the answer");
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(groups[0]); error != nullptr) {
    return fail_open(rd_kafka_error_code(error), rd_kafka_error_string(error));
  }
  const rd_kafka_topic_partition_list_t& commits = *rd_kafka_group_result_partitions(groups[0]);
  question_ == Question::commits ? take_own(commits) : take_group(commits);
}

void StartOffsets::take_own(const rd_kafka_topic_partition_list_t& commits) {
  std::set<TopicPartition> without;
  for (const auto& entry : entries(&commits)) {
    const TopicPartition source = source_of(entry);
    if (!open_.contains(source)) continue;
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      failed(source, entry.err, rd_kafka_err2str(entry.err));
    } else if (entry.offset >= 0) {
      found({source, Offset{entry.offset}, Offset{entry.offset}, metadata_of(entry)},
            rd_kafka_topic_partition_get_leader_epoch(&entry));
    } else {
      without.insert(source);
      open_.erase(source);
    }
  }
  // A partition without an answer is not one without a commit.
  fail_open(RD_KAFKA_RESP_ERR__BAD_MSG, "the partition is missing in the answer");
  open_ = std::move(without);
}

void StartOffsets::take_group(const rd_kafka_topic_partition_list_t& list) {
  std::vector<checkpoint::GroupCommit> commits;
  for (const auto& entry : entries(&list)) {
    if (entry.err == RD_KAFKA_RESP_ERR_NO_ERROR && entry.offset >= 0)
      commits.push_back({source_of(entry), Offset{entry.offset}, metadata_of(entry)});
  }
  later_ = checkpoint::later_partitions(open_, commits, named_, now_in_seconds());
  if (!joined_) return;
  for (const TopicPartition& source : open_) {
    if (!first_.contains(source)) later_.insert(source);
  }
}

void StartOffsets::take_offsets(rd_kafka_event_t& event) {
  using Kind = config::StartFrom::Kind;
  std::size_t count = 0;
  const rd_kafka_ListOffsetsResultInfo_t** infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(&event), &count);
  std::set<TopicPartition> past_the_end;
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t& entry = *rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    const TopicPartition source = source_of(entry);
    if (!open_.contains(source)) continue;
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      failed(source, entry.err, rd_kafka_err2str(entry.err));
    } else if (entry.offset >= 0) {
      pipeline::PartitionStart start{source, Offset{entry.offset}, std::nullopt};
      if (start_from_.kind == Kind::latest && !later_.contains(source)) start.born = now_in_seconds();
      found(std::move(start), -1);
    } else if (question_ == Question::start_from && start_from_.kind == Kind::time) {
      past_the_end.insert(source);
      open_.erase(source);
    }
  }
  fail_open(RD_KAFKA_RESP_ERR__BAD_MSG, "the partition is missing in the answer");
  open_ = std::move(past_the_end);
}

void StartOffsets::found(pipeline::PartitionStart start, std::int32_t committed_epoch) {
  open_.erase(start.source);
  answer_.found.push_back({std::move(start), committed_epoch});
}

void StartOffsets::failed(const TopicPartition& source, rd_kafka_resp_err_t error, std::string text) {
  open_.erase(source);
  answer_.failed.push_back({source, error, std::move(text)});
}

void StartOffsets::fail_open(rd_kafka_resp_err_t error, const std::string& text) {
  for (const TopicPartition& source : open_) answer_.failed.push_back({source, error, text});
  open_.clear();
}

}  // namespace triggerd::kafka
