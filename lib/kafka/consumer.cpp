#include "kafka/consumer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/invariant.hpp"
#include "kafka/client.hpp"
#include "kafka/error.hpp"
#include "kafka/event_pump.hpp"
#include "kafka/membership.hpp"
#include "kafka/on_janitor.hpp"
#include "kafka/properties.hpp"
#include "kafka/record_reader.hpp"

namespace triggerd::kafka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kEventsPerTurn = 1000;
// A coordinator that does not answer is not waited for longer; the group notices by itself.
constexpr auto kCloseTimeout = std::chrono::seconds(5);
constexpr auto kPollAtLeast = std::chrono::seconds(30);
constexpr std::size_t kMaxMetadataBytes = 4096;  // offset.metadata.max.bytes of a broker as it comes

}  // namespace

class Consumer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& loop, Janitor& janitor, ConsumerSpec spec, Sink sink)
      : loop_(loop),
        janitor_(janitor),
        spec_(std::move(spec)),
        sink_(std::move(sink)),
        poll_timer_(loop),
        close_timer_(loop) {}

  void start();
  void set_reading(bool reading);
  void set_paused(const TopicPartition& source, bool paused);
  void commit(const std::vector<pipeline::OffsetCommit>& offsets);
  void finish_revoke(const std::vector<TopicPartition>& partitions);
  bool renew(const config::Connection& connection, config::Renewal how);
  void close();
  void abandon();
  std::vector<PartitionSample> samples() const;
  std::map<TopicPartition, std::string> unread() const {
    return membership_ ? membership_->unread() : std::map<TopicPartition, std::string>{};
  }
  bool abandoned() const { return abandoned_; }

 private:
  enum class State { idle, making, running, closing, destroying, closed };

  void made(Result<std::unique_ptr<Client>> result);
  void join();
  Membership::Sink membership_sink();
  void poll_by_timer();
  EventPump::More turn();
  void take(rd_kafka_event_t& event);
  void take_commit(rd_kafka_event_t& event);
  void answer_commit(pipeline::CommitDone done);
  void answer_commit_soon(pipeline::CommitDone done);
  void report(ConsumerError error);
  void end_client_soon();
  void end_client();
  void finish();
  bool reading() const { return reading_ && state_ == State::running && !failed_; }

  // Called later on the loop, if we still are.
  template <typename F>
  auto later(F f) {
    return [weak = weak_from_this(), f = std::move(f)]() mutable {
      if (const auto self = weak.lock()) f(*self);
    };
  }
  template <typename Job>
  void on_janitor(Job job) {
    kafka::on_janitor(janitor_, loop_, shared_from_this(), std::move(job));
  }

  boost::asio::io_context& loop_;
  Janitor& janitor_;
  const ConsumerSpec spec_;
  Sink sink_;
  boost::asio::steady_timer poll_timer_, close_timer_;
  State state_ = State::idle;
  bool reading_ = true;
  bool failed_ = false;    // a fatal error was reported; only close() helps
  bool retiring_ = false;  // to be closed once nothing is ours
  std::atomic<bool> abandoned_{false};
  Clock::duration poll_interval_{};
  bool read_committed_ = true;

  // Of the running client.
  std::unique_ptr<Client> client_;
  std::shared_ptr<EventPump> pump_;
  Assignment assignment_;
  std::shared_ptr<Membership> membership_;
  std::unique_ptr<RecordReader> reader_;

  std::optional<std::vector<pipeline::OffsetCommit>> committing_;
  std::uintptr_t commits_ = 0;
  ErrorRepeats repeats_;
};

