// A Kafka cluster inside this process (librdkafka's mock), with a producer of weather reports on it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"

namespace triggerd::daemon {

inline constexpr char kDemoTopic[] = "weather";
inline constexpr int kDemoPartitions = 4;
inline constexpr int kDemoBrokers = 3;

class DemoCluster {
 public:
  static Result<std::unique_ptr<DemoCluster>> start();
  ~DemoCluster();
  DemoCluster(const DemoCluster&) = delete;
  DemoCluster& operator=(const DemoCluster&) = delete;

  const std::string& bootstrap() const { return bootstrap_; }
  // Begins producing on a thread of its own. The mock keeps 5 MiB or 100,000 records a partition and forgets
  // the rest, so the rate must stay one that a worker follows.
  void produce(int records_per_second);
  void stop_producing();
  std::uint64_t produced() const { return produced_; }

 private:
  DemoCluster() = default;
  void produce_loop(int records_per_second);
  void produce_one(std::uint64_t number);

  struct Client;
  std::unique_ptr<Client> client_;
  std::string bootstrap_;
  std::atomic<std::uint64_t> produced_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace triggerd::daemon
