#include "worker/pool.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/invariant.hpp"
#include "base/log.hpp"
#include "worker/memory.hpp"
#include "worker/recycle.hpp"
#include "worker/roster.hpp"

namespace triggerd::worker {
namespace {

using Clock = std::chrono::steady_clock;
using Cause = Worker::Cause;

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

class Pool::Impl : public std::enable_shared_from_this<Pool::Impl> {
 public:
  Impl(boost::asio::io_context& loop, PoolSpec spec, Sink sink)
      : loop_(loop),
        spec_(std::make_shared<const PoolSpec>(std::move(spec))),
        sink_(std::move(sink)),
        rng_(spec_->seed),
        places_(loop, spec_->timings),
        recycling_(spec_->timings),
        recycle_timer_(loop),
        memory_timer_(loop) {
    TRIGGERD_INVARIANT(!measures_memory(spec_->worker) || spec_->memory, "somebody reads the memory");
  }

  void start();
  void resize(std::uint32_t processes);
  void stop(Duration grace, std::function<void()> stopped);
  void abandon();
  Worker* find(WorkerId id) { return roster_.worker(id); }
  PoolStats stats() const;

 private:
  void fill();
  void retire(Place& place);
  WorkerId start_worker(Place& place);
  void reported(WorkerId id, const pipeline::Event& event);
  void ready(Place& place, WorkerId id);
  void gone(Place& place, WorkerId id, const Worker::Ending& ending);
  void vacated(Place& place, const Worker::Ending& ending);
  Duration failed(Place& place, const Worker::Ending& ending);
  void back_off(Place& place, Duration wait);
  void healthy(Place& place);
  void watch_health(Place& place);
  void report_stopped();
  template <typename F>
  void after(boost::asio::steady_timer& timer, Duration wait, F step);
  double unit() { return std::uniform_real_distribution<double>(0, 1)(rng_); }
  void changed() {
    if (sink_.changed) sink_.changed();
  }
  void recycle();
  void recycle_after(std::optional<Duration> wait);
  void replace(Place& place);
  void measure_later();
  void measure();
  void measured(const std::vector<WorkerId>& ids, const std::vector<std::uint64_t>& bytes);

