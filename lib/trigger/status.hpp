// How a trigger stands, as a value that travels from its loop to the control loop: /api, /readyz and metrics
// show it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "dispatch/durations.hpp"
#include "kafka/consumer.hpp"
#include "payload/presenter.hpp"
#include "pipeline/stats.hpp"
#include "worker/pool.hpp"

namespace triggerd::trigger {

enum class State { starting, running, failing, draining, stopped };
const char* name(State state);

struct PartitionReport {
  pipeline::PartitionStatus status;
  std::optional<Offset> end;        // one past the last record, as last fetched
  std::optional<std::int64_t> lag;  // records; absent while the end is not known
};

struct Status {
  std::string trigger;
  std::string group;
  std::vector<std::string> topics;
  State state = State::starting;
  bool joined = false;                                // the group has answered, if only with no partition
  std::string last_error;                             // of the connection; empty while it works
  std::uint64_t assigned = 0, revoked = 0, lost = 0;  // rebalances so far
  std::uint64_t bound = 0;                            // the in-flight limit
  TimePoint at{};
  pipeline::Stats stats;
  payload::PresenterStats presented = {};
  Duration busy{};                  // that workers had something to do, added up since the trigger began
  dispatch::Durations batch_times;  // from sending a batch to its last answer
  Duration silent{};                // the longest that a worker which has work has said nothing
  std::uint32_t concurrency = 1;    // records one worker takes at once
  worker::PoolStats pool;
  std::vector<PartitionReport> partitions;
  std::vector<std::string> unread;  // partitions that are ours and not read, with the reason
};

// What the pipeline knows of its partitions, with their ends as the consumer has seen them.
std::vector<PartitionReport> partition_reports(std::vector<pipeline::PartitionStatus> partitions,
                                               const std::vector<kafka::PartitionSample>& samples);

// Why the trigger is not ready to work, each in one sentence; empty: it is.
std::vector<std::string> not_ready(const Status& status);

// The members of /api/triggers/NAME; scale_json.hpp has more of them.
boost::json::object to_json(const Status& status);

}  // namespace triggerd::trigger
