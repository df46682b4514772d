#include "trigger/supervisor.hpp"

#include <algorithm>
#include <future>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/invariant.hpp"
#include "base/log.hpp"
#include "kafka/janitor.hpp"
#include "trigger/budget.hpp"
#include "trigger/event_loop.hpp"
#include "trigger/keep_alive.hpp"
#include "trigger/runner.hpp"

namespace triggerd::trigger {
namespace {

// Long before systemd's WatchdogSec= has run out, so that the log says why it did.
constexpr auto kLoopPatience = std::chrono::seconds(5);

std::string loop_name(std::size_t index) { return "loop-" + std::to_string(index); }

}  // namespace

class Supervisor::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& control, SupervisorSpec spec, SupervisorSink sink)
      : control_(control), spec_(std::move(spec)), sink_(std::move(sink)) {
    share_budget(spec_.triggers, spec_.max_in_flight_bytes);
    const unsigned cores = spec_.loops > 0 ? spec_.loops : std::max(1U, std::thread::hardware_concurrency());
    const std::size_t loops = std::max<std::size_t>(1, std::min<std::size_t>(cores, spec_.triggers.size()));
    const auto measured = [](const config::Trigger& t) { return worker::measures_memory(t.worker); };
    if (std::ranges::any_of(spec_.triggers, measured)) memory_ = std::make_unique<worker::MemoryReader>();
    for (std::size_t i = 0; i < loops; ++i) loops_.push_back(std::make_unique<EventLoop>(loop_name(i)));
    alive_ = KeepAlive(loops);
  }
  ~Impl();

  void start();
  bool skip(const std::string& trigger, pipeline::Skip skip);
  void resize(const std::string& trigger, std::uint32_t processes);
  void renew(const std::string& trigger, const config::Connection& connection, config::Renewal how);
  void report(const std::string& trigger);
  void drain(TimePoint deadline, std::function<void()> done);
  void resume();
  void probe_loops(std::function<void()> alive);
  const std::map<std::string, Status>& statuses() const { return statuses_; }

 private:
  struct Slot {
    EventLoop* loop;
    std::unique_ptr<Runner> runner;  // made, used and destroyed on the loop
    bool over = false;
  };
  void add(const config::Trigger& trigger, std::size_t index);
  bool tell(const std::string& trigger, std::function<void(Runner&)> what);
  RunnerSink runner_sink(const std::string& trigger);
  void took_status(Status status);
  void trigger_over(std::size_t index);

  boost::asio::io_context& control_;
  SupervisorSpec spec_;
  SupervisorSink sink_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  KeepAlive alive_{0};
  std::unique_ptr<worker::MemoryReader> memory_;  // ends before the loops, which it answers to
  kafka::Janitor janitor_;  // ends before the loops: its last jobs still hold what belongs to them
  std::vector<Slot> slots_;
  std::map<std::string, Status> statuses_;
  std::size_t over_ = 0;
  std::function<void()> done_;
};

Supervisor::Impl::~Impl() {
  for (Slot& slot : slots_) {
    std::promise<void> gone;
    slot.loop->post([&] {
      slot.runner.reset();
      gone.set_value();
    });
    gone.get_future().wait();
  }
}

void Supervisor::Impl::start() {
  slots_.resize(spec_.triggers.size());
  for (std::size_t i = 0; i < spec_.triggers.size(); ++i) add(spec_.triggers[i], i);
}

void Supervisor::Impl::add(const config::Trigger& trigger, std::size_t index) {
  Slot& slot = slots_[index];
  slot.loop = loops_[index % loops_.size()].get();
  RunnerSpec spec{
      trigger,       spec_.daemon, spec_.sdk_python_path, spec_.seed + index, spec_.state_directory,
      memory_.get(), spec_.cgroups};
  slot.loop->post([this, &slot, spec = std::move(spec), sink = runner_sink(trigger.name)]() mutable {
    slot.runner = std::make_unique<Runner>(slot.loop->context(), janitor_, std::move(spec), std::move(sink));
    slot.runner->start();
  });
}

RunnerSink Supervisor::Impl::runner_sink(const std::string& trigger) {
  RunnerSink sink;
  sink.status = [weak = weak_from_this(), &control = control_](Status status) {
    boost::asio::post(control, [weak, status = std::move(status)]() mutable {
      if (auto self = weak.lock()) self->took_status(std::move(status));
    });
  };
  if (sink_.batch) sink.batch = [f = sink_.batch, trigger](std::size_t records) { f(trigger, records); };
  if (sink_.commit) sink.commit = [f = sink_.commit, trigger](Duration took) { f(trigger, took); };
  return sink;
}

