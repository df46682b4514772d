#include "contract/cpp_sdk_daemon.hpp"

#include <algorithm>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace triggerd::worker_sdk::test {

namespace {

// One line per range of equal answers.
std::string text(const std::vector<std::optional<Answer>>& each) {
  std::string out;
  for (std::size_t first = 0, last = 0; first < each.size(); first = last + 1) {
    const auto same = [&](std::size_t i) {
      return each[i]->code == each[first]->code && each[i]->reason == each[first]->reason &&
             each[i]->retry_after_ms == each[first]->retry_after_ms;
    };
    for (last = first; last + 1 < each.size() && same(last + 1);) ++last;
    const Answer& answer = *each[first];
    out += std::to_string(first) + "-" + std::to_string(last);
    switch (answer.code) {
      case Code::ok: out += " ok\n"; break;
      case Code::retry:
        out += " retry after " + std::to_string(answer.retry_after_ms) + ": " + answer.reason + "\n";
        break;
      case Code::dead_letter: out += " dead letter: " + answer.reason + "\n"; break;
      case Code::drop: out += " drop: " + answer.reason + "\n"; break;
      case Code::release: out += " release\n"; break;
    }
  }
  return out;
}

void note(std::vector<std::optional<Answer>>& each, const wire::Ack& ack) {
  for (const Answer& answer : ack.answers) {
    for (std::uint32_t i = answer.first; i <= answer.last; ++i) {
      if (each.at(i)) ADD_FAILURE() << "record " << i << " was answered twice";
      each[i] = answer;
    }
  }
  if (!ack.answers.empty()) return;
  for (auto& one : each) {
    if (!one) one = Answer{};
  }
}

}  // namespace

wire::Delivery delivery(std::uint64_t id, const std::vector<wire::test::Record>& records,
                        const Extra& extra) {
  wire::Delivery out = wire::test::make_delivery(records);
  out.id = BatchId{id};
  out.source.partition = Partition{extra.partition};
  out.epoch = Epoch{extra.epoch};
  out.run = extra.run;
  out.attempt = extra.attempt;
  out.more = extra.more;
  return out;
}

Daemon::Daemon() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) throw std::runtime_error("socketpair");
  mine_ = pair[0];
  theirs_ = pair[1];
}

Daemon::~Daemon() {
  hang_up();
  if (worker_.joinable()) worker_.join();
}

void Daemon::send_bytes(std::string_view bytes) {
  ASSERT_EQ(::send(mine_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

std::optional<wire::Message> Daemon::next_message() {
  for (;;) {
    const auto frame = decoder_.next();
    if (!frame) return ADD_FAILURE() << frame.error().message, std::nullopt;
    if (*frame) {
      auto message = wire::parse(**frame);
      if (!message) return ADD_FAILURE() << message.error().message, std::nullopt;
      return std::move(*message);
    }
    pollfd entry{mine_, POLLIN, 0};
    if (::poll(&entry, 1, std::chrono::milliseconds(kDeadline).count()) != 1) {
      return ADD_FAILURE() << "the worker says nothing", std::nullopt;
    }
    const auto room = decoder_.prepare();
    const ssize_t count = ::recv(mine_, room.data(), room.size(), 0);
    if (count <= 0) return std::nullopt;
    decoder_.commit(static_cast<std::size_t>(count));
  }
}

void Daemon::expect_answers(std::uint64_t id, const std::vector<Answer>& expected) {
  std::vector<std::optional<Answer>> wanted(expected.back().last + 1);
  note(wanted, {BatchId{id}, expected});
  std::vector<std::optional<Answer>> got(wanted.size());
  while (std::any_of(got.begin(), got.end(), [](const auto& one) { return !one; })) {
    const auto message = next_message();
    ASSERT_TRUE(message && std::holds_alternative<wire::Ack>(*message)) << "an Ack of " << id << " was due";
    ASSERT_EQ(std::get<wire::Ack>(*message).id.value, id);
    note(got, std::get<wire::Ack>(*message));
  }
  EXPECT_EQ(text(got), text(wanted)) << "batch " << id;
}

int Daemon::finish() {
  EXPECT_FALSE(next_message());
  return status();
}

int Daemon::status() {
  if (status_.wait_for(kDeadline) != std::future_status::ready)
    return ADD_FAILURE() << "the worker runs on", -1;
  return status_.get();
}

void Daemon::hang_up() {
  if (mine_ >= 0) ::close(mine_);
  mine_ = -1;
}

std::string Recorder::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void Recorder::wait_until_stopped() {
  ASSERT_EQ(stopped_.get_future().wait_for(kDeadline), std::future_status::ready);
}

void Recorder::see(Records records) {
  std::string call;
  bool fail = false, stop = false;
  for (const Record& record : records) {
    const std::string value(record.value().value_or("null"));
    call += (call.empty() ? "" : " ") + value;
    fail = fail || (value == fail_at && record.attempt() == 1);
    stop = stop || value == stop_at;
  }
  {
    const std::lock_guard lock(mutex_);
    calls_ += (calls_.empty() ? "" : " | ") + call;
  }
  if (stop) {
    stopped_.set_value();
    EXPECT_EQ(go_.get_future().wait_for(kDeadline), std::future_status::ready);
  }
  if (fail) throw std::runtime_error("no " + fail_at);
}

}  // namespace triggerd::worker_sdk::test
