// The event loop of a test, run by the test itself, and its janitor.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/log.hpp"
#include "kafka/janitor.hpp"

namespace triggerd::testing {

using namespace std::chrono_literals;

// What librdkafka says of brokers that a test stops is not news.
inline const bool quiet = (log::configure(log::Level::off, log::Format::logfmt), true);

class Loop {
 public:
  boost::asio::io_context& context() { return context_; }
  kafka::Janitor& janitor() { return *janitor_; }
  // Runs the loop until `done`; false at the deadline.
  bool until(const std::function<bool()>& done, std::chrono::milliseconds patience = 60s) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= 0s) return false;
      context_.restart();
      context_.run_one_for(std::min<std::chrono::steady_clock::duration>(left, 20ms));
    }
    return true;
  }
  // For what must not happen.
  void run_for(std::chrono::milliseconds time) {
    until([] { return false; }, time);
  }
  void end_janitor() { janitor_.reset(); }

 private:
  boost::asio::io_context context_{1};
  std::unique_ptr<kafka::Janitor> janitor_ = std::make_unique<kafka::Janitor>();
};

}  // namespace triggerd::testing
