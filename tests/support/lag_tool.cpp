// The lag source against a real broker, for tests: lag_tool BROKERS TIMEOUT_MS GROUP...
//
// GROUP is JSON: {"trigger":…,"group":…,"topics":[…],"start":"earliest"|"latest"|"error"|ms,
// "committed":bool,"owned":[{"topic":…,"partition":n,"committed":n|null,"begun":n}…]}. A line on stdin begins
// a refresh; answered by one JSON line:
// {"refresh":{…},"triggers":{NAME:{"taken":bool,"complete":…,"errors":…,
// "members":…,"partitions":{"topic[0]":{…}}}}}. It ends at the end of stdin.
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/json.hpp>
#include <unistd.h>

#include "base/log.hpp"
#include "kafka/janitor.hpp"
#include "kafka/lag_source.hpp"

namespace triggerd::testing {
namespace {

namespace json = boost::json;
using Kind = config::StartFrom::Kind;

json::value of(const std::optional<Offset>& offset) {
  return offset ? json::value(offset->value) : json::value(nullptr);
}

const char* text(lag::Owner owner) {
  switch (owner) {
    case lag::Owner::unknown: return "unknown";
    case lag::Owner::nobody: return "nobody";
    case lag::Owner::us: return "us";
    case lag::Owner::other: break;
  }
  return "other";
}

json::object line_of(const lag::Snapshot& snapshot) {
  json::object partitions;
  for (const lag::PartitionLag& p : snapshot.partitions) {
    partitions[to_string(p.source)] = {
        {"start", of(p.start)},
        {"end", of(p.end)},
        {"committed", of(p.committed)},
        {"base", of(p.base)},
        {"lag", p.lag ? json::value(*p.lag) : json::value(nullptr)},
        {"behind",
         p.behind ? json::value(std::chrono::duration<double>(*p.behind).count()) : json::value(nullptr)},
        {"failed", p.failed},
        {"owner", text(p.owner)}};
  }
  return {{"taken", snapshot.taken.has_value()},
          {"complete", snapshot.complete},
          {"errors", json::value_from(snapshot.errors)},
          {"members", snapshot.members ? json::value(*snapshot.members) : json::value(nullptr)},
          {"partitions", std::move(partitions)}};
}

json::object line_of(const kafka::LagRefresh& refresh) {
  json::object anomalies;
  for (const auto& [trigger, counts] : refresh.anomalies) {
    anomalies[trigger] = {{"commit_beyond_end", counts.commit_beyond_end},
                          {"topic_recreated", counts.topic_recreated}};
  }
  return {{"took", std::chrono::duration<double>(refresh.took).count()},
          {"requests", json::value_from(refresh.requests)},
          {"errors", json::value_from(refresh.errors)},
          {"timed_out", refresh.timed_out},
          {"unreachable", refresh.unreachable},
          {"anomalies", std::move(anomalies)}};
}

void add(kafka::LagSource& source, const json::object& from) {
  kafka::LagGroup group;
  group.trigger = json::value_to<std::string>(from.at("trigger"));
  group.group = json::value_to<std::string>(from.at("group"));
  group.topics = json::value_to<std::vector<std::string>>(from.at("topics"));
  const json::value& start = from.at("start");
  if (start.is_int64()) {
    group.start_from = {Kind::time, start.as_int64()};
  } else {
    group.start_from = {start == "latest"  ? Kind::latest
                        : start == "error" ? Kind::error
                                           : Kind::earliest,
                        0};
  }
  group.read_committed = from.at("committed").as_bool();
  std::vector<lag::Owned> owned;
  for (const json::value& one : from.at("owned").as_array()) {
    const json::object& o = one.as_object();
    const Offset begun{o.at("begun").as_int64()};
    lag::Owned partition{{Topic(json::value_to<std::string>(o.at("topic"))),
                          Partition{static_cast<std::int32_t>(o.at("partition").as_int64())}},
                         std::nullopt,
                         begun,
                         begun,
                         std::nullopt};
    if (o.at("committed").is_int64()) partition.committed = Offset{o.at("committed").as_int64()};
    owned.push_back(std::move(partition));
  }
  const std::string trigger = group.trigger;
  source.add(std::move(group));
  source.own(trigger, std::move(owned));
}

class Lines {
 public:
  Lines(boost::asio::io_context& loop, std::function<void(bool)> line)
      : input_(loop, ::dup(STDIN_FILENO)), line_(std::move(line)) {}
  void next() {
    boost::asio::async_read_until(input_, buffer_, '\n', [this](const auto& error, std::size_t size) {
      buffer_.consume(size);
      line_(!error);
    });
  }

 private:
  boost::asio::posix::stream_descriptor input_;
  boost::asio::streambuf buffer_;
  std::function<void(bool)> line_;
};

int run(const std::vector<std::string>& args) {
  log::configure(log::Level::off, log::Format::logfmt);  // what librdkafka says of a broker that is stopped
  boost::asio::io_context loop{1};
  kafka::Janitor janitor;
  kafka::LagSourceSpec spec;
  spec.connection.broker_list = args.at(0);
  spec.name = "lag-tool";
  spec.interval = std::chrono::hours(24);
  spec.timeout = std::chrono::milliseconds(std::stoll(args.at(1)));
  json::object triggers;
  std::unique_ptr<kafka::LagSource> source;
  bool started = false;
  Lines lines(loop, [&](bool more) {
    if (!more) return source->close();
    started ? source->refresh_now() : source->start();
    started = true;
  });
  source = std::make_unique<kafka::LagSource>(
      loop, janitor, spec,
      kafka::LagSource::Sink{
          [&](const lag::Snapshot& snapshot) { triggers[snapshot.trigger] = line_of(snapshot); },
          [&](const kafka::LagRefresh& refresh) {
            std::cout << json::object{{"refresh", line_of(refresh)},
                                      {"triggers", std::exchange(triggers, {})}}
                      << std::endl;
            lines.next();
          },
          [] {}});
  for (std::size_t i = 2; i < args.size(); ++i) add(*source, json::parse(args[i]).as_object());
  lines.next();
  loop.run();
  return 0;
}

}  // namespace
}  // namespace triggerd::testing

int main(int argc, char** argv) {
  try {
    return triggerd::testing::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
