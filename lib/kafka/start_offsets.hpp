// Where newly assigned partitions begin: at the group's commit, else where `startFrom` says (design §6b 6:
// the assign event carries no offsets, and the call that would fetch them blocks).
//
// `latest` is for a group that begins. A partition that came later begins at its start: one that came while
// we were a member already, or that later_partitions.hpp tells by the group's commits.
//
// Four questions at most, each answered on the client's event queue: the group's commits; for those without
// one its commits of all partitions (latest only); earliest, latest or by time; latest for those
// where the time is past the end. One look-up runs at a time. What could not be answered is told apart, for
// the owner to ask again later. Thread: the trigger's event loop.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/schema.hpp"
#include "kafka/consumer.hpp"
#include "kafka/handle.hpp"
#include "pipeline/event.hpp"

namespace triggerd::kafka {

struct StartOffset {
  pipeline::PartitionStart start;
  std::int32_t committed_epoch = -1;  // of the last record committed, so that a truncated log is noticed
};

struct StartOffsetsAnswer {
  std::vector<StartOffset> found;
  std::vector<TopicPartition> without_commit;  // only with startFrom: error
  struct Failure {
    TopicPartition source;
    rd_kafka_resp_err_t error{};
    std::string text;
  };
  std::vector<Failure> failed;
};

class StartOffsets {
 public:
  // `events`: where answers come; take() is given them.
  StartOffsets(rd_kafka_t* client, rd_kafka_queue_t* events, const ConsumerSpec& spec, bool read_committed);

  // Forgets the look-up that may be running and asks for these.
  void ask(std::vector<TopicPartition> partitions);
  void cancel();
  // The group has given us all it had for us: what it gives us for the first time from now on came later,
  // or belonged to a member that committed it.
  void joined() { joined_ = true; }
  bool asking() const { return !open_.empty(); }
  // Is this an answer to us, and to the running look-up? Then a value when the look-up is over.
  std::optional<StartOffsetsAnswer> take(rd_kafka_event_t& event);

 private:
  enum class Question { commits, group, start_from, end };
  void ask_commits(Question question);
  void ask_offsets(Question question, std::int64_t timestamp);
  void ask_next();
  void ask_start();
  AdminOptions options(rd_kafka_admin_op_t operation) const;
  void take_commits(rd_kafka_event_t& event);
  void take_own(const rd_kafka_topic_partition_list_t& commits);
  void take_group(const rd_kafka_topic_partition_list_t& list);
  void take_offsets(rd_kafka_event_t& event);
  void found(pipeline::PartitionStart start, std::int32_t committed_epoch);
  void failed(const TopicPartition& source, rd_kafka_resp_err_t error, std::string text);
  void fail_open(rd_kafka_resp_err_t error, const std::string& text);

  rd_kafka_t* client_;
  rd_kafka_queue_t* events_;
  const std::string group_;
  const std::set<std::string> named_;  // topics that are subscribed to by name
  const config::StartFrom start_from_;
  const bool read_committed_;
  bool joined_ = false;
  std::set<TopicPartition> first_;  // asked for before we had joined
  std::uintptr_t look_up_ = 0;      // the number of the running one; answers to others are stale
  Question question_ = Question::commits;
  std::set<TopicPartition> open_;   // without an answer yet
  std::set<TopicPartition> later_;  // of these: came after the group had begun
  StartOffsetsAnswer answer_;
};

}  // namespace triggerd::kafka
