#include "kafka/lag_source.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "kafka/event_pump.hpp"
#include "kafka/lag_client.hpp"
#include "kafka/lag_fleet.hpp"
#include "kafka/lag_requests.hpp"
#include "kafka/on_janitor.hpp"
#include "kafka/properties.hpp"
#include "kafka/topic_list.hpp"

namespace triggerd::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t kAnswersPerTurn = 64;
constexpr milliseconds kTurn(1);  // of finishing
// librdkafka ends its requests by itself; should it not, the refresh ends so long after that.
constexpr milliseconds kGrace(500);
constexpr char kTimedOut[] = "the refresh took too long";

WallMillis wall_now() {
  return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

class LagSource::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& loop, Janitor& janitor, LagSourceSpec spec, Sink sink)
      : loop_(loop),
        janitor_(janitor),
        spec_(std::move(spec)),
        sink_(std::move(sink)),
        next_(std::in_place, loop),
        deadline_(std::in_place, loop) {}

  void start();
  void renew(const config::Connection& connection) {
    spec_.connection = connection;
    spoilt_ = true;
  }
  void refresh_now();
  void close();
  void abandon();
  bool abandoned() const { return abandoned_; }
  LagFleet& fleet() { return fleet_; }

 private:
  enum class State { made, idle, running, closing, closed };
  enum class Stage { client, list, topics, commits, offsets, ended };

  void schedule(Clock::time_point at);
  void begin();
  void make();
  void made(Result<std::unique_ptr<LagClient>> result);
  void list();
  void listed(std::uint64_t round, const TopicList& topics);
  void enter(Stage stage, std::vector<LagQuestion> questions);
  void advance();
  void send();
  EventPump::More turn();
  void take(rd_kafka_event_t& event);
  void count_errors(const ErrorCodes& codes);
  void end(const std::string& trouble);
  void finish_some();
  void drop_client();
  void finish();
  milliseconds left() const;

  // Called later on the loop, if we still are.
  template <typename F>
  auto later(F f) {
    return [weak = weak_from_this(), f = std::move(f)](auto&&...) mutable {
      if (const auto self = weak.lock()) f(*self);
    };
  }
  template <typename F>
  void after(std::optional<boost::asio::steady_timer>& timer, Clock::time_point at, F f) {
    timer->expires_at(at);
    timer->async_wait([weak = weak_from_this(), f](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self && !error) f(*self);
    });
  }

  boost::asio::io_context& loop_;
  Janitor& janitor_;
  LagSourceSpec spec_;
  Sink sink_;
  State state_ = State::made;
  std::atomic<bool> abandoned_{false};
  LagFleet fleet_;
  std::minstd_rand random_{std::random_device{}()};  // jitter

  bool making_ = false;  // a client; may outlast the round
  std::unique_ptr<LagClient> client_;
  std::shared_ptr<EventPump> pump_;
  std::shared_ptr<Janitor> lister_;  // lists topics, with the client

  std::optional<boost::asio::steady_timer> next_, deadline_;  // until abandoned: the loop may go before us
  // Of the round that runs.
  std::uint64_t round_ = 0;
  bool again_ = false;  // another one right after it
  Stage stage_ = Stage::client;
  Clock::time_point began_{};
  std::deque<LagQuestion> unsent_;
  std::unordered_map<std::uintptr_t, LagQuestion> open_;  // by id
  std::uintptr_t last_id_ = 0;                            // ids are never used again
  bool reached_ = false;                                  // a broker
  bool spoilt_ = false;   // the client goes: see asks_coordinator(), or it is older than renew()
  bool doubted_ = false;  // the controller: see list()
  std::string trouble_;   // of a round that has ended
  Clock::time_point ended_{};
  WallMillis ended_wall_ = 0;
  LagRefresh report_;
};

void LagSource::Impl::start() {
  if (state_ != State::made) return;
  state_ = State::idle;
  schedule(Clock::now());
}

void LagSource::Impl::refresh_now() {
  if (state_ == State::idle) schedule(Clock::now());
  if (state_ == State::running) again_ = true;
}

void LagSource::Impl::schedule(Clock::time_point at) {
  after(next_, at, [](Impl& self) { self.begin(); });
}

milliseconds LagSource::Impl::left() const {
  return duration_cast<milliseconds>(began_ + spec_.timeout - Clock::now());
}

void LagSource::Impl::begin() {
  if (state_ != State::idle) return;
  state_ = State::running;
  ++round_;
  again_ = false;
  reached_ = false;
  report_ = {};
  began_ = Clock::now();
  stage_ = Stage::client;
  fleet_.begin();
  after(deadline_, began_ + spec_.timeout + kGrace, [round = round_](Impl& self) {
    if (self.state_ == State::running && self.round_ == round && self.stage_ != Stage::ended)
      self.end(kTimedOut);
  });
  if (spoilt_) drop_client();
  spoilt_ = spoilt_ && making_;  // the one that is being made goes next
  if (client_) return list();
  if (fleet_.empty()) return end({});  // a client needs the group of a trigger
  if (!making_) make();
}

