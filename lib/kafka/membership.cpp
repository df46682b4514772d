#include "kafka/membership.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "kafka/error.hpp"

namespace triggerd::kafka {
namespace {

constexpr auto kRetryFirst = std::chrono::milliseconds(100);
constexpr auto kRetryMost = std::chrono::milliseconds(5000);
constexpr auto kForwardInterval = std::chrono::milliseconds(50);
constexpr auto kForwardAgain = std::chrono::seconds(10);
constexpr auto kJoiningInterval = std::chrono::milliseconds(200);

std::vector<TopicPartition> sources(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> out;
  for (const auto& entry : entries(list)) out.push_back(source_of(entry));
  return out;
}

// All partitions go into one record queue (design §6b 1); before the assign call, so that not a record goes
// elsewhere.
void forward(const Client& client, const TopicPartition& source) {
  const Queue own(
      rd_kafka_queue_get_partition(client.get(), source.topic.name().c_str(), source.partition.value));
  if (own) rd_kafka_queue_forward(own.get(), client.records());
}

}  // namespace

Membership::Membership(boost::asio::io_context& loop, Client& client, Assignment& assignment,
                       StartOffsets offsets, Sink sink)
    : client_(client),
      assignment_(assignment),
      offsets_(std::move(offsets)),
      sink_(std::move(sink)),
      retry_(loop),
      forwarding_(loop),
      joining_(loop) {}

void Membership::take_rebalance(rd_kafka_event_t& event) {
  const rd_kafka_resp_err_t kind = rd_kafka_event_error(&event);
  protocol_seen();
  auto partitions = sources(rd_kafka_event_topic_partition_list(&event));
  if (kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(std::move(partitions));
  } else {
    revoke(partitions);  // __REVOKE_PARTITIONS, or an error: everything goes back
  }
}

// "NONE" before the first join and after a lost one: what was true last goes on.
void Membership::protocol_seen() {
  const std::string_view protocol = rd_kafka_rebalance_protocol(client_.get());
  if (protocol != "NONE") cooperative_ = protocol == "COOPERATIVE";
}

void Membership::assign(std::vector<TopicPartition> partitions) {
  expelled_ = false;
  assign_open_ = true;
  if (partitions.empty()) return begin_reading({});
  unresolved_.insert(std::make_move_iterator(partitions.begin()), std::make_move_iterator(partitions.end()));
  look_up();
}

void Membership::look_up() {
  retry_.cancel();
  offsets_.ask({unresolved_.begin(), unresolved_.end()});
}

void Membership::take_offsets(rd_kafka_event_t& event) {
  auto answer = offsets_.take(event);
  if (!answer || leaving_) return;
  // What was revoked meanwhile is not ours any more.
  std::erase_if(answer->found,
                [this](const StartOffset& s) { return unresolved_.erase(s.start.source) == 0; });
  std::erase_if(answer->without_commit,
                [this](const TopicPartition& s) { return unresolved_.erase(s) == 0; });
  std::erase_if(answer->failed, [this](const auto& f) { return !unresolved_.contains(f.source); });
  report(*answer);
  if (unresolved_.empty()) {
    failures_ = 0;
    last_failure_.clear();
  } else {
    retry_later();
  }
  if (assign_open_ || !answer->found.empty()) begin_reading(answer->found);
}

void Membership::report(const StartOffsetsAnswer& answer) {
  for (const TopicPartition& source : answer.without_commit) {
    unread_[source] = "has no committed offset and startFrom is error: it is not read";
    sink_.error({"no_committed_offset", to_string(source) + " " + unread_[source], false});
  }
  if (answer.failed.empty()) return;
  const StartOffsetsAnswer::Failure& first = answer.failed.front();
  std::string text = "where to begin " + to_string(first.source);
  if (answer.failed.size() > 1) text += " and " + std::to_string(answer.failed.size() - 1) + " more";
  text += " is not known: " + first.text + "; asked again";
  if (text == last_failure_) return;
  last_failure_ = text;
  sink_.error(consumer_error(first.error, std::move(text)));
}

void Membership::out_of_range(const TopicPartition& source) {
  if (assignment_.find(source.topic.name(), source.partition.value) == nullptr) return;
  unread_[source] = "has lost the record it should go on with and startFrom is error: it is not read";
}

void Membership::retry_later() {
  const auto most = std::min(kRetryMost, kRetryFirst * (1 << std::min(failures_++, 10U)));
  std::uniform_int_distribution<std::int64_t> part(most.count() / 2, most.count());
  retry_.expires_after(std::chrono::milliseconds(part(jitter_)));
  retry_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->leaving_ && !self->unresolved_.empty()) self->look_up();
  });
}

void Membership::begin_reading(const std::vector<StartOffset>& starts) {
  for (const StartOffset& s : starts) forward(client_, s.start.source);
  const bool called = call_assign(starts);
  assign_open_ = false;
  pipeline::Assigned event;
  for (const StartOffset& s : starts) {
    if (called) {
      assignment_.add(s.start);
      event.partitions.push_back(s.start);
    } else {
      unresolved_.insert(s.start.source);
    }
  }
  if (!called && !leaving_ && !unresolved_.empty()) retry_later();
  const bool waiting = !unresolved_.empty() || leaving_;
  if (event.partitions.empty() && (announced_ || waiting)) return;
  announce(event);
}

