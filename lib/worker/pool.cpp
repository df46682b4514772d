#include "worker/pool.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "worker/restart.hpp"
#include "worker/worker.hpp"

namespace triggerd::worker {

class Pool::Impl : public std::enable_shared_from_this<Pool::Impl> {
 public:
  Impl(boost::asio::io_context& loop, PoolSpec spec, Sink sink)
      : loop_(loop),
        spec_(std::make_shared<const PoolSpec>(std::move(spec))),
        sink_(std::move(sink)),
        rng_(spec_->seed) {}

  void start();
  void stop(Duration grace, std::function<void()> stopped);
  void abandon();
  std::shared_ptr<Worker> find(WorkerId id) const;
  PoolStats stats() const;

 private:
  // A place for one process; when it ends, another takes the place.
  struct Place {
    Place(boost::asio::io_context& loop, const Timings& timings) : delay(timings), timer(loop) {}
    std::shared_ptr<Worker> worker;
    bool backing_off = false;
    RestartDelay delay;
    boost::asio::steady_timer timer;
  };
  void fill();
  void occupy(Place& place);
  void vacate(Place& place, const Worker::Ending& ending);
  void back_off(Place& place, const Worker::Ending& ending);
  void report_stopped();

  boost::asio::io_context& loop_;
  std::shared_ptr<const PoolSpec> spec_;
  Sink sink_;
  std::mt19937_64 rng_;
  std::deque<Place> places_;  // handlers keep references: it only grows
  std::uint32_t last_id_ = 0;
  bool stopping_ = false;
  std::function<void()> stopped_;
  PoolStats counts_;  // but for the states
};

void Pool::Impl::start() {
  for (std::uint32_t i = 0; i < spec_->worker.min_processes; ++i) places_.emplace_back(loop_, spec_->timings);
  fill();
}

// Starts what may start now; each Hello, failure and end of a back-off calls it again.
void Pool::Impl::fill() {
  if (stopping_) return;
  const auto starting = [&] {
    return std::ranges::count_if(places_, [](const Place& place) {
      return place.worker && !place.backing_off && place.worker->state() == Worker::State::starting;
    });
  };
  for (Place& place : places_) {
    if (place.worker || place.backing_off) continue;
    if (starting() >= static_cast<std::ptrdiff_t>(spec_->timings.starting_at_once)) return;
    occupy(place);
  }
}

void Pool::Impl::occupy(Place& place) {
  const auto weak = weak_from_this();
  Worker::Sink sink;
  sink.event = [weak](const pipeline::Event& event) {
    if (const auto self = weak.lock()) self->sink_(event);
  };
  sink.ready = [weak] {
    if (const auto self = weak.lock()) self->fill();
  };
  sink.gone = [weak, &place](const Worker::Ending& ending) {
    if (const auto self = weak.lock()) self->vacate(place, ending);
  };
  ++counts_.starts;
  place.worker = std::make_shared<Worker>(loop_, spec_, WorkerId{++last_id_}, std::move(sink));
  place.worker->start();
}

void Pool::Impl::vacate(Place& place, const Worker::Ending& ending) {
  place.worker.reset();
  counts_.ignored_answers += ending.ignored_answers;
  counts_.protocol_errors += ending.protocol_error ? 1 : 0;
  if (!ending.asked) ++(ending.was_ready ? counts_.losses : counts_.start_failures);
  if (stopping_) return report_stopped();
  back_off(place, ending);
  fill();
}

void Pool::Impl::back_off(Place& place, const Worker::Ending& ending) {
  const double unit = std::uniform_real_distribution<double>(0, 1)(rng_);
  const Duration wait = place.delay.after(ending.was_ready, ending.lifetime, unit);
  log::info("worker_restart_scheduled",
            {{"trigger", spec_->trigger},
             {"in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()}});
  place.backing_off = true;
  place.timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait));
  place.timer.async_wait([weak = weak_from_this(), &place](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self) return;
    place.backing_off = false;
    self->fill();
  });
}

void Pool::Impl::stop(Duration grace, std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  for (Place& place : places_) {
    place.timer.cancel();
    place.backing_off = false;
    if (place.worker) place.worker->drain(grace);
  }
  boost::asio::post(loop_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->report_stopped();
  });
}

void Pool::Impl::report_stopped() {
  const bool left = std::ranges::any_of(places_, [](const Place& place) { return place.worker != nullptr; });
  if (left || !stopped_) return;
  std::exchange(stopped_, nullptr)();
}

void Pool::Impl::abandon() {
  stopping_ = true;
  stopped_ = nullptr;
  for (Place& place : places_) {
    place.timer.cancel();
    if (place.worker) place.worker->abandon();
  }
}

std::shared_ptr<Worker> Pool::Impl::find(WorkerId id) const {
  for (const Place& place : places_) {
    if (place.worker && place.worker->id() == id) return place.worker;
  }
  return nullptr;
}

PoolStats Pool::Impl::stats() const {
  PoolStats stats = counts_;
  for (const Place& place : places_) {
    stats.backing_off += place.backing_off ? 1 : 0;
    if (!place.worker) continue;
    stats.ignored_answers += place.worker->ignored_answers();
    switch (place.worker->state()) {
      case Worker::State::starting: ++stats.starting; break;
      case Worker::State::ready: ++stats.ready; break;
      case Worker::State::draining:
      case Worker::State::ending: ++stats.stopping; break;
      case Worker::State::gone: break;
    }
  }
  return stats;
}

Pool::Pool(boost::asio::io_context& loop, PoolSpec spec, Sink sink)
    : impl_(std::make_shared<Impl>(loop, std::move(spec), std::move(sink))) {}

Pool::~Pool() { impl_->abandon(); }

void Pool::start() { impl_->start(); }

void Pool::send(const pipeline::Send& action) {
  if (const auto worker = impl_->find(action.worker)) worker->send(action.deliveries);
}

void Pool::cancel(const pipeline::CancelPartition& action) {
  if (const auto worker = impl_->find(action.worker)) worker->cancel(action.source, action.epoch);
}

void Pool::kill(const pipeline::KillWorker& action) {
  if (const auto worker = impl_->find(action.worker)) worker->kill("killed: " + action.reason);
}

void Pool::stop(Duration grace, std::function<void()> stopped) { impl_->stop(grace, std::move(stopped)); }

PoolStats Pool::stats() const { return impl_->stats(); }

}  // namespace triggerd::worker
