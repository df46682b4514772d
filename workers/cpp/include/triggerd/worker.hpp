// A triggerd worker in C++: give run() a handler, start the program from a fleet file.
//
//   int main() {
//     return triggerd::worker_sdk::run([](const triggerd::worker_sdk::Record& record) {
//       std::cout << record.value().value_or("(tombstone)") << '\n';
//     });
//   }
//
// The handler's parameter is the trigger's cardinality: a Record for `one`, Records for `many`. It returns
// when its work is done, which settles what it was given; it throws to have it delivered again, or to say
// more: Retry, DeadLetter, Drop, BatchError. Threads: run() calls the handler on the thread it was called on,
// one call at a time, and reads the daemon's socket between calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wire/record_batch.hpp"

namespace triggerd::worker_sdk {

using Header = wire::HeaderView;  // name; value, nullopt where it is null

// A Kafka record, lent to the handler: it and every view from it end with the handler's call.
class Record {
 public:
  Record(const wire::Delivery& delivery, std::uint32_t index) : delivery_(&delivery), index_(index) {}

  const std::string& topic() const { return delivery_->source.topic.name(); }
  std::int32_t partition() const { return delivery_->source.partition.value; }
  std::int64_t offset() const { return delivery_->batch->offset(index_).value; }
  // Milliseconds since the Unix epoch; −1: the record has none.
  std::int64_t timestamp_ms() const { return delivery_->batch->timestamp(index_); }
  // nullopt: null, which is not empty.
  std::optional<std::string_view> key() const { return delivery_->batch->key(index_); }
  // nullopt: a tombstone, which is not empty.
  std::optional<std::string_view> value() const { return delivery_->batch->value(index_); }
  // In the producer's order; a name may repeat.
  std::vector<Header> headers() const { return delivery_->batch->headers(index_); }
  // 1 for a first delivery, one more for each attempt that failed.
  std::uint32_t attempt() const { return delivery_->attempt; }

 private:
  const wire::Delivery* delivery_;
  std::uint32_t index_;
};

// One invocation's records: of one or several partitions, each partition's in offset order.
using Records = std::span<const Record>;

using OneHandler = std::function<void(const Record&)>;
using ManyHandler = std::function<void(Records)>;

// What a handler throws of a record, or of every record it was given. what() is the reason in the daemon's
// log and in a dead letter's headers: UTF-8, at most 4 KiB, the rest is cut. Any other exception is a Retry.

// Failed, and not to be tried again before `wait` has passed: up to 49 days, 0 or less leaves the time to the
// trigger's retry policy, which also says how often.
class Retry : public std::runtime_error {
 public:
  explicit Retry(const std::string& reason, std::chrono::milliseconds wait = {})
      : std::runtime_error(reason), wait_(wait) {}
  std::chrono::milliseconds wait() const { return wait_; }

 private:
  std::chrono::milliseconds wait_;
};

// No further attempt would help: the trigger's onFailure says what becomes of the record, at once.
class DeadLetter : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Nobody needs the record: it is settled, and counted as dropped.
class Drop : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thrown by a handler of batches: these records failed, all others are done. By index in the handler's
// Records, at least one (else std::invalid_argument). An index that they do not have fails the attempt as a
// whole: then every record is tried again.
class BatchError : public std::runtime_error {
 public:
  using Failure = std::variant<Retry, DeadLetter, Drop>;
  using Failures = std::map<std::size_t, Failure>;
  explicit BatchError(Failures failures);
  const Failures& failures() const { return *failures_; }

 private:
  std::shared_ptr<const Failures> failures_;  // shared, for an exception's copy must not throw
};

struct Options {
  // The most the daemon may have unanswered here: it is sent ahead so that the handler never waits, and is
  // held in memory. Both at least 1.
  std::uint32_t credit_records = 65536;
  std::uint64_t credit_bytes = 64u << 20;  // of keys, values and headers
};

// Serves the daemon that started this process until it says stop, then returns main()'s value: 0 after a
// drain or a shutdown; 1 when the session ended otherwise; 64 when no daemon started this process
// (TRIGGERD_FD). Reasons are written to standard error. Called once, before or after other threads start.
int run(OneHandler handler, const Options& options = {});
int run(ManyHandler handler, const Options& options = {});

// The same on a connected stream socket, which is closed at the end.
int run_on(int socket, OneHandler handler, const Options& options = {});
int run_on(int socket, ManyHandler handler, const Options& options = {});

}  // namespace triggerd::worker_sdk
