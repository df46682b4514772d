#include "trigger/scale_loop.hpp"

#include <algorithm>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/invariant.hpp"
#include "base/log.hpp"
#include "kafka/janitor.hpp"
#include "kafka/properties.hpp"
#include "trigger/load.hpp"
#include "trigger/specs.hpp"

namespace triggerd::trigger {
namespace {

// The original's sampling (ScaleMonitorService): every ten seconds, the last five count.
constexpr Duration kVoteEvery = std::chrono::seconds(10);
constexpr Duration kCallerCounts = std::chrono::minutes(5);
// Of how long the handler's 99th percentile is, and at most twice as long.
constexpr Duration kTimesKept = std::chrono::minutes(5);

std::vector<lag::Owned> owned_of(const Status& status) {
  std::vector<lag::Owned> owned;
  for (const PartitionReport& p : status.partitions) {
    owned.push_back(
        {p.status.source, p.status.committed, p.status.begun, p.status.position, p.status.oldest});
  }
  return owned;
}

std::int64_t total_lag(const lag::Snapshot& snapshot) {
  std::int64_t sum = 0;
  for (const lag::PartitionLag& p : snapshot.partitions) sum += p.lag.value_or(0);
  return sum;
}

}  // namespace

class ScaleLoop::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& control, ScaleLoopSpec spec, ScaleLoopSink sink)
      : control_(control), spec_(std::move(spec)), sink_(std::move(sink)) {
    for (const config::Trigger& t : spec_.triggers) {
      const auto in_group = [&t](const config::Trigger& other) {
        return other.connection.broker_list == t.connection.broker_list &&
               other.consumer_group == t.consumer_group;
      };
      Scaled& s = scaled_.try_emplace(t.name, t, spec_.interval).first->second;
      s.sharing = static_cast<std::uint32_t>(std::ranges::count_if(spec_.triggers, in_group));
    }
  }

  void start();
  void took(const Status& status);
  void renew(const std::vector<config::Trigger>& triggers);
  void close(std::function<void()> done);
  const Outlook* outlook(const std::string& trigger) const;
  std::string unknown(const std::string& trigger) const;
  const std::string& cluster(const std::string& trigger) const { return scaled_.at(trigger).cluster; }
  const std::deque<scale::Decision>* decisions(const std::string& trigger) const;
  bool set_manual(const std::string& trigger, std::optional<scale::Manual> manual);
  std::optional<scale::HostStatus> host_status(std::int64_t workers, bool by_targets);

 private:
  struct Scaled {
    Scaled(const config::Trigger& trigger, Duration interval)
        : policy(trigger.scale),
          most_per_second(trigger.limits.max_records_per_second),
          scaler(trigger.scale, interval),
          meter(interval - interval / 5) {}
    config::ScalePolicy policy;
    double most_per_second;  // 0: no limit
    scale::Scaler scaler;
    LoadMeter meter;
    std::uint32_t sharing = 1;  // triggers of this fleet in the group: members that each instance has
    kafka::LagSource* source = nullptr;
    std::string cluster{};
    std::optional<Load> load{};  // since the last decision
    std::uint64_t in_flight = 0;
    Duration silent{};                            // as of the newest status
    TimePoint told{};                             // when that was
    dispatch::Durations times{}, times_before{};  // now, and when the time they are compared with began
    dispatch::Durations times_rotated{};
    std::optional<TimePoint> rotated{};
    std::optional<Outlook> outlook{};
    // For the original's controllers.
    std::deque<std::int64_t> samples{};
    std::optional<TimePoint> sampled{};
    scale::TargetMemory memory{};
  };
  struct Source {
    std::string cluster;
    std::vector<kafka::Property> key;
    std::unique_ptr<kafka::LagSource> source;
  };
  void serve(const config::Trigger& trigger);
  static std::vector<kafka::Property> key_of(const config::Trigger& trigger);
  Source& source_of(const config::Trigger& trigger);
  void decide(lag::Snapshot snapshot);
  std::uint32_t instances(const lag::Snapshot& snapshot, std::uint32_t sharing, TimePoint now) const;
  static Duration handler_p99(Scaled& scaled, TimePoint now);
  void tell(const std::string& trigger, const scale::Decision& before, const scale::Decision& now) const;
  bool stale(const Scaled& scaled, TimePoint now) const;

  boost::asio::io_context& control_;
  ScaleLoopSpec spec_;
  ScaleLoopSink sink_;
  std::map<std::string, Scaled> scaled_;
  std::unique_ptr<kafka::Janitor> janitor_ = std::make_unique<kafka::Janitor>();
  std::vector<Source> sources_;  // one for each cluster and credentials
  std::size_t open_ = 0;
  std::int64_t caller_counts_ = 0;  // instances, as the last caller of scale/status said
  std::optional<TimePoint> called_;
  std::function<void()> done_;
};

