#include "kafka/producer.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/invariant.hpp"
#include "kafka/dead_letter.hpp"
#include "kafka/error.hpp"
#include "kafka/event_pump.hpp"
#include "kafka/on_janitor.hpp"
#include "kafka/producer_client.hpp"
#include "kafka/properties.hpp"

namespace triggerd::kafka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReportsPerTurn = 1000;
constexpr auto kErrorRepeat = std::chrono::seconds(10);
constexpr char kClosed[] = "the producer was closed";
constexpr char kRenewed[] = "the credentials have changed";

}  // namespace

class Producer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& loop, Janitor& janitor, ProducerSpec spec, Sink sink)
      : loop_(loop), janitor_(janitor), spec_(std::move(spec)), sink_(std::move(sink)) {}

  void produce(const pipeline::DeadLetter& letter);
  void renew(const config::Connection& connection, config::Renewal how);
  void close();
  void abandon();
  bool abandoned() const { return abandoned_; }

 private:
  // ending: the client is over, what it was given is answered next.
  enum class State { idle, making, running, ending, closing, closed };

  void make();
  void made(Result<std::unique_ptr<ProducerClient>> result);
  void watch();
  void send(const pipeline::DeadLetter& letter);
  EventPump::More turn();
  std::size_t take(rd_kafka_event_t& event);
  void take_report(const rd_kafka_message_t& report);
  void take_error(rd_kafka_event_t& event);
  std::string reason_of(rd_kafka_resp_err_t error, const char* text) const;
  void answer(std::uint64_t id, const std::string& error);
  void answer_soon(std::uint64_t id, std::string error);
  void answer_all(const std::string& error);
  void answer_given(const std::string& error);
  void report(const ProducerError& error);
  void replace_client(std::string why);
  void end_client_soon();
  void end_client();
  void drop_client();
  void finish();

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
  ProducerSpec spec_;
  Sink sink_;
  State state_ = State::idle;
  bool outdated_ = false;  // the client that is being made
  std::atomic<bool> abandoned_{false};

  std::unique_ptr<ProducerClient> client_;
  std::shared_ptr<EventPump> pump_;

  struct Open {
    std::size_t bytes = 0;
    bool given = false;  // to the client
  };
  std::map<std::uint64_t, Open> open_;         // without an answer
  std::uint64_t open_bytes_ = 0;               // of open_
  std::vector<pipeline::DeadLetter> waiting_;  // of open_: for a client to be made
  std::string trouble_;                        // the client's last error, until a record is delivered
  ProducerError last_error_;
  Clock::time_point last_error_at_{};
};

void Producer::Impl::produce(const pipeline::DeadLetter& letter) {
  const std::size_t bytes = letter.batch->bytes(letter.index, 1);
  const bool full = open_bytes_ != 0 && open_bytes_ + bytes > spec_.queued_bytes;
  const bool is_new = open_.emplace(letter.id, Open{bytes}).second;
  TRIGGERD_INVARIANT(is_new, "a dead letter is asked for again only once it has been answered");
  open_bytes_ += bytes;
  if (state_ == State::closing || state_ == State::closed) return answer_soon(letter.id, kClosed);
  if (full) return answer_soon(letter.id, "too many dead letters wait to be written");
  if (state_ == State::running) return send(letter);
  waiting_.push_back(letter);
  if (state_ == State::idle) make();
}

void Producer::Impl::make() {
  state_ = State::making;
  auto conf = make_conf(properties(spec_));
  if (!conf) {
    boost::asio::post(loop_, later([error = conf.error()](Impl& self) { self.made(error); }));
    return;
  }
  on_janitor([conf = std::move(*conf), trigger = spec_.trigger]() mutable {
    auto result = std::make_shared<Result<std::unique_ptr<ProducerClient>>>(
        ProducerClient::make(std::move(conf), std::move(trigger)));
    return [result](Impl& self) { self.made(std::move(*result)); };
  });
}

void Producer::Impl::made(Result<std::unique_ptr<ProducerClient>> result) {
  if (result) client_ = std::move(*result);
  if (state_ == State::closing) return end_client();
  if (!result) {
    state_ = State::idle;  // first: the sink may ask again
    report({result.error().code, result.error().message});
    return answer_all(result.error().message);
  }
  state_ = State::running;
  watch();
  if (std::exchange(outdated_, false)) return replace_client(kRenewed);
  for (const pipeline::DeadLetter& letter : std::exchange(waiting_, {})) send(letter);
}

void Producer::Impl::watch() {
  pump_ = std::make_shared<EventPump>(loop_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    return self ? self->turn() : EventPump::More::no;
  });
  pump_->watch(client_->events());
}

void Producer::Impl::send(const pipeline::DeadLetter& letter) {
  OutgoingRecord record;
  record.topic = spec_.topic;
  record.timestamp = letter.batch->timestamp(letter.index);
  record.key = letter.batch->key(letter.index);
  record.value = letter.batch->value(letter.index);
  record.headers = headers_of(letter, spec_.group, spec_.trigger);
  open_[letter.id].given = true;
  const rd_kafka_resp_err_t error = client_->produce(record, letter.id);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    answer_soon(letter.id, reason_of(error, rd_kafka_err2str(error)));
  }
}

EventPump::More Producer::Impl::turn() {
  std::size_t taken = 0;
  while (taken < kReportsPerTurn) {
    const QueueEvent event(client_ ? rd_kafka_queue_poll(client_->events(), 0) : nullptr);
    if (!event) return EventPump::More::no;
    taken += take(*event);
  }
  return EventPump::More::yes;
}

