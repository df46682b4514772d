// The triggers of a lag source: what a refresh asks for all of them together, and to whom each answer goes.
// Nothing here talks to librdkafka but to read its answers. Thread: the source's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "kafka/lag_requests.hpp"
#include "kafka/lag_source.hpp"
#include "kafka/topic_list.hpp"
#include "lag/tracker.hpp"

namespace triggerd::kafka {

// One round at a time: begin(), then the questions of each stage once those before are answered, or given up;
// finish() at any moment.
class LagFleet {
 public:
  // Partitions or topics in a question: librdkafka compares each with each.
  static constexpr std::size_t kMostAsked = 200;
  // Rounds from one look at a group's members to the next, while it is the same partitions that we own.
  static constexpr unsigned kMembersEvery = 3;
  // Rounds without a listing of the groups after one that took all its time.
  static constexpr unsigned kListingEvery = 12;

  void add(LagGroup group);
  void remove(const std::string& trigger);
  void own(const std::string& trigger, std::vector<lag::Owned> owned);
  bool empty() const { return watched_.empty(); }
  bool has_regex() const;
  std::string any_group() const;  // of ours; "" where there is none

  void begin();
  std::vector<LagQuestion> ask_topics(const TopicList& listed);
  // `groups`: at most so many in a question about members; librdkafka asks for all of them at once.
  std::vector<LagQuestion> ask_commits(std::size_t groups);
  std::vector<LagQuestion> ask_offsets();
  void take(rd_kafka_event_t& answer, const LagQuestion& question, std::uint64_t now, ErrorCodes& errors);
  // Of the next trigger whose round is not finished; absent: there is none. `trouble`: why what is missing
  // was not answered.
  std::optional<lag::Snapshot> finish(const std::string& trouble, TimePoint now, WallMillis wall);

  std::map<std::string, LagRefresh::Anomalies> anomalies() const;

 private:
  struct Watched {
    LagGroup group;
    lag::Tracker tracker;
    std::vector<std::string> named;
    std::vector<TopicRegex> regexes;
    std::string refused;  // an expression
    std::vector<lag::Owned> owned{};
    bool in_round = false;
    bool described = false;             // topics() has been called in this round
    std::vector<std::string> topics{};  // named, and what the expressions mean
    std::vector<TopicPartition> asked{};
    lag::Answers answers{};
    unsigned members_in = 0;  // rounds until its members are looked at
    bool all_ours = false;    // in the last round that asked
    bool nobody = false;      // is a member, says the listing
    bool peopled = false;     // when its members were looked at last
  };
  using TimeKey = std::pair<std::int64_t, bool>;  // at, read committed

  void describe(Watched& watched, const std::string& trouble);
  std::vector<std::string> topics_of(const Watched& watched) const;
  bool owns_all(const Watched& watched) const;
  bool nobody_in(const Watched& watched) const;
  void join(Watched& watched, const std::string& trouble);

  std::map<std::string, Watched> watched_;  // by trigger
  unsigned listing_in_ = 0;                 // rounds until the groups are listed again
  // Of this round.
  std::string finished_;  // the last trigger that is
  std::optional<GroupListing> groups_there_;
  TopicList listed_;
  std::map<std::string, lag::TopicAnswer> topics_;
  std::map<std::string, CommitAnswers> commits_;  // by group
  std::map<std::string, lag::GroupAnswer> groups_;
  std::map<TimeKey, OffsetAnswers> offsets_;
};

}  // namespace triggerd::kafka
