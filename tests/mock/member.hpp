// A kafka::Consumer under test, and what it told. All members of a test run on its one loop, in its thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kafka/consumer.hpp"
#include "mock/loop.hpp"

namespace triggerd::testing {

using namespace std::chrono_literals;
struct SeenRecord {
  TopicPartition source;
  std::int64_t offset = 0, timestamp = 0;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

inline TopicPartition source(const std::string& topic, std::int32_t partition) {
  return {Topic(topic), Partition{partition}};
}

class Member {
 public:
  Member(Loop& loop, kafka::ConsumerSpec spec) : loop_(loop) {
    kafka::Consumer::Sink sink;
    sink.event = [this](const pipeline::Event& event) {
      std::visit([this](const auto& e) { take(e); }, event);
    };
    sink.error = [this](const kafka::ConsumerError& error) { errors.push_back(error); };
    sink.closed = [this] {
      closed = true;
      commits_when_closed = commits.size();
    };
    consumer = std::make_unique<kafka::Consumer>(loop.context(), loop.janitor(), std::move(spec), sink);
  }
  ~Member() { close(); }

  void close() {
    if (!consumer) return;
    consumer->close();
    EXPECT_TRUE(loop_.until([this] { return closed; }));
    consumer.reset();
  }
  std::vector<std::string> values() const {
    std::vector<std::string> out;
    for (const SeenRecord& r : records) out.push_back(r.value.value_or("null"));
    return out;
  }
  bool has_error(const std::string& code) const {
    return std::ranges::any_of(errors, [&code](const auto& e) { return e.code == code; });
  }

  std::unique_ptr<kafka::Consumer> consumer;
  bool finish_revokes = true;  // at once; else the test does
  std::map<TopicPartition, pipeline::PartitionStart> owned;
  std::vector<pipeline::Assigned> assigned;
  std::vector<pipeline::Revoked> revoked;
  std::vector<pipeline::CommitDone> commits;
  std::vector<SeenRecord> records;
  std::vector<kafka::ConsumerError> errors;
  std::size_t runs = 0;
  bool closed = false;
  std::size_t commits_when_closed = 0;
  std::function<void()> on_records = [] {};

 private:
  void take(const pipeline::Assigned& event) {
    assigned.push_back(event);
    for (const auto& p : event.partitions) {
      EXPECT_TRUE(owned.emplace(p.source, p).second) << "assigned twice: " << to_string(p.source);
    }
  }
  void take(const pipeline::Revoked& event) {
    revoked.push_back(event);
    for (const auto& p : event.partitions) EXPECT_EQ(owned.erase(p), 1U) << to_string(p);
    if (finish_revokes) consumer->finish_revoke(event.partitions);
  }
  void take(const pipeline::CommitDone& event) { commits.push_back(event); }
  void take(const pipeline::Records& event) {
    ++runs;
    EXPECT_TRUE(owned.contains(event.source)) << "a record of " << to_string(event.source);
    for (const wire::RecordView& r : event.records) {
      SeenRecord seen{event.source, r.offset.value, r.timestamp, {}, {}, {}};
      if (r.key) seen.key = std::string(*r.key);
      if (r.value) seen.value = std::string(*r.value);
      for (const auto& h : r.headers) {
        seen.headers.emplace_back(h.name, h.value ? std::optional(std::string(*h.value)) : std::nullopt);
      }
      records.push_back(std::move(seen));
    }
    on_records();
  }
  template <typename Other>
  void take(const Other&) {
    ADD_FAILURE() << "not an event of a consumer";
  }

  Loop& loop_;
};

}  // namespace triggerd::testing
