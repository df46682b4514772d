#include "trigger/runner.hpp"

#include <algorithm>
#include <deque>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/invariant.hpp"
#include "base/log.hpp"
#include "kafka/consumer.hpp"
#include "kafka/error.hpp"
#include "kafka/producer.hpp"
#include "pipeline/pipeline.hpp"
#include "trigger/commit_journal.hpp"
#include "trigger/notices.hpp"
#include "trigger/specs.hpp"
#include "worker/pool.hpp"

namespace triggerd::trigger {
namespace {

constexpr Duration kStatusInterval = std::chrono::milliseconds(250);
// Between a client's fatal error and the next client: doubled each time, reset by an assignment.
constexpr Duration kReconnectFirst = std::chrono::seconds(1);
constexpr Duration kReconnectMost = std::chrono::seconds(60);
// A drained worker has nothing to do but exit.
constexpr Duration kWorkerExitGrace = std::chrono::seconds(5);

}  // namespace

class Runner::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& loop, kafka::Janitor& janitor, RunnerSpec spec, RunnerSink sink)
      : loop_(loop),
        janitor_(janitor),
        spec_(std::move(spec)),
        sink_(std::move(sink)),
        journal_(spec_.state_directory, spec_.trigger.name, spec_.trigger.consumer_group),
        pipeline_(policy_of(spec_.trigger, journal_.available()), spec_.seed),
        notices_(spec_.trigger.name),
        presenter_(presentation(spec_.trigger)),
        wake_(loop),
        status_timer_(loop),
        reconnect_(loop) {}

  void start();
  void drain(TimePoint deadline, std::function<void()> done);
  void skip(const pipeline::Skip& skip) { feed(skip); }
  void resize(std::uint32_t processes) {
    if (pool_ && state_ != State::draining) pool_->resize(processes);
  }
  void renew(const config::Connection& connection, config::Renewal how);
  void status_soon();

 private:
  void took(const pipeline::Event& event);
  void feed(const pipeline::Event& event);
  void observe(const pipeline::Event& event);
  void perform(const pipeline::Action& action);
  void perform(const pipeline::Send& action);
  void perform(const pipeline::DeadLetter& action);
  void perform(const pipeline::Commit& action);
  void perform(const pipeline::FinishRevoke& action);
  void wake_at(TimePoint time);
  void make_consumer();
  void consumer_failed(const kafka::ConsumerError& error);
  void consumer_closed();
  void leave();
  void finish_if_over();
  Status status() const;

  template <typename F>
  auto guarded(F f) {
    return [weak = weak_from_this(), f](auto&&... args) {
      if (auto self = weak.lock()) f(*self, std::forward<decltype(args)>(args)...);
    };
  }

  boost::asio::io_context& loop_;
  kafka::Janitor& janitor_;
  RunnerSpec spec_;
  RunnerSink sink_;
  CommitJournal journal_;
  pipeline::Pipeline pipeline_;
  Notices notices_;
  std::optional<payload::Presenter> presenter_;
  boost::asio::steady_timer wake_, status_timer_, reconnect_;
  std::unique_ptr<kafka::Consumer> consumer_;
  std::unique_ptr<worker::Pool> pool_;
  std::unique_ptr<kafka::Producer> producer_;  // of dead letters, from the first one on
  pipeline::Actions actions_;
  std::deque<pipeline::Event> deferred_;
  bool feeding_ = false;
  bool status_due_ = false;
  State state_ = State::starting;
  bool joined_ = false;
  bool reconnecting_ = false;  // the consumer is being closed to be made anew
  bool renewing_ = false;      // it leaves the group properly, for a new one with other credentials
  std::string last_error_;
  std::uint64_t assigned_ = 0, revoked_ = 0, lost_ = 0;
  unsigned reconnects_ = 0;
  TimePoint commit_started_{};
  std::function<void()> done_;
  bool left_ = false;  // consumer closed, after the drain
  bool pool_stopped_ = false;
  bool producer_closed_ = false;
};