void ScaleLoop::Impl::start() {
  for (const config::Trigger& t : spec_.triggers) serve(t);
}

void ScaleLoop::Impl::serve(const config::Trigger& trigger) {
  Scaled& s = scaled_.at(trigger.name);
  if (s.source != nullptr) s.source->remove(trigger.name);
  const Source& source = source_of(trigger);
  s.source = source.source.get();
  s.cluster = source.cluster;
  source.source->add(lag_group(trigger));
  source.source->start();  // where it is new
}

// What its client is configured with: the same for the same cluster and credentials.
std::vector<kafka::Property> ScaleLoop::Impl::key_of(const config::Trigger& trigger) {
  kafka::LagSourceSpec spec;
  spec.connection = trigger.connection;
  return kafka::properties(spec, "");
}

ScaleLoop::Impl::Source& ScaleLoop::Impl::source_of(const config::Trigger& trigger) {
  kafka::LagSourceSpec spec;
  spec.connection = trigger.connection;
  std::vector<kafka::Property> key = key_of(trigger);
  const auto found = std::ranges::find(sources_, key, &Source::key);
  if (found != sources_.end()) return *found;
  const std::string name = cluster_name(trigger);
  spec.name = name;
  spec.interval = spec_.interval;
  kafka::LagSource::Sink sink;
  const auto weak = weak_from_this();
  sink.snapshot = [weak](lag::Snapshot snapshot) {
    if (auto self = weak.lock()) self->decide(std::move(snapshot));
  };
  sink.refreshed = [weak, name](const kafka::LagRefresh& refresh) {
    const auto self = weak.lock();
    if (self && self->sink_.refreshed) self->sink_.refreshed(name, refresh);
  };
  sink.closed = [weak] {
    const auto self = weak.lock();
    if (self && --self->open_ == 0 && self->done_)
      boost::asio::post(self->control_, std::exchange(self->done_, nullptr));
  };
  sources_.push_back(
      {name, std::move(key),
       std::make_unique<kafka::LagSource>(control_, *janitor_, std::move(spec), std::move(sink))});
  ++open_;
  return sources_.back();
}

// The triggers of a source had one connection, and mostly have again.
void ScaleLoop::Impl::renew(const std::vector<config::Trigger>& triggers) {
  std::set<kafka::LagSource*> renewed;
  for (const config::Trigger& t : triggers) {
    Scaled& s = scaled_.at(t.name);
    const auto key = key_of(t);
    const auto source = std::ranges::find(sources_, s.source, [](const Source& x) { return x.source.get(); });
    if (renewed.insert(s.source).second) {
      source->key = key;
      source->source->renew(t.connection);
    } else if (source->key != key) {
      serve(t);
    }
  }
}

void ScaleLoop::Impl::took(const Status& status) {
  const auto found = scaled_.find(status.trigger);
  if (found == scaled_.end() || found->second.source == nullptr) return;
  Scaled& s = found->second;
  s.source->own(status.trigger, owned_of(status));
  s.in_flight = status.stats.in_flight;
  s.silent = status.silent;
  s.told = status.at;
  if (status.batch_times.count() < s.times.count()) s.times_before = s.times_rotated = {};  // it began anew
  s.times = status.batch_times;
  if (const auto load = s.meter.took(status)) s.load = load;
}

