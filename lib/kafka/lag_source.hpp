// How far behind the triggers of one cluster are: asks the cluster for all of them together, at an interval,
// and hands out what lag::Tracker makes of the answers. Shell. One for each cluster and credentials.
//
// A refresh asks in this order: which topics there are, commits of what we do not own (and who owns it), then
// starts and ends. It is over after the timeout at the latest, with what has been answered, and the next
// never begins before. An error is told with the snapshot it spoils; nothing here gives up.
//
// Thread: the loop it is given. Clients are made and destroyed on the janitor; the list of all topics, which
// blocks, is asked for on a thread of our own, made for the first ^regex.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "config/schema.hpp"
#include "kafka/janitor.hpp"
#include "lag/answers.hpp"
#include "lag/snapshot.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::kafka {

struct LagGroup {
  std::string trigger, group;
  std::vector<std::string> topics;  // names or ^regexes, which match whole names
  config::StartFrom start_from;
  bool read_committed = true;
};

struct LagSourceSpec {
  config::Connection connection;
  std::string name;                             // for client.id and log lines
  Duration interval = std::chrono::seconds(5);  // from begin to begin, give or take 10 %
  unsigned concurrency = 64;                    // questions under way; at least 1
  Duration timeout = std::chrono::seconds(10);  // of a refresh; at least 1 ms
};

// How a refresh went.
struct LagRefresh {
  Duration took{};
  std::map<std::string, std::uint64_t>
      requests;  // by kind: metadata, list_groups, offset_fetch, describe_groups, list_offsets
  std::map<std::string, std::uint64_t> errors;  // requests with an error of this name (librdkafka's)
  bool timed_out = false;                       // it was ended, not all was answered
  bool unreachable = false;                     // no broker has answered anything
  struct Anomalies {                            // since the trigger was added; lag/tracker.hpp
    std::uint64_t commit_beyond_end = 0, topic_recreated = 0;
  };
  std::map<std::string, Anomalies> anomalies;  // by trigger
};

class LagSource {
 public:
  struct Sink {
    std::function<void(lag::Snapshot)> snapshot;  // of each trigger, after each refresh
    std::function<void(const LagRefresh&)> refreshed;
    std::function<void()> closed;  // after close(); nothing follows
  };

  LagSource(boost::asio::io_context& loop, Janitor& janitor, LagSourceSpec spec, Sink sink);
  ~LagSource();  // closed() has come, or start() was never called
  LagSource(const LagSource&) = delete;
  LagSource& operator=(const LagSource&) = delete;

  // The first refresh begins soon, not in this call.
  void start();
  // A trigger of this name that is there is replaced, and what was known of it forgotten. Refreshed soon.
  void add(LagGroup group);
  void remove(const std::string& trigger);
  // All that this daemon owns for the trigger now; counts from the next refresh on.
  void own(const std::string& trigger, std::vector<lag::Owned> owned);
  // From the next refresh on.
  void renew(const config::Connection& connection);
  // Soon, or where a refresh runs, when it is over.
  void refresh_now();
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::kafka
