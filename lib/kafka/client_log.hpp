// What a librdkafka client says of itself, as lines of our log. Thread: any; librdkafka's threads call it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "kafka/handle.hpp"

namespace triggerd::kafka {

// librdkafka repeats itself while a broker is down. A few lines of a facility in a while are enough. Pure.
class RepeatFilter {
 public:
  using Clock = std::chrono::steady_clock;
  // nullopt: leave this line out. Otherwise how many of the facility were left out before it.
  std::optional<std::uint64_t> admit(const std::string& facility, Clock::time_point now);

 private:
  struct Window {
    Clock::time_point begin{};
    std::uint32_t written = 0;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Window> windows_;
};

class ClientLog {
 public:
  explicit ClientLog(std::string trigger) : trigger_(std::move(trigger)) {}
  ClientLog(const ClientLog&) = delete;
  ClientLog& operator=(const ClientLog&) = delete;

  // A client of this configuration, with events of these kinds (RD_KAFKA_EVENT_…). It writes here: we outlive
  // it. Its opaque is ours. Connects nothing yet: its threads do that.
  Result<rd_kafka_t*> make_client(rd_kafka_type_t type, int events, Conf conf);

 private:
  static void take_line(const rd_kafka_t* client, int level, const char* facility, const char* text);
  void write(int level, const std::string& facility, const char* text);

  const std::string trigger_;
  std::mutex mutex_;
  RepeatFilter repeats_;
};

}  // namespace triggerd::kafka
