#include "daemon/demo_cluster.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace triggerd::daemon {
namespace {

constexpr std::array<std::string_view, 8> kCities{"Bergen", "Cusco", "Dakar", "Hanoi",
                                                  "Izmir",  "Lagos", "Oulu",  "Quito"};
constexpr auto kTurn = std::chrono::milliseconds(20);

}  // namespace

struct DemoCluster::Client {
  rd_kafka_t* producer = nullptr;
  ~Client() {
    if (producer != nullptr) rd_kafka_destroy(producer);
  }
};

Result<std::unique_ptr<DemoCluster>> DemoCluster::start() {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const std::string brokers = std::to_string(kDemoBrokers);
  rd_kafka_conf_set(conf, "test.mock.num.brokers", brokers.c_str(), nullptr, 0);
  rd_kafka_conf_set(conf, "linger.ms", "2", nullptr, 0);
  rd_kafka_conf_set(conf, "log_level", "2", nullptr, 0);  // that it is a mock is no warning here
  std::unique_ptr<DemoCluster> cluster(new DemoCluster);
  cluster->client_ = std::make_unique<Client>();
  cluster->client_->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (cluster->client_->producer == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Error{"mock_failed", std::string("the mock cluster does not start: ") + error};
  }
  rd_kafka_mock_cluster_t* mock = rd_kafka_handle_mock_cluster(cluster->client_->producer);
  rd_kafka_mock_topic_create(mock, kDemoTopic, kDemoPartitions, 1);
  rd_kafka_mock_group_initial_rebalance_delay_ms(mock, 0);
  // It begins without one, and the lag source asks the controller.
  rd_kafka_mock_set_controller_id(mock, 1);
  cluster->bootstrap_ = rd_kafka_mock_cluster_bootstraps(mock);
  return cluster;
}

DemoCluster::~DemoCluster() { stop_producing(); }

void DemoCluster::produce(int records_per_second) {
  thread_ = std::thread([this, records_per_second] { produce_loop(records_per_second); });
}

void DemoCluster::stop_producing() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DemoCluster::produce_loop(int records_per_second) {
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t number = 0;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kTurn, [this] { return stopping_; })) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    const auto due = static_cast<std::uint64_t>(elapsed.count() * records_per_second);
    while (number < due) produce_one(number++);
    rd_kafka_poll(client_->producer, 0);
  }
}

void DemoCluster::produce_one(std::uint64_t number) {
  const std::string_view city = kCities[number * 7 % kCities.size()];
  char value[128];
  const int length = std::snprintf(value, sizeof value, R"({"reading":%llu,"city":"%.*s","celsius":%.1f})",
                                   static_cast<unsigned long long>(number), static_cast<int>(city.size()),
                                   city.data(), static_cast<double>(number * 37 % 400) / 10.0 - 5.0);
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client_->producer, RD_KAFKA_V_TOPIC(kDemoTopic), RD_KAFKA_V_KEY(city.data(), city.size()),
      RD_KAFKA_V_VALUE(value, static_cast<std::size_t>(length)), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) ++produced_;
}

}  // namespace triggerd::daemon