void Runner::Impl::start() {
  pool_ = std::make_unique<worker::Pool>(
      loop_, pool_spec(spec_),
      worker::PoolSink{guarded([](Impl& self, const pipeline::Event& e) { self.feed(e); }),
                       guarded([](Impl& self) { self.status_soon(); })});
  log::info("trigger_started", {{"trigger", spec_.trigger.name}, {"group", spec_.trigger.consumer_group}});
  pool_->start();
  make_consumer();
  status_soon();
}

void Runner::Impl::make_consumer() {
  kafka::Consumer::Sink sink;
  sink.event = guarded([](Impl& self, const pipeline::Event& e) { self.took(e); });
  sink.error = guarded([](Impl& self, const kafka::ConsumerError& e) { self.consumer_failed(e); });
  sink.closed = guarded([](Impl& self) { self.consumer_closed(); });
  consumer_ =
      std::make_unique<kafka::Consumer>(loop_, janitor_, consumer_spec(spec_.trigger), std::move(sink));
  consumer_->start();
  consumer_->set_reading(pipeline_.stats().reading);
}

// What the journal has to say goes along.
void Runner::Impl::took(const pipeline::Event& event) {
  if (const auto* assigned = std::get_if<pipeline::Assigned>(&event))
    return feed(journal_.completed(*assigned));
  if (const auto* done = std::get_if<pipeline::CommitDone>(&event)) return feed(journal_.completed(*done));
  feed(event);
}

// Events are worked off one at a time: an action that reports at once must not enter the pipeline again.
void Runner::Impl::feed(const pipeline::Event& event) {
  if (feeding_) {
    TRIGGERD_INVARIANT(!std::holds_alternative<pipeline::Records>(event),
                       "records come from the event loop only");
    deferred_.push_back(event);
    return;
  }
  feeding_ = true;
  const auto run = [this](const pipeline::Event& e) {
    observe(e);
    actions_.clear();
    pipeline_.on(e, std::chrono::steady_clock::now(), actions_);
    for (const pipeline::Action& action : actions_) perform(action);
  };
  run(event);
  while (!deferred_.empty()) {
    const pipeline::Event next = std::move(deferred_.front());
    deferred_.pop_front();
    run(next);
  }
  feeding_ = false;
  status_soon();
}

void Runner::Impl::observe(const pipeline::Event& event) {
  if (const auto* assigned = std::get_if<pipeline::Assigned>(&event)) {
    notices_.assigned(*assigned);
    joined_ = true;
    ++assigned_;
    reconnects_ = 0;
    last_error_.clear();
    if (state_ == State::starting || state_ == State::failing) state_ = State::running;
  } else if (const auto* revoked = std::get_if<pipeline::Revoked>(&event)) {
    notices_.revoked(*revoked);
    ++(revoked->lost ? lost_ : revoked_);
    joined_ = joined_ && !revoked->lost;
  } else if (const auto* done = std::get_if<pipeline::CommitDone>(&event)) {
    notices_.committed(*done);
    if (sink_.commit) sink_.commit(std::chrono::steady_clock::now() - commit_started_);
  }
}

void Runner::Impl::perform(const pipeline::Action& action) {
  std::visit(
      [this](const auto& a) {
        using T = std::decay_t<decltype(a)>;
        if constexpr (std::is_same_v<T, pipeline::CancelPartition>) {
          pool_->cancel(a);
        } else if constexpr (std::is_same_v<T, pipeline::KillWorker>) {
          pool_->kill(a);
        } else if constexpr (std::is_same_v<T, pipeline::Read>) {
          if (consumer_) consumer_->set_reading(true);
        } else if constexpr (std::is_same_v<T, pipeline::StopReading>) {
          if (consumer_) consumer_->set_reading(false);
        } else if constexpr (std::is_same_v<T, pipeline::WakeAt>) {
          wake_at(a.time);
        } else if constexpr (std::is_same_v<T, pipeline::Drained>) {
          leave();
        } else if constexpr (std::is_same_v<T, pipeline::Notice>) {
          notices_.write(a, std::chrono::steady_clock::now());
        } else if constexpr (std::is_same_v<T, pipeline::Pause>) {
          if (consumer_) consumer_->set_paused(a.source, true);
        } else if constexpr (std::is_same_v<T, pipeline::Resume>) {
          if (consumer_) consumer_->set_paused(a.source, false);
        } else {
          perform(a);
        }
      },
      action);
}