void LagSource::Impl::make() {
  making_ = true;
  auto conf = make_conf(properties(spec_, fleet_.any_group()));
  if (!conf) {
    boost::asio::post(loop_, later([error = conf.error()](Impl& self) { self.made(error); }));
    return;
  }
  on_janitor(janitor_, loop_, shared_from_this(), [conf = std::move(*conf), name = spec_.name]() mutable {
    auto result = std::make_shared<Result<std::unique_ptr<LagClient>>>(
        LagClient::make(std::move(conf), std::move(name)));
    return [result](Impl& self) { self.made(std::move(*result)); };
  });
}

void LagSource::Impl::made(Result<std::unique_ptr<LagClient>> result) {
  making_ = false;
  if (result) client_ = std::move(*result);
  if (state_ == State::closing) return finish();
  if (!result) {
    if (state_ != State::running) return;
    ++report_.errors[result.error().code];
    return end(result.error().message);
  }
  pump_ = std::make_shared<EventPump>(loop_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    return self ? self->turn() : EventPump::More::no;
  });
  pump_->watch(client_->events());
  if (state_ == State::running && stage_ == Stage::client) list();
}

// Topics are described by the controller, and librdkafka 2.15.1 waits for the one it knows, with a thousand
// connections a second where those are refused. It learns of another by metadata of another kind, which
// comes by itself only every topic.metadata.refresh.interval.ms: so after a controller that did not answer
// any broker is asked first. A list of all topics, as no other such question creates none.
void LagSource::Impl::list() {
  stage_ = Stage::list;
  if (!fleet_.has_regex() && !doubted_) return listed(round_, {});
  if (left() <= milliseconds(0)) return end(kTimedOut);
  if (!lister_) lister_ = std::make_shared<Janitor>();
  ++report_.requests["metadata"];
  on_janitor(*lister_, loop_, shared_from_this(),
             [client = client_->get(), timeout = static_cast<int>(left().count()), round = round_] {
               return
                   [round, topics = list_topics(client, timeout)](Impl& self) { self.listed(round, topics); };
             });
}

void LagSource::Impl::listed(std::uint64_t round, const TopicList& topics) {
  if (state_ != State::running || round != round_ || stage_ != Stage::list) return;
  if (topics.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    count_errors({topics.error});
    if (doubted_) return end(rd_kafka_err2str(topics.error));
  }
  doubted_ = false;
  enter(Stage::topics, fleet_.ask_topics(topics));
}

void LagSource::Impl::enter(Stage stage, std::vector<LagQuestion> questions) {
  stage_ = stage;
  unsent_.assign(std::make_move_iterator(questions.begin()), std::make_move_iterator(questions.end()));
  advance();
}

void LagSource::Impl::advance() {
  send();
  if (state_ != State::running || !open_.empty() || !unsent_.empty()) return;
  switch (stage_) {
    case Stage::client:
    case Stage::list:
    case Stage::ended: return;
    case Stage::topics:
      if (doubted_) return end({});
      return enter(Stage::commits, fleet_.ask_commits(std::max(spec_.concurrency, 1U)));
    case Stage::commits: return enter(Stage::offsets, fleet_.ask_offsets());
    case Stage::offsets: return end({});
  }
}

void LagSource::Impl::send() {
  while (!unsent_.empty() && open_.size() < std::max(spec_.concurrency, 1U)) {
    if (left() <= milliseconds(0)) return end(kTimedOut);
    LagQuestion question = std::move(unsent_.front());
    unsent_.pop_front();
    ++report_.requests[name_of(question.kind)];
    const auto most = longest_wait(question.kind, left(), duration_cast<milliseconds>(spec_.timeout));
    ask(client_->get(), client_->events(), question, ++last_id_, static_cast<int>(most.count()));
    open_.emplace(last_id_, std::move(question));
  }
}

EventPump::More LagSource::Impl::turn() {
  for (std::size_t taken = 0; taken < kAnswersPerTurn; ++taken) {
    const QueueEvent event(client_ ? rd_kafka_queue_poll(client_->events(), 0) : nullptr);
    if (!event) return EventPump::More::no;
    take(*event);
  }
  return EventPump::More::yes;
}

