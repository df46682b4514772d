#include "kafka/lag_fleet.hpp"

#include <algorithm>
#include <set>

namespace triggerd::kafka {
namespace {

using Kind = LagQuestion::Kind;

constexpr std::int64_t kStart = RD_KAFKA_OFFSET_SPEC_EARLIEST;
constexpr std::int64_t kEnd = RD_KAFKA_OFFSET_SPEC_LATEST;

template <typename T>
std::vector<std::vector<T>> slices(const std::set<T>& all, std::size_t most) {
  std::vector<std::vector<T>> out;
  for (const T& one : all) {
    if (out.empty() || out.back().size() == most) out.emplace_back();
    out.back().push_back(one);
  }
  return out;
}

const OffsetAnswer* find(const std::map<std::pair<std::int64_t, bool>, OffsetAnswers>& offsets,
                         std::int64_t at, bool read_committed, const TopicPartition& source) {
  const auto question = offsets.find({at, read_committed});
  if (question == offsets.end()) return nullptr;
  const auto answer = question->second.find(source);
  return answer == question->second.end() ? nullptr : &answer->second;
}

}  // namespace

void LagFleet::add(LagGroup group) {
  std::vector<std::string> named;
  std::vector<TopicRegex> regexes;
  std::string refused;
  for (const std::string& topic : group.topics) {
    if (!topic.starts_with('^')) {
      named.push_back(topic);
    } else if (auto regex = TopicRegex::make(topic)) {
      regexes.push_back(std::move(*regex));
    } else {
      refused = "the expression " + topic + " is refused";
    }
  }
  lag::Tracker tracker(group.trigger, {named.begin(), named.end()}, group.start_from);
  watched_.erase(group.trigger);
  const std::string trigger = group.trigger;
  watched_.emplace(trigger, Watched{std::move(group), std::move(tracker), std::move(named),
                                    std::move(regexes), std::move(refused)});
}

void LagFleet::remove(const std::string& trigger) { watched_.erase(trigger); }

void LagFleet::own(const std::string& trigger, std::vector<lag::Owned> owned) {
  const auto found = watched_.find(trigger);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  const auto source = &lag::Owned::source;
  if (!std::ranges::equal(owned, watched.owned, {}, source, source)) watched.members_in = 0;
  watched.owned = std::move(owned);
}

bool LagFleet::has_regex() const {
  return std::ranges::any_of(watched_, [](const auto& entry) { return !entry.second.regexes.empty(); });
}

std::string LagFleet::any_group() const {
  return watched_.empty() ? std::string() : watched_.begin()->second.group.group;
}

void LagFleet::begin() {
  finished_.clear();
  groups_there_.reset();
  // A round may end before they are listed: then none of them is missed.
  listed_ = {{}, RD_KAFKA_RESP_ERR__TIMED_OUT};
  topics_.clear();
  commits_.clear();
  groups_.clear();
  offsets_.clear();
  for (auto& [trigger, watched] : watched_) {
    watched.in_round = true;
    watched.described = false;
    watched.nobody = false;
    watched.topics = topics_of(watched);
    watched.asked.clear();
    watched.answers = {};
  }
}

std::vector<std::string> LagFleet::topics_of(const Watched& watched) const {
  std::vector<std::string> topics = watched.named;
  if (watched.regexes.empty()) return topics;
  const auto wanted = [&](const std::string& name) {
    return std::ranges::any_of(watched.regexes, [&](const TopicRegex& r) { return r.matches(name); });
  };
  if (listed_.error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    std::ranges::copy_if(listed_.names, std::back_inserter(topics), wanted);
  } else {
    std::ranges::copy(watched.tracker.known_topics(), std::back_inserter(topics));
  }
  return topics;
}

std::vector<LagQuestion> LagFleet::ask_topics(const TopicList& listed) {
  listed_ = listed;
  std::set<std::string> names;
  for (auto& [trigger, watched] : watched_) {
    if (!watched.in_round) continue;
    watched.topics = topics_of(watched);
    names.insert(watched.topics.begin(), watched.topics.end());
  }
  std::vector<LagQuestion> questions;
  for (auto& slice : slices(names, kMostAsked)) questions.push_back({Kind::topics, std::move(slice)});
  const bool wanted =
      std::ranges::any_of(watched_, [](const auto& e) { return e.second.in_round && !e.second.all_ours; });
  if (listing_in_ > 0) {
    --listing_in_;
  } else if (wanted) {
    questions.push_back({Kind::listing});
  }
  return questions;
}

void LagFleet::describe(Watched& watched, const std::string& trouble) {
  std::vector<lag::TopicAnswer> answers;
  std::set<std::string> seen;
  for (const std::string& topic : watched.topics) {
    if (!seen.insert(topic).second) continue;
    const auto found = topics_.find(topic);
    answers.push_back(found != topics_.end() ? found->second : lag::TopicAnswer{topic, {}, 0, trouble});
  }
  std::string unlisted = watched.refused;
  if (!watched.regexes.empty() && listed_.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    unlisted = std::string("the topics could not be listed: ") + rd_kafka_err2str(listed_.error);
  }
  watched.tracker.begin(watched.owned);
  watched.asked = watched.tracker.topics(answers, unlisted);
  watched.described = true;
}

bool LagFleet::owns_all(const Watched& watched) const {
  return std::ranges::all_of(watched.asked, [&](const auto& p) { return watched.tracker.owns(p); });
}

// One listing tells of all groups without members, at a request a broker; describing costs four a group. A
// group that had members and is missing may just be moving: that is asked.
bool LagFleet::nobody_in(const Watched& watched) const {
  if (!groups_there_) return false;
  const auto found = groups_there_->find(watched.group.group);
  return found == groups_there_->end() ? !watched.peopled : !found->second;
}

std::vector<LagQuestion> LagFleet::ask_commits(std::size_t groups) {
  std::map<std::string, std::set<TopicPartition>> commits;
  std::set<std::string> members;
  for (auto& [trigger, watched] : watched_) {
    if (!watched.in_round) continue;
    describe(watched, "the topic was not answered for");
    watched.all_ours = owns_all(watched);
    if (watched.all_ours) continue;
    for (const TopicPartition& source : watched.asked) {
      if (!watched.tracker.owns(source)) commits[watched.group.group].insert(source);
    }
    watched.nobody = nobody_in(watched);
    if (watched.nobody) {
      watched.members_in = 0;  // the first to come is seen at once
      continue;
    }
    if (watched.members_in == 0) members.insert(watched.group.group);
    watched.members_in = (watched.members_in == 0 ? kMembersEvery : watched.members_in) - 1;
  }
  std::vector<LagQuestion> questions;
  for (auto& [group, partitions] : commits)
    questions.push_back({Kind::commits, {group}, {partitions.begin(), partitions.end()}});
  for (auto& slice : slices(members, groups)) questions.push_back({Kind::groups, std::move(slice)});
  return questions;
}

std::vector<LagQuestion> LagFleet::ask_offsets() {
  std::map<TimeKey, std::set<TopicPartition>> wanted;
  for (auto& [trigger, watched] : watched_) {
    if (!watched.described) continue;
    const auto commits = commits_.find(watched.group.group);
    const bool committed = watched.group.read_committed;
    for (const TopicPartition& source : watched.asked) {
      if (commits != commits_.end() && commits->second.contains(source))
        watched.answers.commits[source] = commits->second.at(source);
      wanted[{kStart, false}].insert(source);  // the isolation level does not change it
      wanted[{kEnd, committed}].insert(source);
      if (watched.tracker.needs_time(source, watched.answers))
        wanted[{watched.group.start_from.time, committed}].insert(source);
    }
  }
  std::vector<LagQuestion> questions;
  for (const auto& [key, partitions] : wanted) {
    for (auto& slice : slices(partitions, kMostAsked))
      questions.push_back({Kind::offsets, {}, std::move(slice), key.first, key.second});
  }
  return questions;
}

void LagFleet::take(rd_kafka_event_t& answer, const LagQuestion& question, std::uint64_t now,
                    ErrorCodes& errors) {
  switch (question.kind) {
    case Kind::topics:
      for (lag::TopicAnswer& topic : kafka::topics_of(answer, question, errors))
        topics_[topic.topic] = std::move(topic);
      return;
    case Kind::listing:
      groups_there_ = listing_of(answer, errors);
      if (errors.contains(RD_KAFKA_RESP_ERR__TIMED_OUT)) listing_in_ = kListingEvery;
      return;
    case Kind::commits: commits_[question.names[0]] = commits_of(answer, question, now, errors); return;
    case Kind::groups: groups_.merge(groups_of(answer, errors)); return;
    case Kind::offsets:
      offsets_[{question.at, question.read_committed}].merge(offsets_of(answer, question, errors));
  }
}

// The answers of a round, for one trigger.
void LagFleet::join(Watched& watched, const std::string& trouble) {
  const bool committed = watched.group.read_committed;
  if (const auto group = groups_.find(watched.group.group); group != groups_.end())
    watched.answers.group = group->second;
  // Who may not see a group is not told of it either.
  const auto answered = [](const auto& commit) { return commit.second.error.empty(); };
  if (watched.nobody && std::ranges::any_of(watched.answers.commits, answered))
    watched.answers.group.emplace();
  if (watched.answers.group) {
    watched.peopled = watched.answers.group->members > 0;
    if (watched.answers.group->moving) watched.members_in = 0;
  }
  for (const TopicPartition& source : watched.asked) {
    lag::LogAnswer& log = watched.answers.logs[source];
    const OffsetAnswer* start = find(offsets_, kStart, false, source);
    const OffsetAnswer* end = find(offsets_, kEnd, committed, source);
    if (start == nullptr || end == nullptr) {
      log.error = trouble;
      continue;
    }
    log.error = start->error.empty() ? end->error : start->error;
    log.start = start->offset;
    log.end = end->offset;
    const OffsetAnswer* time = find(offsets_, watched.group.start_from.time, committed, source);
    if (watched.group.start_from.kind != config::StartFrom::Kind::time || time == nullptr) continue;
    if (log.error.empty()) log.error = time->error;
    log.at_time = time->offset ? time->offset : log.end;
  }
}

std::optional<lag::Snapshot> LagFleet::finish(const std::string& trouble, TimePoint now, WallMillis wall) {
  for (auto next = watched_.upper_bound(finished_); next != watched_.end(); ++next) {
    auto& [trigger, watched] = *next;
    finished_ = trigger;
    if (!watched.in_round) continue;
    if (!watched.described) describe(watched, trouble);
    join(watched, trouble);
    watched.in_round = false;
    watched.described = false;
    return watched.tracker.finish(watched.answers, now, wall);
  }
  return std::nullopt;
}

std::map<std::string, LagRefresh::Anomalies> LagFleet::anomalies() const {
  std::map<std::string, LagRefresh::Anomalies> out;
  for (const auto& [trigger, watched] : watched_) {
    const LagRefresh::Anomalies counts{watched.tracker.anomalies(lag::Anomaly::commit_beyond_end),
                                       watched.tracker.anomalies(lag::Anomaly::topic_recreated)};
    if (counts.commit_beyond_end + counts.topic_recreated > 0) out[trigger] = counts;
  }
  return out;
}

}  // namespace triggerd::kafka
