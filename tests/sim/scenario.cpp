#include "sim/scenario.hpp"

#include <algorithm>

namespace triggerd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Records with holes where compaction or a transaction marker took offsets.
Log make_log(std::uint32_t number, const Scenario& scenario, Random& random) {
  Log log;
  log.source = {Topic(number % 2 == 0 ? "orders" : "returns"),
                Partition{static_cast<std::int32_t>(number / 2)}};
  const std::uint32_t count = random.chance(100) ? random.between(0, 3) : random.between(5, 100);
  const std::uint32_t holes = random.chance(500) ? 0 : random.between(20, 400);
  const std::uint32_t keys = random.between(1, 6);
  const std::uint32_t failing = scenario.calm() ? 0 : random.between(0, 60);
  const bool limited = scenario.policy.retry.max_retry_count >= 0;
  const std::uint32_t poison = scenario.stormy() && limited && random.chance(300) ? random.between(1, 30) : 0;
  const std::uint32_t wishes = !scenario.calm() && random.chance(300) ? random.between(1, 80) : 0;
  std::int64_t offset = random.between(0, 20);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (random.chance(holes)) offset += random.between(1, 9);
    LogRecord record;
    record.offset = offset++;
    record.key = random.between(0, keys);
    record.key_text = "key-" + std::to_string(record.key);
    record.value =
        std::to_string(record.offset) + std::string(random.chance(30) ? 700 : random.between(0, 30), '.');
    if (random.chance(failing))
      record.failures_left = limited && random.chance(300) ? 1000 : random.between(1, 3);
    record.poison = random.chance(poison);
    using Wish = LogRecord::Wish;
    if (random.chance(wishes)) record.wish = random.chance(500) ? Wish::dead_letter : Wish::drop;
    log.records.push_back(std::move(record));
  }
  if (holes > 0) log.tail = random.between(0, 4);
  return log;
}

void choose_batch(config::BatchPolicy& batch, Random& random) {
  using Cardinality = config::BatchPolicy::Cardinality;
  batch.cardinality = random.chance(500) ? Cardinality::one : Cardinality::many;
  batch.max_batch_size = random.chance(100) ? 64 : random.between(1, 16);
  batch.max_batch_bytes = random.chance(500) ? 4 << 20 : random.between(20, 900);
  if (random.chance(300)) batch.max_batch_wait = milliseconds(random.between(1, 300));
}

void choose_retry(config::RetryPolicy& retry, Weather weather, Random& random) {
  using Strategy = config::RetryPolicy::Strategy;
  retry.strategy = random.chance(500) ? Strategy::fixed_delay : Strategy::exponential_backoff;
  retry.delay_interval = milliseconds(random.between(0, 400));
  retry.minimum_interval = milliseconds(random.between(1, 100));
  retry.maximum_interval = retry.minimum_interval + milliseconds(random.between(0, 1000));
  if (weather != Weather::calm && random.chance(300)) retry.max_retry_count = random.between(0, 3);
}

void choose_limits(Scenario& scenario, Random& random) {
  config::Limits& limits = scenario.policy.limits;
  limits.max_in_flight = random.between(1, 40);
  if (random.chance(150)) limits.max_records_per_second = random.between(20, 3000);
  limits.max_in_flight_bytes = random.chance(500) ? 1 << 20 : random.between(100, 3000);
  limits.max_span = random.chance(600) ? 100'000 : limits.max_in_flight + random.between(1, 100);
  limits.revoke_timeout = milliseconds(scenario.stormy() ? random.between(0, 3000) : 10'000);
}

}  // namespace

std::uint64_t lane_of(config::Ordering ordering, const LogRecord& record, std::size_t index) {
  if (ordering == config::Ordering::partition) return 0;
  if (ordering == config::Ordering::key && record.key != 0) return record.key;
  return 1'000'000 + index;
}

bool says(const checkpoint::Progress& progress, const LogRecord& record) {
  return std::ranges::any_of(progress.settled, [&record](const checkpoint::Interval& interval) {
    return record.offset >= interval.first.value && record.offset < interval.end.value;
  });
}

bool Log::done(const LogRecord& record) const {
  if (!committed || record.offset < committed->value) return committed.has_value();
  return says(progress, record);
}

std::size_t Log::index_of(Offset offset) const {
  const auto found =
      std::lower_bound(records.begin(), records.end(), offset.value,
                       [](const LogRecord& record, std::int64_t value) { return record.offset < value; });
  return static_cast<std::size_t>(found - records.begin());
}