// Errors of the client itself are not ours: each of its requests says so too.
void LagSource::Impl::take(rd_kafka_event_t& event) {
  if (rd_kafka_event_type(&event) == RD_KAFKA_EVENT_ERROR) return;
  const auto found = open_.find(id_of(event));
  if (found == open_.end()) return;  // of a round that was ended
  const LagQuestion question = std::move(found->second);
  open_.erase(found);
  ErrorCodes errors;
  fleet_.take(event, question, static_cast<std::uint64_t>(wall_now() / 1000), errors);
  if (errors.empty()) reached_ = true;
  if (question.kind == LagQuestion::Kind::topics && errors.contains(RD_KAFKA_RESP_ERR__TIMED_OUT))
    doubted_ = true;
  if (question.kind != LagQuestion::Kind::listing) count_errors(errors);  // other questions tell the same
  advance();
}

void LagSource::Impl::count_errors(const ErrorCodes& codes) {
  for (const rd_kafka_resp_err_t code : codes) {
    ++report_.errors[rd_kafka_err2name(code)];
    // librdkafka's own are below 0.
    if (code > RD_KAFKA_RESP_ERR_NO_ERROR) reached_ = true;
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT) report_.timed_out = true;
  }
}

void LagSource::Impl::end(const std::string& trouble) {
  deadline_->cancel();
  spoilt_ = spoilt_ ||
            std::ranges::any_of(open_, [](const auto& one) { return asks_coordinator(one.second.kind); });
  unsent_.clear();
  open_.clear();
  stage_ = Stage::ended;
  trouble_ = trouble;
  ended_ = Clock::now();
  ended_wall_ = wall_now();
  report_.took = ended_ - began_;
  report_.timed_out = report_.timed_out || trouble == kTimedOut;
  report_.unreachable = !reached_ && !fleet_.empty();
  finish_some();
}

// The loop has more to do than a thousand snapshots.
void LagSource::Impl::finish_some() {
  const auto enough = Clock::now() + kTurn;
  while (state_ == State::running) {
    auto snapshot = fleet_.finish(trouble_, ended_, ended_wall_);
    if (!snapshot) break;
    sink_.snapshot(std::move(*snapshot));
    if (Clock::now() < enough) continue;
    boost::asio::post(loop_, later([round = round_](Impl& self) {
                        if (self.round_ == round) self.finish_some();
                      }));
    return;
  }
  if (state_ != State::running) return;  // the sink has closed us
  state_ = State::idle;                  // first: the sink may ask or close
  std::uniform_real_distribution<double> jitter(0.9, 1.1);
  const auto interval = std::chrono::duration<double>(spec_.interval) * jitter(random_);
  schedule(again_ ? ended_ : std::max(ended_, began_ + duration_cast<Clock::duration>(interval)));
  report_.anomalies = fleet_.anomalies();
  sink_.refreshed(report_);
}

void LagSource::Impl::close() {
  if (state_ == State::closing || state_ == State::closed) return;
  state_ = State::closing;
  next_->cancel();
  deadline_->cancel();
  unsent_.clear();
  open_.clear();
  if (making_) return;  // made() goes on
  boost::asio::post(loop_, later([](Impl& self) { self.finish(); }));
}

// The list of topics that may be asked for is waited for, on the janitor.
void LagSource::Impl::drop_client() {
  if (pump_) pump_->stop();
  pump_.reset();
  if (!client_) return;
  janitor_.post(
      [client = std::shared_ptr<LagClient>(std::move(client_)), lister = std::move(lister_)]() mutable {
        lister.reset();
        client.reset();
      });
}

void LagSource::Impl::finish() {
  drop_client();
  // After the client's end.
  on_janitor(janitor_, loop_, shared_from_this(), [] {
    return [](Impl& self) {
      self.state_ = State::closed;
      self.sink_.closed();
    };
  });
}

// The owner is gone: nothing is reported any more, the client still ends properly.
void LagSource::Impl::abandon() {
  abandoned_ = true;
  sink_ = {[](const lag::Snapshot&) {}, [](const LagRefresh&) {}, [] {}};
  state_ = State::closing;
  next_.reset();
  deadline_.reset();
  drop_client();
}

LagSource::LagSource(boost::asio::io_context& loop, Janitor& janitor, LagSourceSpec spec, Sink sink)
    : impl_(std::make_shared<Impl>(loop, janitor, std::move(spec), std::move(sink))) {}
LagSource::~LagSource() { impl_->abandon(); }

void LagSource::start() { impl_->start(); }
void LagSource::add(LagGroup group) {
  impl_->fleet().add(std::move(group));
  impl_->refresh_now();
}
void LagSource::remove(const std::string& trigger) { impl_->fleet().remove(trigger); }
void LagSource::own(const std::string& trigger, std::vector<lag::Owned> owned) {
  impl_->fleet().own(trigger, std::move(owned));
}
void LagSource::renew(const config::Connection& connection) { impl_->renew(connection); }
void LagSource::refresh_now() { impl_->refresh_now(); }
void LagSource::close() { impl_->close(); }

}  // namespace triggerd::kafka
