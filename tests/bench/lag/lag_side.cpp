// The daemon's lag side alone, for tests/bench/lag/run: lag source, scaler, metrics and /metrics, as
// daemon/app puts them together, but no consumer: lag_side BROKERS GROUPS INTERVAL_MS
//
// GROUPS is a file: {"NAME":{"group":…,"topics":[…]},…}. It prints {"port":…} and then, for each line on
// stdin, refreshes; with an interval above 0 it does so by itself too. After each refresh it prints
// {"took":s,"complete":triggers,"requests":{…},"errors":{…},"longest_turn":s}: CPU the loop was held in one
// go.
#include <algorithm>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/json.hpp>
#include <unistd.h>

#include "admin/server.hpp"
#include "base/log.hpp"
#include "daemon/metrics_tap.hpp"
#include "kafka/janitor.hpp"
#include "kafka/lag_source.hpp"
#include "scale/scaler.hpp"
#include "trigger/specs.hpp"

namespace triggerd::bench {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;

std::vector<config::Trigger> triggers_of(const std::string& path, const std::string& brokers) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<config::Trigger> triggers;
  const json::value all = json::parse(text);
  for (const auto& [name, value] : all.as_object()) {
    config::Trigger& trigger = triggers.emplace_back();
    trigger.name = name;
    trigger.cluster = "bench";
    trigger.connection.broker_list = brokers;
    trigger.consumer_group = json::value_to<std::string>(value.at("group"));
    trigger.topics = json::value_to<std::vector<std::string>>(value.at("topics"));
  }
  return triggers;
}

// CPU of this thread between two turns of the loop: what else runs on the machine does not count.
class Turns {
 public:
  explicit Turns(asio::io_context& loop) : timer_(loop) {}
  void watch() {
    timer_.expires_after(milliseconds(1));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      const double now = cpu();
      longest_ = std::max(longest_, now - before_);
      before_ = now;
      watch();
    });
  }
  double take() {
    longest_ = std::max(longest_, cpu() - before_);
    return std::exchange(longest_, 0);
  }

 private:
  static double cpu() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  }
  asio::steady_timer timer_;
  double before_ = cpu(), longest_ = 0;
};

class Side {
 public:
  Side(const std::string& brokers, const std::string& groups, milliseconds interval)
      : input_(loop_, ::dup(STDIN_FILENO)), turns_(loop_), triggers_(triggers_of(groups, brokers)) {
    kafka::LagSourceSpec spec;
    spec.connection = triggers_.at(0).connection;
    spec.name = "bench";
    spec.interval = interval.count() > 0 ? interval : std::chrono::hours(24);
    source_ = std::make_unique<kafka::LagSource>(
        loop_, janitor_, spec,
        kafka::LagSource::Sink{[this](lag::Snapshot snapshot) { took(std::move(snapshot)); },
                               [this](const kafka::LagRefresh& refresh) { refreshed(refresh); }, [] {}});
    for (const config::Trigger& trigger : triggers_) {
      tap_.add(trigger, "bench");
      scalers_.try_emplace(trigger.name, trigger.scale, std::chrono::seconds(5));
      source_->add(trigger::lag_group(trigger));
    }
  }

  int run() {
    admin::Options options;
    options.port = 0;
    auto server = admin::Server::start(loop_, options, [this] {
      admin::View view;
      view.metrics = [this] { return tap_.pieces(); };
      return view;
    });
    if (!server) throw std::runtime_error(server.error().message);
    std::cout << json::object{{"port", (*server)->port()}} << std::endl;
    turns_.watch();
    source_->start();
    next();
    loop_.run();
    return 0;
  }

 private:
  void next() {
    asio::async_read_until(input_, buffer_, '\n', [this](const auto& error, std::size_t size) {
      if (error) return loop_.stop();
      buffer_.consume(size);
      source_->refresh_now();
      next();
    });
  }

  void took(lag::Snapshot snapshot) {
    if (snapshot.complete) ++complete_;
    const TimePoint now = std::chrono::steady_clock::now();
    const scale::Decision decision = scalers_.at(snapshot.trigger).decide(snapshot, {}, now);
    tap_.took(trigger::Outlook{std::move(snapshot), decision});
  }

  void refreshed(const kafka::LagRefresh& refresh) {
    tap_.refreshed("bench", refresh);
    std::cout << json::object{{"took", std::chrono::duration<double>(refresh.took).count()},
                              {"complete", std::exchange(complete_, 0)},
                              {"requests", json::value_from(refresh.requests)},
                              {"errors", json::value_from(refresh.errors)},
                              {"longest_turn", turns_.take()}}
              << std::endl;
  }

  asio::io_context loop_{1};
  kafka::Janitor janitor_;
  asio::posix::stream_descriptor input_;
  asio::streambuf buffer_;
  Turns turns_;
  daemon::MetricsTap tap_;
  const std::vector<config::Trigger> triggers_;
  std::map<std::string, scale::Scaler> scalers_;
  std::unique_ptr<kafka::LagSource> source_;
  int complete_ = 0;
};

}  // namespace
}  // namespace triggerd::bench

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> args(argv + 1, argv + argc);
    triggerd::log::configure(triggerd::log::Level::off, triggerd::log::Format::logfmt);
    return triggerd::bench::Side(args.at(0), args.at(1), std::chrono::milliseconds(std::stoll(args.at(2))))
        .run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
