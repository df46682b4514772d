// The fleet as a value: what a fleet file says once it has been read, defaulted and checked. Pure data.
//
// Names follow function.json's spelling in the file (maxBatchSize) and ours in C++ (max_batch_size). A module
// is handed its own slice (RetryPolicy, WorkerSpec, …), never the Fleet. config/README.md lists the keys.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "config/connection.hpp"
#include "config/secret.hpp"
#include "config/worker.hpp"

namespace triggerd::config {

// Where a value stood, for messages: 1-based; line 0 means a default.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;
  bool operator==(const Position&) const = default;
};

// Where a partition without a commit begins.
struct StartFrom {
  enum class Kind { earliest, latest, error, time };
  Kind kind = Kind::earliest;
  WallMillis time = 0;  // with Kind::time
  bool operator==(const StartFrom&) const = default;
};

// How records become invocations.
struct BatchPolicy {
  enum class Cardinality { one, many };
  enum class DataType { string, binary };
  enum class Payload { native, azure };
  enum class KeyDataType { string, integer, long_integer, binary };
  Cardinality cardinality = Cardinality::one;
  DataType data_type = DataType::string;
  std::uint32_t max_batch_size = 64;        // records in one invocation of a `many` handler; 1 … 1,000,000
  std::uint64_t max_batch_bytes = 4 << 20;  // of keys, values and headers; a larger record travels alone
  Duration max_batch_wait{};                // 0: send what is there
  Payload payload = Payload::native;        // azure: as an app of Azure Functions is given records
  KeyDataType key_data_type = KeyDataType::string;  // with Payload::azure
  bool operator==(const BatchPolicy&) const = default;
};

enum class Ordering { partition, key, none };

// What the daemon may hold for one trigger.
struct Limits {
  std::uint32_t max_in_flight = 4000;  // records delivered to workers and not yet covered by a commit
  std::uint64_t max_in_flight_bytes = 64ull << 20;  // bytes of records held, read or delivered, not settled
  Duration revoke_timeout = std::chrono::seconds(10);
  std::uint64_t max_span = 100'000;  // records from committed to position, per partition; 1,000 … 100,000,000
  std::uint32_t max_records_per_second = 0;  // given to handlers; 0: as fast as they go
  bool operator==(const Limits&) const = default;
};

// function.json's `retry`, executed by the daemon. Without one: exponentialBackoff, for ever.
struct RetryPolicy {
  enum class Strategy { fixed_delay, exponential_backoff };
  Strategy strategy = Strategy::exponential_backoff;
  std::int64_t max_retry_count = -1;                  // retries after the first attempt; -1: for ever
  Duration delay_interval = std::chrono::seconds(1);  // fixedDelay
  Duration minimum_interval = std::chrono::milliseconds(200);  // exponentialBackoff
  Duration maximum_interval = std::chrono::minutes(1);         // exponentialBackoff
  bool operator==(const RetryPolicy&) const = default;
};

// What happens to a record whose retries are used up. block: its lane stands until someone acts.
struct FailurePolicy {
  enum class Kind { block, drop, dead_letter };
  Kind kind = Kind::block;
  std::string dead_letter_topic;  // with dead_letter, on the trigger's own cluster
  Duration alarm_after =
      std::chrono::seconds(60);  // a lane that has stood so long is told of: log, metric, /readyz
  bool operator==(const FailurePolicy&) const = default;
};

// How many instances (VMs with this fleet file) the work asks for. KEDA's names, where it has one.
struct ScalePolicy {
  enum class Mode { lag, rate } mode = Mode::lag;        // what the number is made of, besides target_lag
  std::int64_t lag_threshold = 1'000;                    // records of lag that one instance is for; 1 …
  std::int64_t activation_lag_threshold = 0;             // above it there is work
  std::uint32_t min_instances = 1, max_instances = 100;  // min 0: none at all while there is no work; max 1 …
  std::optional<Duration> target_lag = {};               // the oldest unsettled record should not be older
  Duration drain_target = std::chrono::minutes(5);       // with Mode::rate: the backlog is to be gone by then
  bool exclude_persistent_lag = true;                    // a partition that stands still asks for no instance
  Duration stuck_after = std::chrono::seconds(60);  // … once it has stood so long (or 3 × the handler's p99)
  bool limit_to_partitions_with_lag = false;        // the cap: those, in place of all partitions
  bool allow_idle_consumers = false;                // no cap by partitions
  bool even_distribution = false;                   // the fewest with as many partitions each
  Duration scale_down_window = std::chrono::minutes(5);  // down only to the most asked for within it
  Duration cooldown = std::chrono::minutes(5);           // without work for so long before there are none
  bool operator==(const ScalePolicy&) const = default;
};

struct Trigger {
  std::string name;
  Position position;
  std::string cluster;  // empty where the trigger carries the connection itself
  Connection connection;
  std::vector<std::string> topics;  // names, or a whole-name regex written `^…`
  std::string consumer_group;
  std::string group_instance_id;  // `group.instance.id`, unique per VM; empty: a dynamic member
  StartFrom start_from;
  BatchPolicy batch;
  Ordering ordering = Ordering::partition;
  Limits limits;
  RetryPolicy retry;
  FailurePolicy on_failure;
  WorkerSpec worker;
  ScalePolicy scale = {};
  bool operator==(const Trigger&) const = default;
};

struct Admin {
  // An address and a port (0: any free one, logged as admin_listening), or the path of a Unix socket.
  struct Listener {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7071;
    std::string path;  // empty: host and port
    bool operator==(const Listener&) const = default;
  };
  std::vector<Listener> listen = {{}};
  Secret key;  // of /admin/host and of what is asked; empty: none
  // With them every address speaks TLS, a Unix socket none. What is not loopback needs them, and the key.
  std::string ssl_certificate_location, ssl_key_location;
  std::string ssl_ca_location;  // clients show a certificate of this CA; empty: none is asked for
  // /admin/host/scale/status, by the original's names: whether it answers, and with targets or with votes.
  bool scale_monitoring = true;
  bool target_based_scaling = true;
  bool operator==(const Admin&) const = default;
};

struct LogPolicy {
  enum class Level { debug, info, warn, error };
  enum class Format { logfmt, json };
  Level level = Level::info;
  Format format = Format::logfmt;
  bool operator==(const LogPolicy&) const = default;
};

struct Fleet {
  Admin admin;
  LogPolicy log;
  Duration drain_timeout = std::chrono::seconds(60);  // SIGTERM: how long running attempts may go on
  std::uint64_t max_in_flight_bytes = 0;  // held by all triggers together; 0: each has its own limit only
  Duration lag_interval = std::chrono::seconds(5);  // between looks at the groups' lag; 1 s … 5 min
  std::string state_directory;  // journals of work done beyond a gap; else $STATE_DIRECTORY; empty: none
  std::map<std::string, Connection> clusters;
  std::vector<Trigger> triggers;  // sorted by name
  bool operator==(const Fleet&) const = default;
};

}  // namespace triggerd::config
