// One trigger's lag from refresh to refresh: what is asked, what the answers mean, what is remembered. Pure.
//
// Where lag is counted from: the group's commit; else, of a partition we own, where we began; else where
// reading would begin: its start if the group reads the topic already (KAFKA-20539), else what `startFrom`
// says, and `latest` is the end at first sight. A commit beyond the end, or a topic made anew, is an anomaly:
// no lag this once, and what was remembered of the partition is forgotten.
//
// An error of a partition holds its values. A broker that has just started may not know a topic that is
// there, so one that vanishes is believed the third time.
//
// A refresh: begin(), topics(), then finish() with the answers for what topics() gave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"
#include "config/schema.hpp"
#include "lag/answers.hpp"
#include "lag/condition.hpp"
#include "lag/end_history.hpp"
#include "lag/snapshot.hpp"

namespace triggerd::lag {

enum class Anomaly { commit_beyond_end, topic_recreated };  // of a partition, of a topic
inline constexpr std::size_t kAnomalies = 2;

class Tracker {
 public:
  static constexpr std::uint32_t kGoneAfter = 3;  // refreshes in a row that do not see a topic

  // `named`: the topics given by name; others are found by ^regex.
  Tracker(std::string trigger, std::set<std::string> named, config::StartFrom start_from);

  void begin(std::vector<Owned> owned);
  // One answer for each topic that is named, or found by ^regex. `unlisted`: why the topics could not be
  // listed, then those found before stay. What remains are the partitions to ask for, sorted.
  std::vector<TopicPartition> topics(const std::vector<TopicAnswer>& answers,
                                     const std::string& unlisted = {});
  bool owns(const TopicPartition& source) const { return owned_.contains(source); }
  // Without a commit in `commits`, it is to be asked where the time of `startFrom` is.
  bool needs_time(const TopicPartition& source, const Answers& answers) const;
  // `now`: when the ends were answered; `wall`: the same.
  Snapshot finish(const Answers& answers, TimePoint now, WallMillis wall);

  // Topics known from earlier refreshes, to be described even when they could not be listed.
  std::vector<std::string> known_topics() const;
  // How many of each kind there were, ever.
  std::uint64_t anomalies(Anomaly kind) const { return anomalies_[static_cast<std::size_t>(kind)]; }

 private:
  struct TopicState {
    std::string id;
    std::uint32_t partitions = 0;
    std::uint32_t unseen = 0;  // refreshes in a row
  };
  struct State {
    PartitionLag lag;
    std::optional<Offset> anchor;  // where reading would begin, found at first sight
    EndHistory ends;
    Window window;
    bool anomalous = false;
    bool recreated = false;  // since the last finish()
  };
  void see(const TopicAnswer& answer);
  void unseen(const std::string& topic);
  void drop(const std::string& topic, std::uint32_t from);
  void note_read(const Answers& answers);
  bool later(const std::string& topic) const;
  std::optional<Offset> base_of(State& state, const CommitAnswer& commit, const LogAnswer& log) const;
  static void resync(State& state);
  void update(State& state, const CommitAnswer& commit, const LogAnswer& log, TimePoint now, WallMillis wall);
  std::optional<Duration> behind(const State& state, TimePoint now, WallMillis wall) const;
  void own(State& state, const Answers& answers) const;

  const std::string trigger_;
  const std::set<std::string> named_;
  const config::StartFrom start_from_;
  std::map<TopicPartition, Owned> owned_;
  std::map<std::string, TopicState> topics_;
  std::map<TopicPartition, State> partitions_;
  std::set<std::string> read_;  // topics that the group reads: there is a commit, or we have begun
  std::map<std::string, std::vector<std::string>> errors_;  // of this refresh: why → topics or partitions
  std::array<std::uint64_t, kAnomalies> anomalies_{};
  std::optional<TimePoint> taken_;
  std::optional<std::uint32_t> members_;
};

}  // namespace triggerd::lag
