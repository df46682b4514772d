#include "lag/tracker.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lag/lag.hpp"

namespace triggerd::lag {
namespace {

using Kind = config::StartFrom::Kind;

constexpr char kUnanswered[] = "there was no answer";
constexpr std::size_t kNamed = 3;  // in a sentence

// "Broker: Not leader for partition: orders[0], orders[1] and 5 more"
std::string sentence(const std::string& why, const std::vector<std::string>& whom) {
  std::string text = why;
  for (std::size_t i = 0; i < std::min(whom.size(), kNamed); ++i) text += (i == 0 ? ": " : ", ") + whom[i];
  if (whom.size() > kNamed) text += " and " + std::to_string(whom.size() - kNamed) + " more";
  return text;
}

}  // namespace

Tracker::Tracker(std::string trigger, std::set<std::string> named, config::StartFrom start_from)
    : trigger_(std::move(trigger)), named_(std::move(named)), start_from_(start_from) {}

void Tracker::begin(std::vector<Owned> owned) {
  errors_.clear();
  owned_.clear();
  for (Owned& one : owned) owned_.insert_or_assign(one.source, std::move(one));
}

std::vector<TopicPartition> Tracker::topics(const std::vector<TopicAnswer>& answers,
                                            const std::string& unlisted) {
  std::set<std::string> answered;
  for (const TopicAnswer& answer : answers) {
    answered.insert(answer.topic);
    if (!answer.error.empty()) {
      errors_[answer.error].push_back(answer.topic);
    } else if (answer.partitions == 0) {
      unseen(answer.topic);
    } else {
      see(answer);
    }
  }
  if (!unlisted.empty()) errors_[unlisted];
  for (const std::string& topic : known_topics()) {
    if (answered.contains(topic)) continue;
    if (named_.contains(topic)) {
      errors_[kUnanswered].push_back(topic);
    } else if (unlisted.empty()) {
      unseen(topic);
    }
  }
  std::vector<TopicPartition> asked;
  asked.reserve(partitions_.size());
  for (const auto& [source, state] : partitions_) asked.push_back(source);
  return asked;
}

void Tracker::see(const TopicAnswer& answer) {
  TopicState& topic = topics_[answer.topic];
  const bool recreated = !topic.id.empty() && !answer.id.empty() && topic.id != answer.id;
  if (recreated) {
    ++anomalies_[static_cast<std::size_t>(Anomaly::topic_recreated)];
    read_.erase(answer.topic);
  }
  drop(answer.topic, answer.partitions);
  topic = {answer.id.empty() ? topic.id : answer.id, answer.partitions};
  const Topic name(answer.topic);
  for (std::uint32_t i = 0; i < answer.partitions; ++i) {
    const TopicPartition source{name, Partition{static_cast<std::int32_t>(i)}};
    const auto [entry, is_new] = partitions_.try_emplace(source);
    State& state = entry->second;
    state.lag.source = source;
    state.recreated = state.recreated || (recreated && !is_new);
  }
}

void Tracker::unseen(const std::string& topic) {
  TopicState& state = topics_[topic];
  if (state.unseen < kGoneAfter) ++state.unseen;
  if (state.unseen < kGoneAfter) {
    errors_["the topic is not there"].push_back(topic);
    return;
  }
  drop(topic, 0);
  read_.erase(topic);
  // A named topic may come yet: that it is not there is known, and no error.
  state.id.clear();
  if (!named_.contains(topic)) topics_.erase(topic);
}

void Tracker::drop(const std::string& topic, std::uint32_t from) {
  std::erase_if(partitions_, [&](const auto& entry) {
    return entry.first.topic.name() == topic &&
           entry.first.partition.value >= static_cast<std::int32_t>(from);
  });
}

std::vector<std::string> Tracker::known_topics() const {
  std::vector<std::string> names;
  names.reserve(topics_.size());
  for (const auto& [name, state] : topics_) names.push_back(name);
  return names;
}

bool Tracker::needs_time(const TopicPartition& source, const Answers& answers) const {
  if (start_from_.kind != Kind::time || owns(source)) return false;
  const auto state = partitions_.find(source);
  if (state == partitions_.end() || (state->second.anchor && !state->second.recreated)) return false;
  const auto commit = answers.commits.find(source);
  return commit != answers.commits.end() && commit->second.error.empty() && !commit->second.committed;
}

// Which topics the group reads already, by the rule of checkpoint/later_partitions.hpp.
void Tracker::note_read(const Answers& answers) {
  for (const auto& [source, owned] : owned_) read_.insert(source.topic.name());
  for (const auto& [source, commit] : answers.commits) {
    if (commit.committed && !commit.just_begun) read_.insert(source.topic.name());
  }
}

bool Tracker::later(const std::string& topic) const {
  const auto by_regex = [this](const std::string& name) { return !named_.contains(name); };
  return read_.contains(topic) || (by_regex(topic) && std::ranges::any_of(read_, by_regex));
}

std::optional<Offset> Tracker::base_of(State& state, const CommitAnswer& commit, const LogAnswer& log) const {
  if (commit.committed) return commit.committed;
  if (const auto owned = owned_.find(state.lag.source); owned != owned_.end()) return owned->second.begun;
  switch (start_from_.kind) {
    case Kind::earliest: return log.start;
    case Kind::error: return std::nullopt;
    case Kind::latest:
      if (later(state.lag.source.topic.name())) return log.start;
      if (!state.anchor) state.anchor = log.end;
      return state.anchor;
    case Kind::time:
      if (state.anchor) return state.anchor;
      // Where the log ends before the time, records may come that are before it too.
      if (log.at_time && log.at_time < log.end) state.anchor = log.at_time;
      return log.at_time;
  }
  return std::nullopt;
}

void Tracker::resync(State& state) {
  state.anchor.reset();
  state.ends = {};
  state.window = {};
}

void Tracker::update(State& state, const CommitAnswer& commit, const LogAnswer& log, TimePoint now,
                     WallMillis wall) {
  PartitionLag& lag = state.lag;
  const bool recreated = std::exchange(state.recreated, false);
  if (recreated) resync(state);
  const auto base = base_of(state, commit, log);
  const bool beyond = base && *base > *log.end;
  if (beyond && !state.anomalous && !recreated) {
    ++anomalies_[static_cast<std::size_t>(Anomaly::commit_beyond_end)];
    resync(state);
  }
  state.anomalous = beyond;
  if (base != lag.base) lag.moved = now;
  lag.start = log.start;
  lag.end = log.end;
  lag.committed = commit.committed;
  lag.base = base;
  lag.unread = !base && start_from_.kind == Kind::error;
  lag.sampled = now;
  lag.lag.reset();
  if (base) lag.lag = recreated ? 0 : records(*log.start, *log.end, *base);
  state.ends.note(*log.end, now);
  lag.behind = behind(state, now, wall);
  if (base) state.window.note(*base, *lag.lag);
}

std::optional<Duration> Tracker::behind(const State& state, TimePoint now, WallMillis wall) const {
  if (!state.lag.lag) return std::nullopt;
  if (*state.lag.lag == 0) return Duration::zero();
  const auto owned = owned_.find(state.lag.source);
  if (owned != owned_.end() && owned->second.oldest && *owned->second.oldest >= 0) {
    // Who wrote the record chose its time: one far in the future must not overflow.
    const WallMillis oldest = std::min(*owned->second.oldest, wall);
    return std::chrono::milliseconds(wall - oldest);
  }
  const auto written = state.ends.written(std::max(*state.lag.base, *state.lag.start));
  if (!written) return std::nullopt;
  return std::max(now - *written, Duration::zero());
}

void Tracker::own(State& state, const Answers& answers) const {
  Owner& owner = state.lag.owner;
  if (owns(state.lag.source)) {
    owner = Owner::us;
  } else if (answers.group) {
    owner = answers.group->assigned.contains(state.lag.source) ? Owner::other
            : answers.group->moving                            ? Owner::unknown
                                                               : Owner::nobody;
  } else if (owner == Owner::us) {
    owner = Owner::unknown;
  }
}

Snapshot Tracker::finish(const Answers& answers, TimePoint now, WallMillis wall) {
  note_read(answers);
  for (auto& [source, state] : partitions_) {
    CommitAnswer commit{std::nullopt, false, kUnanswered};
    if (const auto owned = owned_.find(source); owned != owned_.end()) {
      commit = {owned->second.committed, false, {}};
    } else if (const auto found = answers.commits.find(source); found != answers.commits.end()) {
      commit = found->second;
    }
    const auto log = answers.logs.find(source);
    std::string error = commit.error;
    if (error.empty()) error = log == answers.logs.end() ? kUnanswered : log->second.error;
    if (error.empty() && (!log->second.start || !log->second.end)) error = kUnanswered;
    if (error.empty() && needs_time(source, answers) && !log->second.at_time) error = kUnanswered;
    own(state, answers);
    state.lag.failed = !error.empty();
    state.lag.failed ? errors_[error].push_back(to_string(source))
                     : update(state, commit, log->second, now, wall);
    state.lag.condition = state.window.condition(state.lag.owner);
  }
  if (answers.group) members_ = answers.group->members;
  const auto ours = [this](const auto& entry) { return owns(entry.first); };
  if (!partitions_.empty() && std::ranges::all_of(partitions_, ours)) members_.reset();
  Snapshot snapshot;
  snapshot.trigger = trigger_;
  snapshot.complete = errors_.empty();
  if (snapshot.complete) taken_ = now;
  snapshot.taken = taken_;
  for (const auto& [source, state] : partitions_) snapshot.partitions.push_back(state.lag);
  for (const auto& [why, whom] : errors_) snapshot.errors.push_back(sentence(why, whom));
  snapshot.members = members_;
  return snapshot;
}

}  // namespace triggerd::lag