// A handler that runs for long has told nothing yet; how long it has been silent stands in.
Duration ScaleLoop::Impl::handler_p99(Scaled& scaled, TimePoint now) {
  if (!scaled.rotated || now - *scaled.rotated > kTimesKept) {
    scaled.times_before = std::exchange(scaled.times_rotated, scaled.times);
    scaled.rotated = now;
  }
  // An answer would have brought a newer status.
  const Duration silent = scaled.silent > Duration{} ? scaled.silent + (now - scaled.told) : Duration{};
  return std::max(scaled.times.since(scaled.times_before).quantile(0.99), silent);
}

std::uint32_t ScaleLoop::Impl::instances(const lag::Snapshot& snapshot, std::uint32_t sharing,
                                         TimePoint now) const {
  if (snapshot.members && *snapshot.members > 0) return (*snapshot.members - 1) / sharing + 1;
  if (called_ && now - *called_ < kCallerCounts && caller_counts_ > 0)
    return static_cast<std::uint32_t>(std::min<std::int64_t>(caller_counts_, UINT32_MAX));
  return 1;
}

void ScaleLoop::Impl::decide(lag::Snapshot snapshot) {
  const auto found = scaled_.find(snapshot.trigger);
  if (found == scaled_.end()) return;
  Scaled& s = found->second;
  const TimePoint now = std::chrono::steady_clock::now();
  scale::Inputs inputs;
  inputs.current = instances(snapshot, s.sharing, now);
  inputs.in_flight = s.in_flight;
  inputs.handler_p99 = handler_p99(s, now);
  if (const auto load = std::exchange(s.load, std::nullopt)) {
    inputs.rate_handled = load->handled;
    // An instance at its maxRecordsPerSecond can do no more, however idle its workers.
    inputs.busy =
        s.most_per_second > 0 ? std::max(load->busy, load->handled / s.most_per_second) : load->busy;
  }
  const scale::Decision before = s.outlook ? s.outlook->decision : scale::Decision{};
  scale::Decision decision = s.scaler.decide(snapshot, inputs, now);
  s.outlook = Outlook{std::move(snapshot), std::move(decision)};
  if (s.outlook->decision.evidence.complete && (!s.sampled || now - *s.sampled >= kVoteEvery)) {
    s.sampled = now;
    s.samples.push_back(total_lag(s.outlook->snapshot));
    if (s.samples.size() > scale::kVoteSamples) s.samples.pop_front();
  }
  tell(found->first, before, s.outlook->decision);
  if (sink_.outlook) sink_.outlook(*s.outlook);
}

void ScaleLoop::Impl::tell(const std::string& trigger, const scale::Decision& before,
                           const scale::Decision& now) const {
  if (before.target == now.target && before.reason == now.reason) return;
  const auto level = before.target == now.target ? log::Level::debug : log::Level::info;
  log::write(level, "scale_target",
             {{"trigger", trigger},
              {"target", now.target},
              {"instances", now.current},
              {"rule", scale::name(now.reason)},
              {"reason", now.text}});
}

const Outlook* ScaleLoop::Impl::outlook(const std::string& trigger) const {
  const auto found = scaled_.find(trigger);
  return found == scaled_.end() || !found->second.outlook ? nullptr : &*found->second.outlook;
}

std::string ScaleLoop::Impl::unknown(const std::string& trigger) const {
  const auto found = scaled_.find(trigger);
  if (found == scaled_.end()) return "";
  const Scaled& s = found->second;
  if (s.outlook && s.outlook->snapshot.taken) return "";
  const bool silent = !s.outlook || s.outlook->snapshot.errors.empty();
  return "the lag of the group is not known yet" + (silent ? "" : ": " + s.outlook->snapshot.errors.front());
}

