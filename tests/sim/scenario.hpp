// What one seed plays: the trigger's policy, the logs, and how much goes wrong. Everything random about it is
// decided here or by the dice it hands on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/pipeline.hpp"
#include "sim/random.hpp"

namespace triggerd::sim {

enum class Weather {
  calm,     // nothing goes wrong: every record is handled once
  orderly,  // rebalances, restarts, failing attempts; still no record is handled well twice
  stormy,   // crashes, hangs, lost partitions, failing commits, noise
};

struct LogRecord {
  std::int64_t offset = 0;
  std::uint32_t key = 0;  // 0: null
  std::string key_text, value;
  std::uint32_t failures_left = 0;  // attempts that will fail before one goes well
  std::uint32_t handled = 0;        // attempts that went well, over all assignments
  std::uint64_t bytes() const { return (key == 0 ? 0 : key_text.size()) + value.size(); }
};

// One partition as the broker has it.
struct Log {
  TopicPartition source;
  std::vector<LogRecord> records;
  std::size_t produced = 0;         // records that exist so far
  std::optional<Offset> committed;  // by the group

  // The first record at or beyond the offset.
  std::size_t index_of(Offset offset) const;
  // One past the last record there will be.
  Offset end() const { return Offset{records.empty() ? 0 : records.back().offset + 1}; }
};

struct Scenario {
  std::uint64_t seed = 0;
  Weather weather = Weather::calm;
  pipeline::Policy policy;
  config::Ordering ordering = config::Ordering::partition;
  std::vector<Log> logs;
  std::uint32_t workers = 1;
  std::uint32_t concurrency = 1;
  wire::Window window;
  Duration trouble = {};  // from the start: how long things go wrong
  Duration slowest = {};  // attempt
  std::uint32_t rebalances = 0;
  std::uint32_t roughness = 1;  // how much more often things go wrong than usual
  enum class Restart { none, drain, kill } restart = Restart::none;

  bool calm() const { return weather == Weather::calm; }
  bool stormy() const { return weather == Weather::stormy; }
  bool many() const { return policy.batch.cardinality == config::BatchPolicy::Cardinality::many; }
};

Scenario make_scenario(std::uint64_t seed, Random& random);
// One line that says what the seed plays.
std::string describe(const Scenario& scenario);

}  // namespace triggerd::sim
