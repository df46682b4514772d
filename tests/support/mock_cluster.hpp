// librdkafka's mock cluster in this process, with what a test does to it: topics, records, commits, errors.
//
// Good for groups, commits and injected errors; it answers a look-up by time with "none", and keeps 5 MiB or
// 100,000 records a partition. Thread: one; the calls block.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace triggerd::testing {

// Kafka's numbers of the requests that tests break.
enum class Api : std::int16_t {
  produce = 0,
  list_offsets = 2,
  offset_commit = 8,
  offset_fetch = 9,
  find_coordinator = 10,
  heartbeat = 12,
  init_producer_id = 22
};

struct MockRecord {
  std::optional<std::string> value{};
  std::optional<std::string> key{};
  std::int64_t timestamp = 0;  // 0: now
  std::vector<std::pair<std::string, std::optional<std::string>>> headers{};
};

class MockCluster {
 public:
  explicit MockCluster(int brokers = 1);
  ~MockCluster();
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  const std::string& bootstrap() const { return bootstrap_; }
  void create_topic(const std::string& topic, int partitions);
  // What a client that asks for the topic is told from now on.
  void fail_topic(const std::string& topic, rd_kafka_resp_err_t error);
  // Returns when the records are there.
  void produce(const std::string& topic, std::int32_t partition, const std::vector<MockRecord>& records);
  // "0", "1", … as values.
  void produce_numbers(const std::string& topic, std::int32_t partition, int first, int count);

  void commit(const std::string& group, const std::string& topic, std::int32_t partition,
              std::int64_t offset);
  // -1: no commit.
  std::int64_t committed(const std::string& group, const std::string& topic, std::int32_t partition);

  // The next requests of this kind are answered with these errors.
  void fail_next(Api api, const std::vector<rd_kafka_resp_err_t>& errors);
  void stop_failing(Api api);
  // The next request of this kind is answered only after so long.
  void delay_next(Api api, int milliseconds, std::int32_t broker = 1);
  void set_broker_up(bool up, std::int32_t broker = 1);
  // The broker that clients are told is the controller from now on.
  void set_controller(std::int32_t broker);
  std::int64_t end_offset(const std::string& topic, std::int32_t partition);
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t before);

 private:
  rd_kafka_t* group_client(const std::string& group);
  rd_kafka_t* producer_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::string bootstrap_;
  std::map<std::string, rd_kafka_t*> group_clients_;  // they join nothing; they ask and commit
};

}  // namespace triggerd::testing