void Runner::Impl::perform(const pipeline::Send& action) {
  std::size_t records = 0;
  for (const wire::Delivery& d : action.deliveries) records += d.count;
  if (sink_.batch) sink_.batch(records);
  if (!presenter_) return pool_->send(action);
  pool_->send({action.worker, presenter_->present(action.deliveries)});
}

void Runner::Impl::perform(const pipeline::DeadLetter& action) {
  if (!producer_) {
    kafka::Producer::Sink sink;
    sink.event = guarded([](Impl& self, const pipeline::Event& e) { self.feed(e); });
    sink.error = guarded([](Impl& self, const kafka::ProducerError& e) {
      log::warn("producer_error",
                {{"trigger", self.spec_.trigger.name}, {"code", e.code}, {"error", e.message}});
    });
    sink.closed = guarded([](Impl& self) {
      self.producer_closed_ = true;
      self.finish_if_over();
    });
    producer_ =
        std::make_unique<kafka::Producer>(loop_, janitor_, producer_spec(spec_.trigger), std::move(sink));
  }
  producer_->produce(action);
}

void Runner::Impl::perform(const pipeline::Commit& action) {
  commit_started_ = std::chrono::steady_clock::now();
  if (consumer_ && !reconnecting_) {
    consumer_->commit(journal_.written(action.offsets));
    return;
  }
  deferred_.push_back(kafka::commit_rejected(action.offsets, "no connection to the group"));
}

void Runner::Impl::perform(const pipeline::FinishRevoke& action) {
  if (consumer_ && !reconnecting_) consumer_->finish_revoke(action.partitions);
}

void Runner::Impl::wake_at(TimePoint time) {
  wake_.expires_at(time);
  wake_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;
    if (auto self = weak.lock()) self->feed(pipeline::Tick{});
  });
}

void Runner::Impl::consumer_failed(const kafka::ConsumerError& error) {
  log::write(error.fatal ? log::Level::error : log::Level::warn, "consumer_error",
             {{"trigger", spec_.trigger.name},
              {"cluster", cluster_name(spec_.trigger)},
              {"code", error.code},
              {"error", error.message},
              {"fatal", error.fatal}});
  if (error.code != "_ALL_BROKERS_DOWN" || last_error_.empty())
    last_error_ = error.message;  // that one says less than the cause
  if (error.fatal && (state_ == State::running || state_ == State::starting)) state_ = State::failing;
  status_soon();
  if (!error.fatal || reconnecting_ || !consumer_) return;
  // The assignment went with the client: nothing of it can be committed any more (design §6b 7).
  reconnecting_ = true;
  joined_ = false;
  pipeline::Revoked gone{{}, true};
  for (const pipeline::PartitionStatus& p : pipeline_.partitions()) gone.partitions.push_back(p.source);
  feed(gone);
  consumer_->close();
}

void Runner::Impl::renew(const config::Connection& connection, config::Renewal how) {
  spec_.trigger.connection = connection;
  if (producer_) producer_->renew(connection, how);
  if (!consumer_ || reconnecting_ || state_ == State::draining || !consumer_->renew(connection, how)) return;
  renewing_ = true;
  joined_ = false;
}