void Consumer::Impl::start() {
  TRIGGERD_INVARIANT(state_ == State::idle, "start() is called once");
  state_ = State::making;
  auto conf = make_conf(properties(spec_));
  if (!conf) {
    boost::asio::post(loop_, later([error = conf.error()](Impl& self) { self.made(error); }));
    return;
  }
  const auto max_poll = std::chrono::milliseconds(std::stoll(value_of(*conf, "max.poll.interval.ms")));
  // Design §6b 2: whether or not the eventfd fires.
  poll_interval_ = std::min<Clock::duration>(max_poll / 3, kPollAtLeast);
  read_committed_ = value_of(*conf, "isolation.level") == "read_committed";
  on_janitor([conf = std::move(*conf), trigger = spec_.trigger, topics = spec_.topics]() mutable {
    auto result = std::make_shared<Result<std::unique_ptr<Client>>>(
        Client::make(std::move(conf), std::move(trigger), topics));
    return [result](Impl& self) { self.made(std::move(*result)); };
  });
}

void Consumer::Impl::made(Result<std::unique_ptr<Client>> result) {
  if (result) client_ = std::move(*result);
  if (state_ == State::closing) return end_client();
  state_ = State::running;
  if (result) {
    join();
  } else {
    report({result.error().code, result.error().message, true});
  }
}

void Consumer::Impl::join() {
  StartOffsets offsets(client_->get(), client_->events(), spec_, read_committed_);
  membership_ =
      std::make_shared<Membership>(loop_, *client_, assignment_, std::move(offsets), membership_sink());
  RecordReader::Sink sink;
  sink.records = [this](const pipeline::Records& records) { sink_.event(records); };
  sink.caught_up = [this](const pipeline::CaughtUp& event) { sink_.event(event); };
  sink.error = [this](const rd_kafka_message_t& message) {
    std::string text = rd_kafka_message_errstr(&message);
    if (message.rkt != nullptr) {
      const TopicPartition source{Topic(rd_kafka_topic_name(message.rkt)), Partition{message.partition}};
      text = to_string(source) + ": " + text;
      if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) membership_->out_of_range(source);
    }
    report(consumer_error(message.err, std::move(text)));
  };
  sink.reading = [this] { return reading(); };
  reader_ = std::make_unique<RecordReader>(assignment_, std::move(sink));
  pump_ = std::make_shared<EventPump>(loop_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    return self ? self->turn() : EventPump::More::no;
  });
  const auto protocol = spec_.connection.kafka.find("group.protocol");
  if (protocol != spec_.connection.kafka.end() && protocol->second == "consumer")
    membership_->watch_joining();
  pump_->watch(client_->events());
  pump_->watch(client_->records());
  poll_by_timer();
}

Membership::Sink Consumer::Impl::membership_sink() {
  Membership::Sink sink;
  sink.assigned = [this](const pipeline::Assigned& event) {
    repeats_ = {};  // what happens from here on is new
    sink_.event(event);
  };
  sink.revoked = [this](const pipeline::Revoked& event) { sink_.event(event); };
  sink.error = [this](const ConsumerError& error) { report(error); };
  sink.discard = [this] { reader_->discard_revoked(); };
  sink.discard_all = [this] { reader_->discard_all(); };
  return sink;
}

void Consumer::Impl::poll_by_timer() {
  poll_timer_.expires_after(poll_interval_);
  poll_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || !self->pump_) return;
    self->pump_->wake();
    self->poll_by_timer();
  });
}

void Consumer::Impl::set_reading(bool reading) {
  reading_ = reading;
  if (reading && pump_) pump_->wake();
}

// Membership first: the event queue is read whatever the record queue does (design §6b 1).
EventPump::More Consumer::Impl::turn() {
  if (state_ != State::running && !client_->leaving()) return EventPump::More::no;  // the janitor goes on
  std::size_t events = 0;
  for (; events < kEventsPerTurn; ++events) {
    const QueueEvent event(rd_kafka_queue_poll(client_->events(), 0));
    if (!event) break;
    take(*event);
  }
  if (retiring_ && state_ == State::running && assignment_.empty()) close();
  if (state_ == State::closing && client_->left()) end_client_soon();
  const bool more = reading() && reader_->turn(client_->records());
  return more || events == kEventsPerTurn ? EventPump::More::yes : EventPump::More::no;
}

