#include "kafka/client_log.hpp"

#include <array>

#include <syslog.h>

#include "base/log.hpp"

namespace triggerd::kafka {
namespace {

constexpr auto kWindow = std::chrono::seconds(10);
constexpr std::uint32_t kLinesPerWindow = 3;

log::Level level_of(int syslog_level) {
  if (syslog_level <= LOG_ERR) return log::Level::error;
  if (syslog_level == LOG_WARNING) return log::Level::warn;
  return syslog_level == LOG_DEBUG ? log::Level::debug : log::Level::info;
}

}  // namespace

std::optional<std::uint64_t> RepeatFilter::admit(const std::string& facility, Clock::time_point now) {
  Window& window = windows_[facility];
  if (window.written == 0 || now - window.begin >= kWindow) {
    const std::uint64_t left_out = window.left_out;
    window = {now, 1, 0};
    return left_out;
  }
  if (window.written < kLinesPerWindow) {
    ++window.written;
    return 0;
  }
  ++window.left_out;
  return std::nullopt;
}

Result<rd_kafka_t*> ClientLog::make_client(rd_kafka_type_t type, int events, Conf conf) {
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_log_cb(conf.get(), take_line);
  rd_kafka_conf_set_events(conf.get(), events);
  std::array<char, 512> why{};
  rd_kafka_t* const client = rd_kafka_new(type, conf.get(), why.data(), why.size());
  if (client == nullptr) return Error{"client_refused", why.data()};
  (void)conf.release();  // the client's now
  return client;
}

void ClientLog::take_line(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  static_cast<ClientLog*>(rd_kafka_opaque(client))->write(level, facility, text);
}

void ClientLog::write(int level, const std::string& facility, const char* text) {
  // With `debug: conf` librdkafka prints its whole configuration.
  if (facility == "CONF" || !log::enabled(level_of(level))) return;
  std::optional<std::uint64_t> left_out = 0;
  if (level != LOG_DEBUG) {
    const std::lock_guard lock(mutex_);
    left_out = repeats_.admit(facility, RepeatFilter::Clock::now());
  }
  if (!left_out) return;
  log::write(level_of(level), "librdkafka",
             {{"trigger", trigger_}, {"facility", facility}, {"text", text}, {"left_out_before", *left_out}});
}

}  // namespace triggerd::kafka