void Runner::Impl::consumer_closed() {
  reconnecting_ = false;
  // Not inside its own call.
  boost::asio::post(
      loop_, guarded([](Impl& self) {
        self.consumer_.reset();
        if (self.state_ == State::draining) {
          self.left_ = true;
          self.finish_if_over();
          return;
        }
        if (std::exchange(self.renewing_, false)) return self.make_consumer();
        const Duration delay =
            std::min(kReconnectFirst * (1 << std::min(self.reconnects_++, 10U)), kReconnectMost);
        log::info("consumer_restart_scheduled",
                  {{"trigger", self.spec_.trigger.name},
                   {"in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(delay).count()}});
        self.reconnect_.expires_after(delay);
        self.reconnect_.async_wait([weak = self.weak_from_this()](const boost::system::error_code& error) {
          auto runner = weak.lock();
          if (!error && runner && runner->state_ != State::draining) runner->make_consumer();
        });
      }));
}

void Runner::Impl::drain(TimePoint deadline, std::function<void()> done) {
  if (done) done_ = std::move(done);
  state_ = State::draining;
  reconnect_.cancel();
  feed(pipeline::DrainRequested{deadline});
}

// Everything is settled and committed, as a member; only now the group is left (design §6b 4).
void Runner::Impl::leave() {
  pool_->stop(kWorkerExitGrace, guarded([](Impl& self) {
                self.pool_stopped_ = true;
                self.finish_if_over();
              }));
  if (producer_) producer_->close();
  if (consumer_ && !reconnecting_) {
    consumer_->close();
  } else if (!consumer_) {
    left_ = true;
    finish_if_over();
  }
}

void Runner::Impl::finish_if_over() {
  if (!left_ || !pool_stopped_ || !done_ || (producer_ && !producer_closed_)) return;
  state_ = State::stopped;
  wake_.cancel();
  status_timer_.cancel();
  if (sink_.status) sink_.status(status());
  log::info("trigger_drained", {{"trigger", spec_.trigger.name}, {"settled", pipeline_.stats().settled()}});
  std::exchange(done_, nullptr)();
}

// One status a quarter second while things happen, none while nothing does.
void Runner::Impl::status_soon() {
  if (status_due_ || !sink_.status) return;
  status_due_ = true;
  status_timer_.expires_after(kStatusInterval);
  status_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    auto self = weak.lock();
    if (!self) return;
    self->status_due_ = false;
    if (!error) self->sink_.status(self->status());
  });
}

Status Runner::Impl::status() const {
  Status s;
  s.trigger = spec_.trigger.name;
  s.group = spec_.trigger.consumer_group;
  s.topics = spec_.trigger.topics;
  s.state = state_;
  s.joined = joined_;
  s.last_error = last_error_;
  s.assigned = assigned_;
  s.revoked = revoked_;
  s.lost = lost_;
  s.bound = spec_.trigger.limits.max_in_flight;
  s.at = std::chrono::steady_clock::now();
  s.stats = pipeline_.stats();
  if (presenter_) s.presented = presenter_->stats();
  s.busy = pipeline_.workers().busy(s.at);
  s.batch_times = pipeline_.workers().batch_times();
  s.silent = pipeline_.workers().silence(s.at);
  s.concurrency = pipeline_.workers().concurrency();
  if (pool_) s.pool = pool_->stats();
  if (left_) s.stats.forget_shares();  // no partition is ours any more, nor what it held
  if (left_) return s;
  std::vector<kafka::PartitionSample> samples;
  if (consumer_) {
    samples = consumer_->samples();
    for (const auto& [source, why] : consumer_->unread()) s.unread.push_back(to_string(source) + " " + why);
  }
  s.partitions = partition_reports(pipeline_.partitions(), samples);
  return s;
}

Runner::Runner(boost::asio::io_context& loop, kafka::Janitor& janitor, RunnerSpec spec, RunnerSink sink)
    : impl_(std::make_shared<Impl>(loop, janitor, std::move(spec), std::move(sink))) {}
Runner::~Runner() = default;
void Runner::start() { impl_->start(); }
void Runner::skip(const pipeline::Skip& skip) { impl_->skip(skip); }
void Runner::resize(std::uint32_t processes) { impl_->resize(processes); }
void Runner::renew(const config::Connection& c, config::Renewal how) { impl_->renew(c, how); }
void Runner::report() { impl_->status_soon(); }
void Runner::drain(TimePoint at, std::function<void()> done) { impl_->drain(at, std::move(done)); }

}  // namespace triggerd::trigger