void Consumer::Impl::take(rd_kafka_event_t& event) {
  switch (rd_kafka_event_type(&event)) {
    case RD_KAFKA_EVENT_REBALANCE:
      return state_ == State::running ? membership_->take_rebalance(event) : client_->answer_leaving(event);
    case RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT:
    case RD_KAFKA_EVENT_LISTOFFSETS_RESULT: return membership_->take_offsets(event);
    case RD_KAFKA_EVENT_OFFSET_COMMIT: return take_commit(event);
    case RD_KAFKA_EVENT_ERROR: return report(client_error(client_->get(), event));
    default: return;
  }
}

void Consumer::Impl::report(ConsumerError error) {
  if (failed_ || state_ == State::closing) return;
  if (!error.fatal && !repeats_.admit(error.code, error.message, Clock::now())) return;
  failed_ = error.fatal;
  sink_.error(error);
}

void Consumer::Impl::set_paused(const TopicPartition& source, bool paused) {
  if (!client_ || state_ != State::running) return;
  // The client is destroyed on the janitor too, after this.
  janitor_.post([handle = client_->get(), source, paused] { pause_partition(handle, source, paused); });
}

void Consumer::Impl::commit(const std::vector<pipeline::OffsetCommit>& offsets) {
  TRIGGERD_INVARIANT(!committing_, "one commit at a time");
  TRIGGERD_INVARIANT(
      std::ranges::all_of(offsets, [](const auto& c) { return c.metadata.size() <= kMaxMetadataBytes; }),
      "metadata that is too long fails the commits of other partitions too");
  committing_ = offsets;
  if (offsets.empty()) return answer_commit_soon({});
  if (state_ != State::running || failed_ || !client_) {
    return answer_commit_soon(commit_rejected(offsets, "not a member of the group"));
  }
  const PartitionList list = partition_list(offsets.size());
  for (const pipeline::OffsetCommit& commit : offsets) {
    rd_kafka_topic_partition_t& entry = add(list, commit.source);
    entry.offset = commit.offset.value;
    set_metadata(entry, commit.metadata);
    const std::int32_t epoch = assignment_.commit_epoch(commit);
    if (epoch >= 0) rd_kafka_topic_partition_set_leader_epoch(&entry, epoch);
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  void* number = reinterpret_cast<void*>(++commits_);
  const rd_kafka_resp_err_t error =
      rd_kafka_commit_queue(client_->get(), list.get(), client_->events(), nullptr, number);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) answer_commit_soon(commit_done(offsets, error, nullptr));
}

void Consumer::Impl::take_commit(rd_kafka_event_t& event) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  const bool ours = rd_kafka_event_opaque(&event) == reinterpret_cast<void*>(commits_);
  if (!committing_ || !ours) return;
  answer_commit(
      commit_done(*committing_, rd_kafka_event_error(&event), rd_kafka_event_topic_partition_list(&event)));
}

void Consumer::Impl::answer_commit_soon(pipeline::CommitDone done) {
  boost::asio::post(loop_, later([done = std::move(done)](Impl& self) mutable {
                      if (self.committing_) self.answer_commit(std::move(done));
                    }));
}

void Consumer::Impl::answer_commit(pipeline::CommitDone done) {
  committing_.reset();  // first: the sink may commit again
  const bool rejected = std::ranges::any_of(
      done.results, [](const pipeline::CommitResult& r) { return r.outcome == Outcome::rejected; });
  if (rejected && membership_) membership_->expelled();
  sink_.event(done);
}

void Consumer::Impl::finish_revoke(const std::vector<TopicPartition>& partitions) {
  if (state_ != State::running || !membership_) return;
  membership_->finish_revoke(partitions);
  if (retiring_) pump_->wake();
}