const std::deque<scale::Decision>* ScaleLoop::Impl::decisions(const std::string& trigger) const {
  const auto found = scaled_.find(trigger);
  return found == scaled_.end() ? nullptr : &found->second.scaler.history();
}

bool ScaleLoop::Impl::set_manual(const std::string& trigger, std::optional<scale::Manual> manual) {
  const auto found = scaled_.find(trigger);
  if (found == scaled_.end()) return false;
  log::info("scale_override", {{"trigger", trigger},
                               {"target", manual ? std::to_string(manual->target) : "none"},
                               {"by", manual ? manual->by : ""}});
  found->second.scaler.set_manual(std::move(manual));
  if (found->second.source != nullptr) found->second.source->refresh_now();
  return true;
}

bool ScaleLoop::Impl::stale(const Scaled& s, TimePoint now) const {
  return !s.outlook->decision.evidence.complete ||
         now - *s.outlook->snapshot.taken > scale::Scaler::kStaleAfter * spec_.interval;
}

// Where nothing fresh is known a trigger holds: the target it named last, or no vote.
std::optional<scale::HostStatus> ScaleLoop::Impl::host_status(std::int64_t workers, bool by_targets) {
  const TimePoint now = std::chrono::steady_clock::now();
  caller_counts_ = workers;
  called_ = now;
  std::vector<scale::FunctionScale> functions;
  bool known = scaled_.empty();
  for (auto& [name, s] : scaled_) {
    scale::FunctionScale f{name};
    const bool fresh = s.outlook && s.outlook->snapshot.taken && !stale(s, now);
    known = known || (s.outlook && s.outlook->snapshot.taken);
    const auto partitions = fresh ? static_cast<std::int64_t>(s.outlook->snapshot.partitions.size()) : 0;
    const auto threshold = static_cast<std::int64_t>(s.policy.lag_threshold);
    if (by_targets) {
      f.target = fresh ? scale::target_result(total_lag(s.outlook->snapshot), partitions, threshold, {},
                                              s.memory, now)
                       : s.memory.last.value_or(workers);
    } else if (fresh) {
      const std::vector<std::int64_t> samples(s.samples.begin(), s.samples.end());
      f.vote = scale::incremental_vote(samples, workers, partitions, threshold);
    }
    functions.push_back(std::move(f));
  }
  if (!known) return std::nullopt;
  return scale::host_status(functions, workers);
}

void ScaleLoop::Impl::close(std::function<void()> done) {
  done_ = std::move(done);
  if (open_ == 0) {
    boost::asio::post(control_, std::exchange(done_, nullptr));
    return;
  }
  for (Source& s : sources_) s.source->close();
}

ScaleLoop::ScaleLoop(boost::asio::io_context& control, ScaleLoopSpec spec, ScaleLoopSink sink)
    : impl_(std::make_shared<Impl>(control, std::move(spec), std::move(sink))) {}
ScaleLoop::~ScaleLoop() = default;
void ScaleLoop::start() { impl_->start(); }
void ScaleLoop::took(const Status& status) { impl_->took(status); }
void ScaleLoop::renew(const std::vector<config::Trigger>& triggers) { impl_->renew(triggers); }
void ScaleLoop::close(std::function<void()> done) { impl_->close(std::move(done)); }
const Outlook* ScaleLoop::outlook(const std::string& trigger) const { return impl_->outlook(trigger); }
std::string ScaleLoop::unknown(const std::string& trigger) const { return impl_->unknown(trigger); }
const std::string& ScaleLoop::cluster(const std::string& trigger) const { return impl_->cluster(trigger); }
const std::deque<scale::Decision>* ScaleLoop::decisions(const std::string& trigger) const {
  return impl_->decisions(trigger);
}
bool ScaleLoop::set_manual(const std::string& trigger, std::optional<scale::Manual> manual) {
  return impl_->set_manual(trigger, std::move(manual));
}
std::optional<scale::HostStatus> ScaleLoop::host_status(std::int64_t workers, bool by_targets) {
  return impl_->host_status(workers, by_targets);
}

}  // namespace triggerd::trigger