  boost::asio::io_context& loop_;
  std::shared_ptr<const PoolSpec> spec_;
  Sink sink_;
  std::mt19937_64 rng_;
  Places places_;
  Roster roster_;
  Recycling recycling_;
  std::optional<WorkerId> next_;  // starts to replace the one that is being recycled
  boost::asio::steady_timer recycle_timer_, memory_timer_;
  std::uint32_t last_id_ = 0;
  bool stopping_ = false;
  std::function<void()> stopped_;
  std::string last_crash_;
  PoolStats counts_;  // but for the states
};

void Pool::Impl::start() {
  resize(spec_->worker.min_processes);
  if (measures_memory(spec_->worker)) measure_later();
}

template <typename F>
void Pool::Impl::after(boost::asio::steady_timer& timer, Duration wait, F step) {
  timer.expires_after(std::chrono::duration_cast<Clock::duration>(wait));
  timer.async_wait([weak = weak_from_this(), step](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->stopping_) step(*self);
  });
}

void Pool::Impl::resize(std::uint32_t processes) {
  if (stopping_) return;
  processes = std::max(processes, 1U);
  places_.grow(processes);
  while (places_.wanted() > processes) {
    // Not one whose process is just being replaced; at most one is.
    Place* const spare = places_.spare(roster_, next_ ? roster_.find(*next_)->place : nullptr);
    TRIGGERD_INVARIANT(spare, "of two places one is not being replaced");
    retire(*spare);
  }
  fill();
  changed();
}

void Pool::Impl::retire(Place& place) {
  place.retired = true;
  place.backing_off = place.failed = false;
  place.timer.cancel();
  if (!place.worker) return;
  const WorkerId id = *std::exchange(place.worker, std::nullopt);
  recycling_.forget(id);
  Worker* const worker = find(id);
  if (!worker) return;
  if (worker->state() == Worker::State::ready) sink_.event(pipeline::WorkerDraining{id});
  if (!stopping_) worker->drain(spec_->worker.timeout, Cause::crashed);
}

// Starts what may start now; each Hello, failure and end of a back-off calls it again.
void Pool::Impl::fill() {
  if (stopping_) return;
  for (Place& place : places_) {
    if (place.worker || place.backing_off || place.retired) continue;
    if (roster_.starting() >= spec_->timings.starting_at_once) return;
    counts_.restarts += std::exchange(place.failed, false) ? 1 : 0;
    place.worker = start_worker(place);
  }
}

WorkerId Pool::Impl::start_worker(Place& place) {
  const WorkerId id{++last_id_};
  const auto weak = weak_from_this();
  Worker::Sink sink;
  sink.event = [weak, id](const pipeline::Event& event) {
    if (const auto self = weak.lock()) self->reported(id, event);
  };
  sink.ready = [weak, &place, id] {
    if (const auto self = weak.lock()) self->ready(place, id);
  };
  sink.gone = [weak, &place, id](const Worker::Ending& ending) {
    if (const auto self = weak.lock()) self->gone(place, id, ending);
  };
  ++counts_.starts;
  const auto worker = std::make_shared<Worker>(loop_, spec_, id, std::move(sink));
  roster_.add({worker, &place, draw_request_limit(spec_->worker.max_requests, unit())});
  worker->start();
  return id;
}

void Pool::Impl::reported(WorkerId id, const pipeline::Event& event) {
  sink_.event(event);
  if (spec_->worker.max_requests == 0 || !std::holds_alternative<pipeline::Answered>(event)) return;
  const Member* const member = roster_.find(id);
  if (!member || member->worker->state() != Worker::State::ready) return;
  if (member->worker->handled() < member->request_limit) return;
  recycling_.due(id, RecycleReason::requests);
  recycle();
}

void Pool::Impl::ready(Place& place, WorkerId id) {
  if (stopping_) return;
  if (next_ == id) {
    replace(place);
    if (stopping_) return;
  }
  watch_health(place);
  fill();
  changed();
}

void Pool::Impl::gone(Place& place, WorkerId id, const Worker::Ending& ending) {
  roster_.remove(id);
  const bool crashed = ending.cause == Cause::crashed;
  counts_.ignored_answers += ending.ignored_answers;
  counts_.protocol_errors += ending.protocol_error ? 1 : 0;
  if (crashed) ++(ending.was_ready ? counts_.losses : counts_.start_failures);
  if (stopping_) return report_stopped();
  if (next_ == id) {
    next_.reset();
    recycle_after(recycling_.not_replaced(ending.lifetime, unit()));
  } else {
    recycle_after(recycling_.gone(id, ending.lifetime, unit()));
    if (place.worker == id) vacated(place, ending);
  }
  fill();
  changed();
}

void Pool::Impl::vacated(Place& place, const Worker::Ending& ending) {
  place.worker.reset();
  const bool ours = ending.cause == Cause::stopped;  // ended for a reason of ours: the next may start at once
  const Duration wait = ours ? Duration{} : failed(place, ending);
  if (next_ && roster_.find(*next_)->place == &place) {
    place.worker = std::exchange(next_, std::nullopt);
  } else if (!ours) {
    place.failed = true;
    back_off(place, wait);
  }
}

Duration Pool::Impl::failed(Place& place, const Worker::Ending& ending) {
  const bool before = place.delay.crash_looping();
  const Duration wait = place.delay.after(ending.was_ready, ending.lifetime, unit());
  if (place.delay.crash_looping()) {
    last_crash_ = ending.reason + (ending.stderr_line.empty() ? "" : ": " + ending.stderr_line);
    if (!before) {
      log::error("worker_crash_loop", {{"trigger", spec_->trigger},
                                       {"failures", place.delay.failures()},
                                       {"reason", ending.reason},
                                       {"stderr", ending.stderr_line}});
    }
  } else if (before) {
    log::info("worker_crash_loop_over", {{"trigger", spec_->trigger}});
  }
  return wait;
}

void Pool::Impl::back_off(Place& place, Duration wait) {
  log::info("worker_restart_scheduled", {{"trigger", spec_->trigger}, {"in_ms", milliseconds(wait)}});
  place.backing_off = true;
  after(place.timer, wait, [&place](Impl& self) {
    place.backing_off = false;
    self.fill();
    self.changed();
  });
}

void Pool::Impl::healthy(Place& place) {
  if (place.delay.crash_looping()) log::info("worker_crash_loop_over", {{"trigger", spec_->trigger}});
  place.delay.healthy();
}

// Only where somebody waits to hear of it: for the others the end of their life is soon enough.
void Pool::Impl::watch_health(Place& place) {
  const Worker* const worker = place.worker ? find(*place.worker) : nullptr;
  if (!worker || !place.delay.crash_looping()) return;
  after(place.timer, spec_->timings.healthy_after - worker->age(), [&place, id = worker->id()](Impl& self) {
    if (place.worker != id) return;
    self.healthy(place);
    self.changed();
  });
}

void Pool::Impl::recycle() {
  if (stopping_) return;
  const auto due = recycling_.begin();
  if (!due) return;
  const Member& member = *roster_.find(due->worker);
  const bool for_requests = due->reason == RecycleReason::requests;
  log::info("worker_recycle_started", {{"trigger", spec_->trigger},
                                       {"worker", due->worker.value},
                                       {"reason", name(due->reason)},
                                       {for_requests ? "handled" : "memory_mib",
                                        for_requests ? member.worker->handled() : member.memory >> 20}});
  next_ = start_worker(*member.place);
}

void Pool::Impl::recycle_after(std::optional<Duration> wait) {
  if (!wait) return recycle();
  log::info("worker_recycle_scheduled", {{"trigger", spec_->trigger}, {"in_ms", milliseconds(*wait)}});
  after(recycle_timer_, *wait, [](Impl& self) {
    self.recycling_.wait_over();
    self.recycle();
    self.changed();
  });
}

// The next is ready: it has the place from now on.
void Pool::Impl::replace(Place& place) {
  const auto due = recycling_.replaced();
  place.worker = std::exchange(next_, std::nullopt);
  const bool for_requests = due.reason == RecycleReason::requests;
  ++(for_requests ? counts_.recycled_for_requests : counts_.recycled_for_memory);
  if (for_requests) healthy(place);
  sink_.event(pipeline::WorkerDraining{due.worker});
  if (stopping_) return;
  if (Worker* const old = find(due.worker)) old->drain(spec_->worker.timeout, Cause::crashed);
}

void Pool::Impl::measure_later() {
  after(memory_timer_, spec_->timings.memory_every, [](Impl& self) { self.measure(); });
}

void Pool::Impl::measure() {
  std::vector<WorkerId> ids;
  std::vector<pid_t> leaders;
  for (const auto& [id, member] : roster_) {
    if (member.worker->pid() < 0) continue;
    ids.push_back(id);
    leaders.push_back(member.worker->pid());
  }
  auto answer = [weak = weak_from_this(), &loop = loop_, ids](std::vector<std::uint64_t> bytes) {
    boost::asio::post(loop, [weak, ids, bytes = std::move(bytes)] {
      if (const auto self = weak.lock()) self->measured(ids, bytes);
    });
  };
  const std::uint64_t limit = spec_->worker.max_memory;
  spec_->memory->read(std::move(leaders), limit > 0 ? limit : UINT64_MAX, std::move(answer));
}

void Pool::Impl::measured(const std::vector<WorkerId>& ids, const std::vector<std::uint64_t>& bytes) {
  if (stopping_) return;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Member* const member = roster_.find(ids[i]);
    if (!member) continue;
    Worker& worker = *member->worker;
    member->memory = bytes[i];
    const MemoryVerdict verdict = judge_memory(bytes[i], spec_->worker.max_memory);
    if (verdict == MemoryVerdict::kill) {
      worker.kill("resident memory " + std::to_string(bytes[i] >> 20) + " MiB over maxMemory",
                  Cause::crashed);
    } else if (verdict == MemoryVerdict::recycle && worker.state() == Worker::State::ready) {
      recycling_.due(ids[i], RecycleReason::memory);
    }
  }
  recycle();
  measure_later();
}