void Membership::announce(const pipeline::Assigned& event) {
  announced_ = true;
  offsets_.joined();
  sink_.assigned(event);
}

// No longer a member; the next assignment tells of a new one, though it may be empty.
void Membership::rejoining() {
  announced_ = false;
  if (watches_joining_) watch_joining();
}

void Membership::watch_joining() {
  watches_joining_ = true;
  joining_.expires_after(kJoiningInterval);
  joining_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->leaving_ || self->announced_) return;
    const GroupMetadata group(rd_kafka_consumer_group_metadata(self->client_.get()));
    const bool member = group && rd_kafka_consumer_group_metadata_generation_id(group.get()) > 0;
    if (member && !self->assign_open_ && self->unresolved_.empty()) return self->announce({});
    self->watch_joining();
  });
}

// An assign that replaces another first stops what is read, on librdkafka's threads and later: that undoes
// the forwarding, also of what begins again. Forwarding a queue late loses nothing, so it is done until it
// holds.
void Membership::forward_again(std::chrono::steady_clock::time_point until) {
  forwarding_.expires_after(kForwardInterval);
  forwarding_.async_wait([weak = weak_from_this(), until](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->leaving_) return;
    for (const ReadPartition* partition : self->assignment_.all()) forward(self->client_, partition->source);
    if (std::chrono::steady_clock::now() < until) self->forward_again(until);
  });
}

bool Membership::call_assign(const std::vector<StartOffset>& starts) {
  const auto read = cooperative_ ? std::vector<const ReadPartition*>{} : assignment_.all();
  if (!read.empty()) {
    // An eager assign replaces everything: what is read goes on where it stands, and is fetched again.
    sink_.discard_all();
    forward_again(std::chrono::steady_clock::now() + kForwardAgain);
  }
  const PartitionList list = partition_list(starts.size() + read.size());
  for (const StartOffset& s : starts) {
    rd_kafka_topic_partition_t& entry = add(list, s.start.source);
    entry.offset = s.start.position.value;
    if (s.committed_epoch >= 0) rd_kafka_topic_partition_set_leader_epoch(&entry, s.committed_epoch);
  }
  for (const ReadPartition* partition : read) add(list, partition->source).offset = partition->position.value;
  if (cooperative_) {
    rd_kafka_error_t* error = rd_kafka_incremental_assign(client_.get(), list.get());
    complain("incremental_assign", error);
    return error == nullptr;
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(client_.get(), list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) sink_.error(consumer_error(error, "assign failed"));
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Membership::revoke(const std::vector<TopicPartition>& partitions) {
  assign_open_ = false;
  revoke_open_ = true;
  const bool lost = std::exchange(expelled_, false) || rd_kafka_assignment_lost(client_.get()) != 0;
  if (lost) rejoining();
  for (const TopicPartition& source : partitions) {
    unresolved_.erase(source);
    unread_.erase(source);
  }
  if (unresolved_.empty()) {
    offsets_.cancel();
    retry_.cancel();
  }
  pipeline::Revoked event{assignment_.start_revoke(partitions), lost};
  sink_.discard();
  if (event.partitions.empty() && held_.empty()) return unassign();
  if (event.partitions.empty()) return;
  held_.insert(event.partitions.begin(), event.partitions.end());
  sink_.revoked(event);
}

void Membership::finish_revoke(const std::vector<TopicPartition>& partitions) {
  for (const TopicPartition& source : partitions) held_.erase(source);
  if (held_.empty() && revoke_open_) unassign();
}

void Membership::unassign() {
  revoke_open_ = false;
  held_.clear();
  const std::vector<TopicPartition> given_up = assignment_.revoking();
  if (cooperative_) {
    const PartitionList list = partition_list(given_up.size());
    for (const TopicPartition& source : given_up) add(list, source);
    complain("incremental_unassign", rd_kafka_incremental_unassign(client_.get(), list.get()));
  } else {
    const rd_kafka_resp_err_t error = rd_kafka_assign(client_.get(), nullptr);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) sink_.error(consumer_error(error, "unassign failed"));
  }
  assignment_.remove(given_up);
  sink_.discard();
}

void Membership::complain(const char* call, rd_kafka_error_t* error) {
  if (error == nullptr) return;
  sink_.error(consumer_error(rd_kafka_error_code(error),
                             std::string(call) + " failed: " + rd_kafka_error_string(error)));
  rd_kafka_error_destroy(error);
}

void Membership::leave() {
  if (std::exchange(leaving_, true)) return;
  offsets_.cancel();
  retry_.cancel();
  forwarding_.cancel();
  joining_.cancel();
  unresolved_.clear();
  if (assign_open_) begin_reading({});
  if (revoke_open_) unassign();
}

}  // namespace triggerd::kafka
