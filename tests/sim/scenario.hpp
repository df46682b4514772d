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
  bool poison = false;              // its handler ends the worker, always
  enum class Wish { none, dead_letter, drop } wish = Wish::none;  // what its handler answers
  bool given_up = false;  // dropped, skipped, or in the dead-letter topic
  std::uint64_t bytes() const { return (key == 0 ? 0 : key_text.size()) + value.size(); }
};

// It names the record as settled beyond its base.
bool says(const checkpoint::Progress& progress, const LogRecord& record);

// One partition as the broker has it.
struct Log {
  TopicPartition source;
  std::vector<LogRecord> records;
  std::int64_t tail = 0;            // offsets behind the last record: a transaction's end
  std::size_t produced = 0;         // records that exist so far
  std::optional<Offset> committed;  // by the group
  std::string metadata;             // of that commit
  checkpoint::Progress progress;    // what it says; with the journal it names, if this daemon has that

  // Whoever starts from the commit does not handle it again.
  bool done(const LogRecord& record) const;

  // The first record at or beyond the offset.
  std::size_t index_of(Offset offset) const;
  // One past the last record there will be.
  Offset end() const { return Offset{records.empty() ? 0 : records.back().offset + 1}; }
};

struct Scenario {
  std::uint64_t seed = 0;
  Weather weather = Weather::calm;
  pipeline::Policy policy;
  std::vector<Log> logs;
  std::uint32_t workers = 1;
  std::uint32_t concurrency = 1;
  wire::Window window;
  Duration trouble = {};  // from the start: how long things go wrong
  Duration slowest = {};  // attempt
  std::uint32_t rebalances = 0;
  bool operator_skips = false;  // blocked records, after a while
  std::uint32_t roughness = 1;  // how much more often things go wrong than usual
  enum class Restart { none, drain, kill } restart = Restart::none;

  bool calm() const { return weather == Weather::calm; }
  bool stormy() const { return weather == Weather::stormy; }
  bool many() const { return policy.batch.cardinality == config::BatchPolicy::Cardinality::many; }
};

// The number of a record's lane within its partition (PROTOCOL.md §9).
std::uint64_t lane_of(config::Ordering ordering, const LogRecord& record, std::size_t index);

Scenario make_scenario(std::uint64_t seed, Random& random);
// One line that says what the seed plays.
std::string describe(const Scenario& scenario);

}  // namespace triggerd::sim
