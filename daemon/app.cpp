#include "daemon/app.hpp"

#include <algorithm>
#include <climits>
#include <csignal>
#include <memory>
#include <random>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>
#include <unistd.h>

#include "base/log.hpp"
#include "config/sources.hpp"
#include "daemon/admin_listeners.hpp"
#include "daemon/check.hpp"
#include "daemon/credential_watch.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/install_paths.hpp"
#include "daemon/metrics_tap.hpp"
#include "daemon/notify.hpp"
#include "daemon/process.hpp"
#include "trigger/pool_sizes.hpp"
#include "trigger/scale_json.hpp"
#include "trigger/scale_loop.hpp"
#include "trigger/supervisor.hpp"
#include "version.hpp"

namespace triggerd::daemon {
namespace {

// systemd is told READY when every trigger is, or after this long: a broker that is down must not fail the
// unit.
constexpr auto kReadyPatience = std::chrono::seconds(10);
constexpr auto kHousekeeping = std::chrono::milliseconds(500);
// What a drain may take beyond the fleet's drainTimeout: killing what did not end, the last commits, leaving.
constexpr auto kStopMargin = std::chrono::seconds(30);
constexpr auto kStopStep = std::chrono::seconds(15);  // what systemd is asked for at a time

log::Level level_of(config::LogPolicy::Level level) {
  switch (level) {
    case config::LogPolicy::Level::debug: return log::Level::debug;
    case config::LogPolicy::Level::info: return log::Level::info;
    case config::LogPolicy::Level::warn: return log::Level::warn;
    case config::LogPolicy::Level::error: break;
  }
  return log::Level::error;
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

class App::Impl {
 public:
  Impl(config::Fleet fleet, AppHooks hooks)
      : fleet_(std::move(fleet)),
        hooks_(std::move(hooks)),
        cgroups_(prepare_for_workers(fleet_.triggers)),
        signals_(control_, SIGTERM, SIGINT, SIGHUP),
        housekeeping_(control_),
        supervisor_(control_, supervisor_spec(), supervisor_sink()),
        pool_sizes_(control_, fleet_.triggers, pool_sizes_sink()),
        scale_loop_(control_, {fleet_.triggers, fleet_.lag_interval}, scale_loop_sink()),
        credentials_(control_, hooks_.files, fleet_,
                     [this](const std::vector<CredentialWatch::Renewed>& renewed) { renew(renewed); }) {}

  int run();
  void stop(const char* why);
  void drain();
  void resume();

 private:
  trigger::SupervisorSpec supervisor_spec() const;
  trigger::SupervisorSink supervisor_sink();
  trigger::PoolSizes::Sink pool_sizes_sink();
  trigger::ScaleLoopSink scale_loop_sink();
  bool start_admin();
  void wait_for_signal();
  void renew(const std::vector<CredentialWatch::Renewed>& renewed);
  void keep_house();
  void tell_systemd(const std::vector<std::string>& reasons);
  void loops_turned();
  std::vector<std::string> not_ready() const;
  std::string trigger_page(const trigger::Status& status, TimePoint now) const;
  admin::View view();
  admin::HostView host_view();

  config::Fleet fleet_;
  AppHooks hooks_;
  std::unique_ptr<worker::CgroupTree> cgroups_;
  boost::asio::io_context control_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer housekeeping_;
  MetricsTap metrics_;
  Notifier notifier_;
  trigger::Supervisor supervisor_;
  trigger::PoolSizes pool_sizes_;
  trigger::ScaleLoop scale_loop_;
  CredentialWatch credentials_;
  std::vector<std::unique_ptr<admin::Server>> admin_;
  const std::string instance_ = host_name();
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  bool told_ready_ = false;
  std::string told_status_;
  std::chrono::steady_clock::time_point stop_by_{};                 // with stopping_
  enum class Drain { none, under_way, over } drain_ = Drain::none;  // asked for at /admin/host/drain
  bool stopping_ = false;
};

trigger::SupervisorSpec App::Impl::supervisor_spec() const {
  trigger::SupervisorSpec spec;
  spec.triggers = fleet_.triggers;
  spec.daemon = kName;
  spec.sdk_python_path = share_directory() + "/python";
  spec.max_in_flight_bytes = fleet_.max_in_flight_bytes;
  spec.state_directory = fleet_.state_directory;
  spec.cgroups = cgroups_.get();
  spec.seed = std::random_device{}();
  return spec;
}

trigger::SupervisorSink App::Impl::supervisor_sink() {
  trigger::SupervisorSink sink;
  sink.status = [this](const trigger::Status& status) {
    metrics_.took(status);
    pool_sizes_.took(status);
    scale_loop_.took(status);
    if (hooks_.status) hooks_.status(status);
  };
  sink.batch = [this](const std::string& name, std::size_t records) { metrics_.batch(name, records); };
  sink.commit = [this](const std::string& name, Duration took) { metrics_.commit(name, took); };
  return sink;
}

trigger::PoolSizes::Sink App::Impl::pool_sizes_sink() {
  return {[this](const std::string& name) { supervisor_.report(name); },
          [this](const std::string& name, std::uint32_t processes) { supervisor_.resize(name, processes); }};
}

trigger::ScaleLoopSink App::Impl::scale_loop_sink() {
  return {[this](const trigger::Outlook& outlook) { metrics_.took(outlook); },
          [this](const std::string& cluster, const kafka::LagRefresh& refresh) {
            metrics_.refreshed(cluster, refresh);
          }};
}

int App::Impl::run() {
  if (!start_admin()) return kUnavailable;
  scale_loop_.start();
  for (const config::Trigger& t : fleet_.triggers) metrics_.add(t, scale_loop_.cluster(t.name));
  wait_for_signal();
  supervisor_.start();
  pool_sizes_.start();
  credentials_.start();
  log::info("daemon_started",
            {{"version", kVersion}, {"triggers", fleet_.triggers.size()}, {"pid", getpid()}});
  keep_house();
  if (hooks_.started) hooks_.started(control_);
  control_.run();
  log::info("daemon_stopped");
  return kOk;
}

bool App::Impl::start_admin() {
  auto listening = listen(control_, fleet_.admin, [this] { return view(); });
  if (listening) admin_ = *std::move(listening);
  if (!listening) log::error("admin_failed", {{"error", listening.error().message}});
  return listening.has_value();
}

void App::Impl::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    if (number == SIGHUP) {
      log::warn("reload_not_available",
                {{"reason", "this version reads the fleet file at its start only; restart it"}});
    } else if (stopping_) {
      log::warn("daemon_abandoned",
                {{"reason", "a second signal; what runs is delivered again at the next start"}});
      // Workers end with us (PDEATHSIG); nothing else needs an order.
      _exit(kAbandoned);
    } else {
      stop(number == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    wait_for_signal();
  });
}

void App::Impl::renew(const std::vector<CredentialWatch::Renewed>& renewed) {
  std::vector<config::Trigger> triggers;
  for (const auto& [trigger, how] : renewed) {
    supervisor_.renew(trigger.name, trigger.connection, how);
    triggers.push_back(trigger);
  }
  scale_loop_.renew(triggers);
}

// What /admin/host/drain asks for: the triggers end, and the daemon stays, to be resumed.
void App::Impl::drain() {
  if (stopping_ || drain_ != Drain::none) return;
  log::info("triggers_draining", {{"reason", "/admin/host/drain"}});
  drain_ = Drain::under_way;
  supervisor_.drain(std::chrono::steady_clock::now() + fleet_.drain_timeout, [this] {
    drain_ = Drain::over;
    log::info("triggers_drained");
  });
}

void App::Impl::resume() {
  if (stopping_ || drain_ != Drain::over) return;
  log::info("triggers_resumed", {{"reason", "/admin/host/resume"}});
  drain_ = Drain::none;
  supervisor_.resume();
}

void App::Impl::stop(const char* why) {
  if (std::exchange(stopping_, true)) return;
  log::info(
      "daemon_draining",
      {{"reason", why},
       {"timeout_ms", std::chrono::duration_cast<std::chrono::milliseconds>(fleet_.drain_timeout).count()}});
  stop_by_ = std::chrono::steady_clock::now() + fleet_.drain_timeout + kStopMargin;
  notifier_.stopping("draining");
  pool_sizes_.stop();
  credentials_.stop();
  supervisor_.drain(std::chrono::steady_clock::now() + fleet_.drain_timeout, [this] {
    scale_loop_.close([this] {
      housekeeping_.cancel();
      for (const auto& server : admin_) server->stop();
      control_.stop();
    });
  });
}

// Tells systemd that we are ready, and that each loop still turns.
void App::Impl::keep_house() {
  const auto reasons = not_ready();
  const bool patient = std::chrono::steady_clock::now() - begun_ < kReadyPatience;
  if (!told_ready_ && !stopping_ && (reasons.empty() || !patient)) {
    told_ready_ = true;
    notifier_.ready();
    log::info("daemon_ready", {{"after_ms", std::chrono::duration_cast<std::chrono::milliseconds>(
                                                std::chrono::steady_clock::now() - begun_)
                                                .count()},
                               {"not_ready", reasons.size()}});
  }
  tell_systemd(reasons);
  supervisor_.probe_loops([this] { loops_turned(); });
  housekeeping_.expires_after(notifier_.watchdog_interval(kHousekeeping));
  housekeeping_.async_wait([this](const boost::system::error_code& error) {
    if (!error) keep_house();
  });
}

void App::Impl::tell_systemd(const std::vector<std::string>& reasons) {
  if (stopping_) return;
  std::string status = std::to_string(fleet_.triggers.size()) +
                       (reasons.empty() ? " triggers, all ready" : " triggers; not ready: " + reasons[0]);
  if (reasons.size() > 1) status += " (and " + std::to_string(reasons.size() - 1) + " more)";
  if (status == told_status_) return;
  notifier_.status(status);
  told_status_ = std::move(status);
}

void App::Impl::loops_turned() {
  notifier_.watchdog();
  if (stopping_ && std::chrono::steady_clock::now() < stop_by_) notifier_.extend(kStopStep);
}

std::vector<std::string> App::Impl::not_ready() const {
  std::vector<std::string> reasons;
  const auto& statuses = supervisor_.statuses();
  for (const config::Trigger& t : fleet_.triggers) {
    const auto found = statuses.find(t.name);
    if (found == statuses.end()) {
      reasons.push_back(t.name + ": starting");
      continue;
    }
    for (std::string& reason : trigger::not_ready(found->second)) reasons.push_back(std::move(reason));
    const std::string unknown = scale_loop_.unknown(t.name);
    if (!unknown.empty()) reasons.push_back(t.name + ": " + unknown);
  }
  return reasons;
}

admin::View App::Impl::view() {
  admin::View view;
  view.version = kVersion;
  view.not_ready = not_ready();
  view.metrics = [this] { return metrics_.pieces(); };
  view.skip = [this](const admin::SkipRequest& r) {
    return supervisor_.skip(r.trigger, {{Topic(r.topic), Partition{r.partition}}, Offset{r.offset}, r.by});
  };
  view.key = fleet_.admin.key.reveal();
  view.host = host_view();
  view.scale = [this](const admin::ScaleRequest& r) {
    return scale_loop_.set_manual(r.trigger,
                                  r.target ? std::optional(scale::Manual{*r.target, r.by}) : std::nullopt);
  };
  const TimePoint now = std::chrono::steady_clock::now();
  for (const auto& [name, status] : supervisor_.statuses()) {
    view.triggers.emplace(name, [this, &kept = status, now] { return trigger_page(kept, now); });
  }
  for (const config::Trigger& t : fleet_.triggers) {
    const trigger::Outlook* outlook = scale_loop_.outlook(t.name);
    if (outlook == nullptr) continue;
    view.targets.emplace(t.name, [outlook, now] { return trigger::scale_json(*outlook, now); });
    view.decisions.emplace(t.name, [this, name = t.name, now] {
      return trigger::decisions_json(name, *scale_loop_.decisions(name), now);
    });
  }
  return view;
}

std::string App::Impl::trigger_page(const trigger::Status& status, TimePoint now) const {
  boost::json::object page = trigger::to_json(status);
  if (const auto* outlook = scale_loop_.outlook(status.trigger)) {
    page["lag"] = trigger::lag_member(outlook->snapshot, now);
    page["scale"] = boost::json::object{{"target", outlook->decision.target},
                                        {"current", outlook->decision.current},
                                        {"rule", scale::name(outlook->decision.reason)},
                                        {"reason", outlook->decision.text}};
  }
  if (const auto* decision = pool_sizes_.decision(status.trigger))
    page["processes"] = trigger::pool_member(*decision, now);
  return boost::json::serialize(page);
}

admin::HostView App::Impl::host_view() {
  using State = admin::HostView::State;
  admin::HostView host;
  host.version = kVersion;
  host.instance = instance_;
  host.uptime_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_)
          .count());
  host.scale_monitoring = fleet_.admin.scale_monitoring;
  for (const auto& [name, status] : supervisor_.statuses()) {
    host.outstanding_invocations += status.stats.in_flight;
    host.outstanding_retries += status.stats.lanes_parked;
  }
  const bool begun = supervisor_.statuses().size() == fleet_.triggers.size();
  host.state = drain_ == Drain::over                     ? State::drained
               : stopping_ || drain_ == Drain::under_way ? State::draining
               : begun                                   ? State::running
                                                         : State::starting;
  host.scale_status = [this](std::int64_t workers) -> std::optional<admin::HostScaleStatus> {
    const auto status = scale_loop_.host_status(workers, fleet_.admin.target_based_scaling);
    if (!status) return std::nullopt;
    return admin::HostScaleStatus{status->vote, status->target_workers, status->votes, status->targets};
  };
  host.drain = [this] { drain(); };
  host.resume = [this] { resume(); };
  return host;
}

App::App(config::Fleet fleet, AppHooks hooks)
    : impl_(std::make_unique<Impl>(std::move(fleet), std::move(hooks))) {}
App::~App() = default;
int App::run() { return impl_->run(); }
void App::stop(const char* why) { impl_->stop(why); }

int run_fleet(const std::string& path) {
  forbid_core_dumps();
  return_freed_memory();
  config::Reread files(path, config::system_sources());
  auto fleet = accepted(files.load(), path);
  if (!fleet) return kConfig;
  log::configure(level_of(fleet->log.level), fleet->log.format == config::LogPolicy::Format::json
                                                 ? log::Format::json
                                                 : log::Format::logfmt);
  if (!may_run_workers(fleet->triggers)) return kNoPermission;
  return App(std::move(*fleet), {.started = {}, .status = {}, .files = &files}).run();
}

}  // namespace triggerd::daemon
