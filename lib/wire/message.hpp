// What frames say, as values: each to bytes and back (PROTOCOL.md §3 to §8). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/types.hpp"
#include "wire/batch_encoder.hpp"
#include "wire/frame.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;

struct Window {
  std::uint32_t records = 0;  // the most a worker may have unanswered
  std::uint64_t bytes = 0;
  bool operator==(const Window&) const = default;
};

struct Hello {
  std::uint32_t protocol_min = 1, protocol_max = 1;
  std::string sdk;
  std::int64_t pid = 0;
  std::uint32_t concurrency = 1;
  Window credit;
  std::vector<std::string> features;
  bool operator==(const Hello&) const = default;
};

struct Welcome {
  std::uint32_t protocol = kProtocolVersion;
  std::string daemon, trigger, group;
  std::uint32_t worker = 0;
  std::string cardinality, data_type, ordering;
  std::uint32_t max_batch_size = 0;
  std::uint64_t timeout_ms = 0;
  std::vector<std::string> features;
  // What payload azure adds (§11); nothing of it is said to others.
  struct Azure {
    std::string key_data_type = "string";  // string, int, long or binary
    std::int64_t max_retry_count = -1;     // -1: for ever
    std::vector<std::string> outputs;      // names of the output bindings, in the order Emit numbers them
    bool operator==(const Azure&) const = default;
  };
  std::optional<Azure> azure = {};
  bool operator==(const Welcome&) const = default;
};

struct Answer {
  enum class Code : std::uint32_t { ok = 0, retry = 1, dead_letter = 2, drop = 3, release = 4 };
  std::uint32_t first = 0, last = 0;  // of a batch's records, inclusive
  Code code = Code::ok;
  std::uint32_t retry_after_ms = 0;
  std::string reason{};
  bool operator==(const Answer&) const = default;
};

struct Ack {
  BatchId id;
  std::vector<Answer> answers;  // empty: ok for every record without an answer
  bool operator==(const Ack&) const = default;
};

struct Credit {
  Window window;
  bool operator==(const Credit&) const = default;
};

struct Cancel {
  TopicPartition source;
  Epoch epoch;
  bool operator==(const Cancel&) const = default;
};

struct Drain {
  std::uint32_t deadline_ms = 0;
  bool operator==(const Drain&) const = default;
};

struct Ping {
  std::uint64_t id = 0;
  bool operator==(const Ping&) const = default;
};
struct Pong {
  std::uint64_t id = 0;
  bool operator==(const Pong&) const = default;
};

struct Log {
  std::string level, message;
  bool operator==(const Log&) const = default;
};

struct Bye {
  std::string code, message;
  bool operator==(const Bye&) const = default;
};

// A Batch frame read back: the records, and where they were going. Workers and tests need it; the daemon does
// not.
struct Batch {
  Delivery delivery;
};

using Message = std::variant<Hello, Welcome, Batch, Ack, Credit, Cancel, Drain, Ping, Pong, Log, Bye>;

// Appends the whole frame, header and padding included. Texts for people (reason, message) are cut to their
// limits and made valid UTF-8.
void encode(std::string& out, const Hello&);
void encode(std::string& out, const Welcome&);
void encode(std::string& out, const Ack&);
void encode(std::string& out, const Credit&);
void encode(std::string& out, const Cancel&);
void encode(std::string& out, const Drain&);
void encode(std::string& out, const Ping&);
void encode(std::string& out, const Pong&);
void encode(std::string& out, const Log&);
void encode(std::string& out, const Bye&);

// One frame → its value. Errors (`frame_malformed`) name the rule that was broken. Reasons are cut at 4 KiB.
Result<Message> parse(const Frame& frame);

}  // namespace triggerd::wire
