#include "session.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

#include <unistd.h>

namespace triggerd::worker_sdk {

namespace {

constexpr std::chrono::milliseconds kTurn{10};

}  // namespace

Session::Session(int socket, Handler handler, const Options& options)
    : channel_(socket), handler_(std::move(handler)), options_(options) {}

int Session::run() {
  greet();
  while (!status_ && !welcomed_) receive(true);
  serve();
  return *status_;
}

void Session::greet() {
  wire::Hello hello;
  hello.sdk = "cpp/" TRIGGERD_SDK_VERSION;
  hello.pid = ::getpid();
  hello.concurrency = 1;
  hello.credit = {std::max(options_.credit_records, 1u), std::max<std::uint64_t>(options_.credit_bytes, 1)};
  out_.clear();
  wire::encode(out_, hello);
  send(out_);
}

void Session::serve() {
  while (!status_) {
    if (!invocation_ready()) {
      if (draining_) return say_bye("drained", {});
      receive(true);
    } else if (many()) {
      run_many(take_invocation());
      turn(nullptr);
    } else {
      const wire::Delivery delivery = std::move(queue_.front());
      queue_.pop_front();
      run_one(delivery);
    }
  }
}

void Session::receive(bool wait) {
  const Channel::Read read = channel_.read(wait);
  last_turn_ = Clock::now();
  switch (read) {
    case Channel::Read::closed: return end(1, "the daemon is gone");
    case Channel::Read::nothing: return;
    case Channel::Read::some: break;
  }
  while (!status_) {
    const auto frame = channel_.next();
    if (!frame) return say_bye("protocol_error", frame.error().message);
    if (!*frame) return;
    handle(**frame);
  }
}

void Session::handle(const wire::Frame& frame) {
  auto message = wire::parse(frame);
  if (!message) return say_bye("protocol_error", message.error().message);
  std::visit([this](auto& value) { on(std::move(value)); }, *message);
}

void Session::on(wire::Welcome welcome) {
  if (welcomed_) return say_bye("protocol_error", "welcome: a second one");
  if (welcome.protocol != wire::kProtocolVersion) {
    return say_bye("protocol_unsupported", "this worker speaks version 1");
  }
  const bool wants_many = welcome.cardinality == "many";
  if (wants_many != many()) {
    return say_bye("cardinality_mismatch", std::string("the trigger's cardinality is ") +
                                               welcome.cardinality + ", the handler takes " +
                                               (many() ? "many" : "one"));
  }
  lanes_ = Lanes(welcome.ordering);
  welcomed_ = true;
}

void Session::on(wire::Batch batch) {
  if (!welcomed_) return say_bye("protocol_error", "batch: before welcome");
  if (draining_) return say_bye("protocol_error", "batch: after drain");
  if (!batch.delivery.more) ++whole_invocations_;
  queue_.push_back(std::move(batch.delivery));
}

void Session::on(const wire::Cancel& cancel) {
  Epoch& epoch = cancelled_.try_emplace(cancel.source, cancel.epoch).first->second;
  epoch = std::max(epoch, cancel.epoch);
}

// Nothing runs while the socket is read, so the deadline needs no clock here.
void Session::on(const wire::Drain&) { draining_ = true; }

void Session::on(const wire::Ping& ping) {
  std::string pong;
  wire::encode(pong, wire::Pong{ping.id});
  send(pong);
}

void Session::on(const wire::Pong&) {}

void Session::on(const wire::Bye& bye) {
  end(bye.code == "shutdown" ? 0 : 1, "the daemon ended the session: " + bye.code + ": " + bye.message);
}

template <typename T>
void Session::on(const T&) {
  say_bye("protocol_error", "a frame that only workers send");
}

bool Session::invocation_ready() const {
  if (!many() || draining_) return !queue_.empty();
  return whole_invocations_ > 0;
}

std::vector<wire::Delivery> Session::take_invocation() {
  std::vector<wire::Delivery> invocation;
  bool more = true;
  while (more && !queue_.empty()) {
    more = queue_.front().more;
    invocation.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (!more) --whole_invocations_;
  return invocation;
}

bool Session::may_start(const wire::Delivery& delivery, std::uint32_t index) {
  if (draining_) return false;
  if (!cancelled_.empty()) {
    const auto found = cancelled_.find(delivery.source);
    if (found != cancelled_.end() && delivery.epoch <= found->second) return false;
  }
  return !lanes_.blocked(delivery, index);
}

void Session::run_one(const wire::Delivery& delivery) {
  const OneHandler& handler = std::get<OneHandler>(handler_);
  const Outcome released{wire::Answer::Code::release, 0, {}};
  Answers answers(delivery.id);
  for (std::uint32_t i = 0; i < delivery.count; ++i) {
    if (!may_start(delivery, i)) {
      answers.add(i, released);
      continue;
    }
    const Record record(delivery, i);
    const Outcome outcome = attempt([&] { handler(record); }, 1).of(0);
    if (outcome.code == wire::Answer::Code::retry) lanes_.block(delivery, i);
    answers.add(i, outcome);
    turn(&answers);
    if (status_) return;
  }
  out_.clear();
  answers.write_rest(out_);
  send(out_);
}

void Session::run_many(const std::vector<wire::Delivery>& invocation) {
  records_.clear();
  std::vector<std::vector<bool>> started(invocation.size());
  for (std::size_t d = 0; d < invocation.size(); ++d) {
    started[d].resize(invocation[d].count);
    for (std::uint32_t i = 0; i < invocation[d].count; ++i) {
      if (!may_start(invocation[d], i)) continue;
      started[d][i] = true;
      records_.emplace_back(invocation[d], i);
    }
  }
  Attempt ended;
  if (!records_.empty()) {
    ended = attempt([&] { std::get<ManyHandler>(handler_)(records_); }, records_.size());
  }

  const Outcome released{wire::Answer::Code::release, 0, {}};
  out_.clear();
  std::size_t seen = 0;  // by the handler
  for (std::size_t d = 0; d < invocation.size(); ++d) {
    Answers answers(invocation[d].id);
    for (std::uint32_t i = 0; i < invocation[d].count; ++i) {
      const Outcome& outcome = started[d][i] ? ended.of(seen++) : released;
      if (outcome.code == wire::Answer::Code::retry) lanes_.block(invocation[d], i);
      answers.add(i, outcome);
    }
    answers.write_rest(out_);
  }
  send(out_);
}

void Session::turn(Answers* answers) {
  if (Clock::now() - last_turn_ < kTurn) return;
  if (answers != nullptr) {
    out_.clear();
    answers->write_so_far(out_);
    send(out_);
  }
  if (!status_) receive(false);
}

void Session::send(std::string_view bytes) {
  if (!status_ && !channel_.write(bytes)) end(1, "the daemon is gone");
}

void Session::end(int status, const std::string& reason) {
  if (status_) return;
  status_ = status;
  if (status != 0) std::cerr << "triggerd worker: " << reason << std::endl;
}

// Says Bye: `drained`, which is the good end, or what the daemon did wrong.
void Session::say_bye(const std::string& code, const std::string& message) {
  std::string bye;
  wire::encode(bye, wire::Bye{code, message});
  send(bye);
  end(code == "drained" ? 0 : 1, code + ": " + message);
}

}  // namespace triggerd::worker_sdk