void Pool::Impl::stop(Duration grace, std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  recycle_timer_.cancel();
  memory_timer_.cancel();
  for (Place& place : places_) {
    place.timer.cancel();
    place.backing_off = false;
  }
  for (const auto& [id, member] : roster_) member.worker->drain(grace, Cause::stopped);
  boost::asio::post(loop_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->report_stopped();
  });
}

void Pool::Impl::report_stopped() {
  if (roster_.empty() && stopped_) std::exchange(stopped_, nullptr)();
}

void Pool::Impl::abandon() {
  stopping_ = true;
  stopped_ = nullptr;
  recycle_timer_.cancel();
  memory_timer_.cancel();
  for (Place& place : places_) place.timer.cancel();
  for (const auto& [id, member] : roster_) member.worker->abandon();
}

PoolStats Pool::Impl::stats() const {
  PoolStats stats = counts_;
  stats.wanted = places_.wanted();
  for (const Place& place : places_) {
    stats.backing_off += place.backing_off ? 1 : 0;
    stats.crash_looping += place.delay.crash_looping() ? 1 : 0;
  }
  if (stats.crash_looping > 0) stats.last_crash = last_crash_;
  roster_.count(stats);
  return stats;
}

Pool::Pool(boost::asio::io_context& loop, PoolSpec spec, Sink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(spec), std::move(sink))) {}

Pool::~Pool() { impl_->abandon(); }
void Pool::start() { impl_->start(); }
void Pool::resize(std::uint32_t processes) { impl_->resize(processes); }

void Pool::send(const pipeline::Send& action) {
  if (Worker* const worker = impl_->find(action.worker)) worker->send(action.deliveries);
}

void Pool::cancel(const pipeline::CancelPartition& action) {
  if (Worker* const worker = impl_->find(action.worker)) worker->cancel(action.source, action.epoch);
}

void Pool::kill(const pipeline::KillWorker& action) {
  Worker* const worker = impl_->find(action.worker);
  if (!worker) return;
  const std::string reason = "killed: " + action.reason;
  action.blame ? worker->terminate(reason) : worker->kill(reason, Cause::stopped);
}

void Pool::stop(Duration grace, std::function<void()> stopped) { impl_->stop(grace, std::move(stopped)); }

PoolStats Pool::stats() const { return impl_->stats(); }

}  // namespace triggerd::worker