bool Consumer::Impl::renew(const config::Connection& connection, config::Renewal how) {
  if (how == config::Renewal::none) return false;
  if (how == config::Renewal::login && state_ == State::running) {
    set_login(client_->get(), connection);
    return false;
  }
  if (state_ != State::running || failed_) {
    close();
    return true;
  }
  retiring_ = true;
  rd_kafka_unsubscribe(client_->get());
  pump_->wake();
  return true;
}

// Design §6b 4: the pipeline has drained and its commits are answered; heartbeats end here.
void Consumer::Impl::close() {
  const State before = state_;
  if (before == State::closing || before == State::destroying || before == State::closed) return;
  state_ = State::closing;
  if (before == State::making) return;  // made() goes on
  if (!client_ || failed_) return end_client_soon();
  reader_->discard_all();
  membership_->leave();
  if (!client_->begin_leave()) return end_client_soon();
  close_timer_.expires_after(kCloseTimeout);
  close_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->end_client();
  });
  pump_->wake();
}

// Not inside a call out of the client's own objects.
void Consumer::Impl::end_client_soon() {
  boost::asio::post(loop_, later([](Impl& self) { self.end_client(); }));
}

void Consumer::Impl::end_client() {
  if (state_ == State::destroying || state_ == State::closed) return;
  state_ = State::destroying;
  poll_timer_.cancel();
  close_timer_.cancel();
  if (pump_) pump_->stop();
  pump_.reset();
  if (membership_) membership_->leave();
  reader_.reset();
  membership_.reset();
  assignment_.clear();
  on_janitor([client = std::move(client_)]() mutable {
    client.reset();
    return [](Impl& self) { self.finish(); };
  });
}

void Consumer::Impl::finish() {
  state_ = State::closed;
  if (abandoned_) return;
  if (committing_) answer_commit(commit_rejected(*committing_, "the client was closed"));
  sink_.closed();
}

// The owner is gone: nothing is reported any more, the client still ends properly.
void Consumer::Impl::abandon() {
  abandoned_ = true;
  sink_ = {[](const pipeline::Event&) {}, [](const ConsumerError&) {}, [] {}};
  if (state_ == State::making) state_ = State::closing;
  if (client_) end_client();
}

std::vector<PartitionSample> Consumer::Impl::samples() const {
  std::vector<PartitionSample> out;
  for (const ReadPartition* partition : assignment_.all()) {
    std::int64_t low = -1;
    std::int64_t high = -1;
    const auto error = rd_kafka_get_watermark_offsets(client_->get(), partition->source.topic.name().c_str(),
                                                      partition->source.partition.value, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) high = -1;
    out.push_back({partition->source, Offset{high}, partition->position});
  }
  return out;
}

Consumer::Consumer(boost::asio::io_context& loop, Janitor& janitor, ConsumerSpec spec, Sink sink)
    : impl_(std::make_shared<Impl>(loop, janitor, std::move(spec), std::move(sink))) {}
Consumer::~Consumer() { impl_->abandon(); }

void Consumer::start() { impl_->start(); }
void Consumer::set_reading(bool reading) { impl_->set_reading(reading); }
void Consumer::set_paused(const TopicPartition& source, bool paused) { impl_->set_paused(source, paused); }
void Consumer::commit(const std::vector<pipeline::OffsetCommit>& offsets) { impl_->commit(offsets); }
void Consumer::finish_revoke(const std::vector<TopicPartition>& partitions) {
  impl_->finish_revoke(partitions);
}
bool Consumer::renew(const config::Connection& connection, config::Renewal how) {
  return impl_->renew(connection, how);
}
void Consumer::close() { impl_->close(); }
std::vector<PartitionSample> Consumer::samples() const { return impl_->samples(); }
std::map<TopicPartition, std::string> Consumer::unread() const { return impl_->unread(); }

}  // namespace triggerd::kafka