std::size_t Producer::Impl::take(rd_kafka_event_t& event) {
  std::size_t reports = 0;
  if (rd_kafka_event_type(&event) == RD_KAFKA_EVENT_ERROR) take_error(event);
  if (rd_kafka_event_type(&event) == RD_KAFKA_EVENT_DR) {
    for (; const rd_kafka_message_t* report = rd_kafka_event_message_next(&event); ++reports) {
      take_report(*report);
    }
  }
  return reports + 1;
}

void Producer::Impl::take_report(const rd_kafka_message_t& report) {
  const std::uint64_t id = ProducerClient::number_of(report);
  if (report.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    trouble_.clear();
    return answer(id, "");
  }
  // The broker's own words, where it has any.
  const char* said = rd_kafka_message_produce_errstr(&report);
  answer(id, reason_of(report.err, said != nullptr ? said : rd_kafka_err2str(report.err)));
}

void Producer::Impl::take_error(rd_kafka_event_t& event) {
  ConsumerError error = client_error(client_->get(), event);
  trouble_ = error.message;
  if (error.fatal && state_ == State::running) replace_client(trouble_);  // first: the sink may ask or close
  report({std::move(error.code), std::move(error.message)});
}

// For people. That a time has passed, or that the client has ended, says nothing of why.
std::string Producer::Impl::reason_of(rd_kafka_resp_err_t error, const char* text) const {
  const std::string topic = "topic " + spec_.topic + ": ";
  if (state_ == State::ending) return topic + trouble_;
  if (error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && !trouble_.empty()) return topic + text + ": " + trouble_;
  return topic + text;
}

// An empty error: delivered.
void Producer::Impl::answer(std::uint64_t id, const std::string& error) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  open_bytes_ -= found->second.bytes;
  open_.erase(found);  // first: the sink may ask again
  sink_.event(pipeline::DeadLettered{id, error.empty(), error});
}

void Producer::Impl::answer_soon(std::uint64_t id, std::string error) {
  boost::asio::post(loop_, later([id, error = std::move(error)](Impl& self) { self.answer(id, error); }));
}

// What the sink asks for meanwhile is not among them.
void Producer::Impl::answer_all(const std::string& error) {
  waiting_.clear();
  std::vector<std::uint64_t> ids;
  ids.reserve(open_.size());
  for (const auto& [id, open] : open_) ids.push_back(id);
  for (const std::uint64_t id : ids) answer(id, error);
}

void Producer::Impl::answer_given(const std::string& error) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, open] : open_) {
    if (open.given) ids.push_back(id);
  }
  for (const std::uint64_t id : ids) answer(id, error);
}

void Producer::Impl::report(const ProducerError& error) {
  if (state_ == State::closing) return;
  const auto now = Clock::now();
  const bool same = error.code == last_error_.code && error.message == last_error_.message;
  if (same && now - last_error_at_ < kErrorRepeat) return;
  last_error_ = error;
  last_error_at_ = now;
  sink_.error(error);
}

// What it was given is answered as not delivered, and why.
void Producer::Impl::replace_client(std::string why) {
  trouble_ = std::move(why);
  state_ = State::ending;
  end_client_soon();
}

void Producer::Impl::renew(const config::Connection& connection, config::Renewal how) {
  spec_.connection = connection;
  if (how == config::Renewal::none) return;
  if (state_ == State::making) outdated_ = true;
  if (state_ != State::running) return;
  if (how == config::Renewal::login) return set_login(client_->get(), connection);
  replace_client(kRenewed);
}

void Producer::Impl::close() {
  const State before = state_;
  if (before == State::closing || before == State::closed) return;
  state_ = State::closing;
  if (before == State::making || before == State::ending) return;  // made() or end_client() goes on
  end_client_soon();
}

// Not inside a call out of the client's own objects.
void Producer::Impl::end_client_soon() {
  boost::asio::post(loop_, later([](Impl& self) { self.end_client(); }));
}

void Producer::Impl::end_client() {
  while (turn() == EventPump::More::yes) {  // what is delivered already is told so
  }
  drop_client();
  if (state_ == State::ending) {
    state_ = State::idle;
    answer_given("topic " + spec_.topic + ": " + trouble_);
    if (state_ == State::idle && !waiting_.empty()) make();
    return;
  }
  on_janitor([] { return [](Impl& self) { self.finish(); }; });  // after the client's end
}

void Producer::Impl::drop_client() {
  if (pump_) pump_->stop();
  pump_.reset();
  if (!client_) return;
  janitor_.post([client = std::shared_ptr<ProducerClient>(std::move(client_))]() mutable { client.reset(); });
}

void Producer::Impl::finish() {
  state_ = State::closed;
  answer_all(kClosed);
  sink_.closed();
}

// The owner is gone: nothing is reported any more, the client still ends properly.
void Producer::Impl::abandon() {
  abandoned_ = true;
  sink_ = {[](const pipeline::Event&) {}, [](const ProducerError&) {}, [] {}};
  state_ = State::closing;  // made() may still come
  drop_client();
}

Producer::Producer(boost::asio::io_context& loop, Janitor& janitor, ProducerSpec spec, Sink sink)
    : impl_(std::make_shared<Impl>(loop, janitor, std::move(spec), std::move(sink))) {}
Producer::~Producer() { impl_->abandon(); }

void Producer::produce(const pipeline::DeadLetter& letter) { impl_->produce(letter); }
void Producer::renew(const config::Connection& connection, config::Renewal how) {
  impl_->renew(connection, how);
}
void Producer::close() { impl_->close(); }

}  // namespace triggerd::kafka