void Supervisor::Impl::took_status(Status status) {
  Status& kept = statuses_[status.trigger];
  kept = std::move(status);
  if (sink_.status) sink_.status(kept);
}

bool Supervisor::Impl::skip(const std::string& trigger, pipeline::Skip skip) {
  return tell(trigger, [skip = std::move(skip)](Runner& runner) { runner.skip(skip); });
}

void Supervisor::Impl::resize(const std::string& trigger, std::uint32_t processes) {
  tell(trigger, [processes](Runner& runner) { runner.resize(processes); });
}

void Supervisor::Impl::renew(const std::string& trigger, const config::Connection& connection,
                             config::Renewal how) {
  const auto found = std::ranges::find(spec_.triggers, trigger, &config::Trigger::name);
  if (found != spec_.triggers.end()) found->connection = connection;  // for resume()
  tell(trigger, [connection, how](Runner& runner) { runner.renew(connection, how); });
}

bool Supervisor::Impl::tell(const std::string& trigger, std::function<void(Runner&)> what) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (spec_.triggers[i].name != trigger) continue;
    slots_[i].loop->post([&slot = slots_[i], what = std::move(what)] {
      if (slot.runner) what(*slot.runner);
    });
    return true;
  }
  return false;
}

void Supervisor::Impl::report(const std::string& trigger) {
  tell(trigger, [](Runner& runner) { runner.report(); });
}

void Supervisor::Impl::drain(TimePoint deadline, std::function<void()> done) {
  if (done) done_ = std::move(done);
  if (over_ == slots_.size() && done_) {
    boost::asio::post(control_, std::exchange(done_, nullptr));
    return;
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].over) continue;
    slots_[i].loop->post([weak = weak_from_this(), &slot = slots_[i], &control = control_, deadline, i] {
      if (!slot.runner) return;
      slot.runner->drain(deadline, [weak, &control, i] {
        boost::asio::post(control, [weak, i] {
          if (auto self = weak.lock()) self->trigger_over(i);
        });
      });
    });
  }
}

void Supervisor::Impl::resume() {
  TRIGGERD_INVARIANT(over_ == slots_.size(), "what has not drained is not started");
  over_ = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].over = false;
    add(spec_.triggers[i], i);
  }
}

void Supervisor::Impl::trigger_over(std::size_t index) {
  if (std::exchange(slots_[index].over, true)) return;
  if (++over_ == slots_.size() && done_) std::exchange(done_, nullptr)();
}

void Supervisor::Impl::probe_loops(std::function<void()> alive) {
  const TimePoint now = std::chrono::steady_clock::now();
  for (const std::size_t loop : alive_.stuck(now, kLoopPatience))
    log::error("loop_stuck", {{"loop", loop_name(loop)}, {"after_s", kLoopPatience.count()}});
  const auto round = alive_.ask(now);
  if (!round) return;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([weak = weak_from_this(), &control = control_, round = *round, i, alive] {
      boost::asio::post(control, [weak, round, i, alive] {
        const auto self = weak.lock();
        if (self && self->alive_.turned(round, i)) alive();
      });
    });
  }
}

Supervisor::Supervisor(boost::asio::io_context& control, SupervisorSpec spec, SupervisorSink sink)
    : impl_(std::make_shared<Impl>(control, std::move(spec), std::move(sink))) {}
Supervisor::~Supervisor() = default;
void Supervisor::start() { impl_->start(); }
bool Supervisor::skip(const std::string& trigger, pipeline::Skip skip) {
  return impl_->skip(trigger, std::move(skip));
}
void Supervisor::resize(const std::string& trigger, std::uint32_t processes) {
  impl_->resize(trigger, processes);
}
void Supervisor::renew(const std::string& trigger, const config::Connection& connection,
                       config::Renewal how) {
  impl_->renew(trigger, connection, how);
}
void Supervisor::report(const std::string& trigger) { impl_->report(trigger); }
void Supervisor::resume() { impl_->resume(); }
void Supervisor::drain(TimePoint deadline, std::function<void()> done) {
  impl_->drain(deadline, std::move(done));
}
void Supervisor::probe_loops(std::function<void()> alive) { impl_->probe_loops(std::move(alive)); }
const std::map<std::string, Status>& Supervisor::statuses() const { return impl_->statuses(); }

}  // namespace triggerd::trigger
