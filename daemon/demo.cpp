#include "daemon/demo.hpp"

#include <chrono>
#include <cstdio>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "daemon/app.hpp"
#include "daemon/demo_cluster.hpp"
#include "daemon/demo_screen.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/install_paths.hpp"

namespace triggerd::daemon {
namespace {

constexpr auto kLineInterval = std::chrono::seconds(1);
// After the last record is produced: how long the end waits for it to be settled.
constexpr double kTailSeconds = 5;

config::Fleet demo_fleet(const std::string& bootstrap, const std::string& handler) {
  config::Trigger trigger;
  trigger.name = "weather";
  trigger.connection.broker_list = bootstrap;
  // The mock answers a fetch only when this has passed, even where it has records.
  trigger.connection.kafka["fetch.wait.max.ms"] = "20";
  trigger.topics = {kDemoTopic};
  trigger.consumer_group = "triggerd-demo";
  trigger.batch.cardinality = config::BatchPolicy::Cardinality::one;
  trigger.retry.minimum_interval = std::chrono::milliseconds(50);
  trigger.retry.maximum_interval = std::chrono::seconds(1);
  trigger.worker.command = {"python3", "-m", "triggerd", handler};
  config::Fleet fleet;
  fleet.admin.listen.front().port = 0;
  fleet.drain_timeout = std::chrono::seconds(10);
  fleet.triggers.push_back(std::move(trigger));
  return fleet;
}

// Watches one trigger's status and prints a line a second.
class Watch {
 public:
  Watch(const DemoOptions& options, DemoCluster& cluster) : options_(options), cluster_(cluster) {}

  void attach(App& app) { app_ = &app; }
  void begin(boost::asio::io_context& control) {
    begun_ = std::chrono::steady_clock::now();
    cluster_.produce(options_.rate);
    timer_ = std::make_unique<boost::asio::steady_timer>(control);
    std::printf("%s", demo_head().c_str());
    tick();
  }
  void took(const trigger::Status& status) { status_ = status; }
  DemoSample sample() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun_;
    return {elapsed.count(), cluster_.produced(), status_};
  }

 private:
  bool over(const DemoSample& now) const {
    if (options_.seconds <= 0 || now.seconds < options_.seconds) return false;
    return now.status.stats.settled_ok >= now.produced || now.seconds >= options_.seconds + kTailSeconds;
  }
  void tick() {
    timer_->expires_at(begun_ + ++ticks_ * kLineInterval);
    timer_->async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      const DemoSample now = sample();
      std::printf("%s", demo_line(before_, now).c_str());
      std::fflush(stdout);
      before_ = now;
      if (options_.seconds > 0 && now.seconds >= options_.seconds) cluster_.stop_producing();
      if (over(now)) {
        app_->stop("--for has passed");
        return;
      }
      tick();
    });
  }

  const DemoOptions& options_;
  DemoCluster& cluster_;
  App* app_ = nullptr;
  std::unique_ptr<boost::asio::steady_timer> timer_;
  std::chrono::steady_clock::time_point begun_{};
  int ticks_ = 0;
  trigger::Status status_;
  DemoSample before_;
};

}  // namespace

int run_demo(const DemoOptions& options) {
  log::configure(options.verbose ? log::Level::info : log::Level::error, log::Format::logfmt);
  auto cluster = DemoCluster::start();
  if (!cluster) {
    std::fprintf(stderr, "triggerd demo: %s\n", cluster.error().message.c_str());
    return kSoftware;
  }
  const std::string handler = share_directory() + "/samples/demo.py";
  std::printf("A mock Kafka cluster runs in this process: %d brokers, topic \"%s\" with %d partitions.\n",
              kDemoBrokers, kDemoTopic, kDemoPartitions);
  std::printf(
      "A producer writes %d records a second; a Python worker handles them, and fails now and then:\n  %s\n",
      options.rate, handler.c_str());
  if (options.seconds > 0) {
    std::printf("It ends after %.0f s.\n\n", options.seconds);
  } else {
    std::printf("Ctrl-C ends it.\n\n");
  }

  Watch watch(options, **cluster);
  AppHooks hooks;
  hooks.started = [&watch](boost::asio::io_context& control) { watch.begin(control); };
  hooks.status = [&watch](const trigger::Status& status) { watch.took(status); };
  App app(demo_fleet((*cluster)->bootstrap(), handler), std::move(hooks));
  watch.attach(app);
  const int code = app.run();
  (*cluster)->stop_producing();
  std::printf("\n%s", demo_summary(watch.sample()).c_str());
  return code;
}

}  // namespace triggerd::daemon