Scenario make_scenario(std::uint64_t seed, Random& random) {
  Scenario s;
  s.seed = seed;
  const std::uint32_t weather = random.between(0, 9);
  s.weather = weather < 2 ? Weather::calm : weather < 5 ? Weather::orderly : Weather::stormy;
  choose_batch(s.policy.batch, random);
  choose_retry(s.policy.retry, s.weather, random);
  choose_limits(s, random);
  // Where it is longer than revokeTimeout and its grace, only the revoke's own deadline ends a hung attempt.
  s.policy.attempt_timeout =
      milliseconds(random.chance(300) ? random.between(10'000, 60'000) : random.between(500, 5000));
  s.policy.commit.interval = milliseconds(random.between(0, 200));
  s.policy.read_ahead = random.between(1, 60);
  s.policy.work_ahead =
      random.chance(500) ? dispatch::kAnyWork : Duration(milliseconds(random.between(0, 50)));
  const std::uint32_t order = random.between(0, 2);
  s.policy.ordering = order == 0   ? config::Ordering::partition
                      : order == 1 ? config::Ordering::key
                                   : config::Ordering::none;
  const std::uint32_t failure = random.between(0, 2);
  using Kind = config::FailurePolicy::Kind;
  s.policy.failure.kind = failure == 0 ? Kind::block : failure == 1 ? Kind::drop : Kind::dead_letter;
  s.policy.failure.alarm_after = milliseconds(random.between(1, 3000));
  s.policy.journal = random.chance(500);
  if (random.chance(300)) s.policy.max_metadata_bytes = random.between(70, 110);
  s.operator_skips = random.chance(500);
  s.workers = random.between(1, 4);
  s.concurrency = random.chance(500) ? 1 : random.between(2, 12);
  s.window = random.chance(500) ? wire::Window{65536, 64 << 20}
                                : wire::Window{random.between(1, 40), random.between(1, 2000)};
  s.trouble = milliseconds(random.chance(300) ? random.between(4000, 20'000) : random.between(50, 4000));
  s.slowest = random.chance(700) ? Duration(milliseconds(random.between(0, 40)))
                                 : std::min<Duration>(seconds(4), s.policy.attempt_timeout / 5 * 4);
  if (!s.calm()) s.rebalances = random.chance(300) ? 0 : random.between(1, 8);
  const std::uint32_t restart = s.calm() ? 9 : random.between(0, 9);
  if (restart < 2) s.restart = Scenario::Restart::drain;
  if (restart == 2 && s.stormy()) s.restart = Scenario::Restart::kill;
  s.roughness = random.chance(300) ? random.between(2, 6) : 1;
  const std::uint32_t partitions = random.between(1, 6);
  for (std::uint32_t p = 0; p < partitions; ++p) s.logs.push_back(make_log(p, s, random));
  return s;
}

std::string describe(const Scenario& s) {
  static constexpr const char* kWeather[] = {"calm", "orderly", "stormy"};
  static constexpr const char* kOrdering[] = {"partition", "key", "none"};
  static constexpr const char* kFailure[] = {"block", "drop", "deadLetter"};
  static constexpr const char* kRestart[] = {"none", "drain", "kill"};
  const auto ms = [](Duration d) {
    return std::to_string(std::chrono::duration_cast<milliseconds>(d).count()) + "ms";
  };
  std::size_t records = 0;
  for (const Log& log : s.logs) records += log.records.size();
  return std::string(kWeather[static_cast<int>(s.weather)]) + (s.many() ? " many" : " one") +
         " ordering=" + kOrdering[static_cast<int>(s.policy.ordering)] +
         " partitions=" + std::to_string(s.logs.size()) + " records=" + std::to_string(records) +
         " batch=" + std::to_string(s.policy.batch.max_batch_size) + "/" +
         std::to_string(s.policy.batch.max_batch_bytes) + "B wait=" + ms(s.policy.batch.max_batch_wait) +
         " in_flight=" + std::to_string(s.policy.limits.max_in_flight) + "/" +
         std::to_string(s.policy.limits.max_in_flight_bytes) + "B workers=" + std::to_string(s.workers) +
         "x" + std::to_string(s.concurrency) + " window=" + std::to_string(s.window.records) + "/" +
         std::to_string(s.window.bytes) + "B retries=" + std::to_string(s.policy.retry.max_retry_count) +
         " attempt=" + ms(s.policy.attempt_timeout) + " slowest=" + ms(s.slowest) +
         " revoke=" + ms(s.policy.limits.revoke_timeout) + " rebalances=" + std::to_string(s.rebalances) +
         " restart=" + kRestart[static_cast<int>(s.restart)] +
         " onFailure=" + kFailure[static_cast<int>(s.policy.failure.kind)] +
         (s.operator_skips ? "+skip" : "") + " span=" + std::to_string(s.policy.limits.max_span) +
         " rate=" + std::to_string(s.policy.limits.max_records_per_second) +
         " metadata=" + std::to_string(s.policy.max_metadata_bytes) + (s.policy.journal ? "+journal" : "");
}

}  // namespace triggerd::sim
