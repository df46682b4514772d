// The daemon's side of a session, played by a test, and a handler that tells what it was given.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "triggerd/worker.hpp"
#include "unit/wire/records.hpp"

namespace triggerd::worker_sdk::test {

using namespace std::chrono_literals;
using wire::Answer;
using Code = wire::Answer::Code;
using wire::test::frame_of;

constexpr auto kDeadline = 60s;  // of every wait

inline wire::test::Record rec(std::int64_t offset, const std::string& value,
                              wire::test::Text key = std::nullopt) {
  return {offset, 1000, std::move(key), value, {}};
}

// Where a batch's records come from; the usual values.
struct Extra {
  std::int32_t partition = 3;
  std::uint32_t epoch = 1, run = 0, attempt = 1;
  bool more = false;
};
wire::Delivery delivery(std::uint64_t id, const std::vector<wire::test::Record>& records,
                        const Extra& extra = {});

// The daemon's end of a socket pair, blocking; the worker runs on a thread.
class Daemon {
 public:
  Daemon();
  ~Daemon();

  template <typename Handler>
  void start(Handler handler) {
    auto status = std::make_shared<std::promise<int>>();
    status_ = status->get_future();
    worker_ = std::thread([this, handler, status] { status->set_value(run_on(theirs_, handler)); });
  }
  // Starts, reads Hello, welcomes.
  template <typename Handler>
  void start(Handler handler, const std::string& cardinality, const std::string& ordering = "partition") {
    start(handler);
    hello_ = next<wire::Hello>();
    send(wire::Welcome{1, "d", "t", "g", 1, cardinality, "string", ordering, 500, 1000, {}});
  }
  const wire::Hello& hello() const { return hello_; }

  void send_bytes(std::string_view bytes);
  template <typename T>
  void send(const T& message) {
    send_bytes(frame_of(message));
  }
  void batch(std::uint64_t id, const std::vector<wire::test::Record>& records, const Extra& extra = {}) {
    send(delivery(id, records, extra));
  }

  // The worker's next frame; nullopt at end of file.
  std::optional<wire::Message> next_message();
  // The same, and it must be a T.
  template <typename T>
  T next() {
    auto message = next_message();
    if (!message || !std::holds_alternative<T>(*message))
      return ADD_FAILURE() << "another frame was due", T{};
    return std::get<T>(*message);
  }
  // Reads Acks of batch `id`, the next to be answered, until each of its records has an answer. How many Acks
  // there are depends on how fast the machine is (PROTOCOL.md §5), what they say does not.
  void expect_answers(std::uint64_t id, const std::vector<Answer>& expected);
  void expect_ok(std::uint64_t id, std::uint32_t records = 1) {
    expect_answers(id, {{0, records - 1, Code::ok, 0, ""}});
  }
  // Nothing more, then this status.
  int finish();
  int status();
  void hang_up();

 private:
  int mine_ = -1, theirs_ = -1;
  wire::FrameDecoder decoder_{wire::kMaxWorkerPayload};
  wire::Hello hello_;
  std::future<int> status_;
  std::thread worker_;
};

// A handler that notes what it was given, fails where told to, and stops where told to until let go.
class Recorder {
 public:
  OneHandler one() {
    return [this](const Record& record) { see({&record, 1}); };
  }
  ManyHandler many() {
    return [this](Records records) { see(records); };
  }
  // The values of each call: "a b | c".
  std::string calls() const;
  void wait_until_stopped();
  void let_go() { go_.set_value(); }

  std::string fail_at;  // a value, at its first attempt
  std::string stop_at;  // a value

 private:
  void see(Records records);

  mutable std::mutex mutex_;
  std::string calls_;
  std::promise<void> stopped_, go_;
};

}  // namespace triggerd::worker_sdk::test
