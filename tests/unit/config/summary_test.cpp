#include "config/summary.hpp"

#include <gtest/gtest.h>

#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

// tests/vectors/config/*.summary are whole texts; these are the lines that vary.
std::string line_of(const Fleet& fleet, const std::string& label) {
  const std::string text = summary(fleet);
  const std::size_t begin = text.find("\n  " + label);
  return begin == std::string::npos ? "" : text.substr(begin + 15, text.find('\n', begin + 1) - begin - 15);
}

Fleet one(Trigger trigger) {
  Fleet fleet;
  fleet.triggers = {std::move(trigger)};
  return fleet;
}

TEST(Summary, NeverShowsASecret) {
  const World world{{{"secret", "hunter2"}, {"both.pem", vector_file("both.pem")}}, {{"SECRET", "hunter2"}}};
  const Loaded loaded = load_text(
      "clusters:\n"
      "  main:\n"
      "    brokerList: k:1\n"
      "    protocol: saslSsl\n"
      "    authenticationMode: plain\n"
      "    username: u\n"
      "    password: ${file:secret}\n"
      "    kafka: {ssl.keystore.password: '${file:secret}', client.rack: hunter2}\n"
      "    sslCertificateandKeyPEM: '${file:both.pem}'\n"
      "triggers:\n"
      "  t:\n"
      "    cluster: main\n"
      "    topic: t\n"
      "    worker:\n"
      "      command: [w, '--token=${env:SECRET}']\n"
      "      env: {TOKEN: hunter2, OTHER: '${file:secret}'}\n",
      world);
  ASSERT_TRUE(loaded.fleet) << lines(loaded.diagnostics);
  EXPECT_EQ(loaded.fleet->triggers[0].worker.command[1], "--token=hunter2");
  const std::string text = summary(*loaded.fleet);
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_EQ(text.find("PRIVATE"), std::string::npos) << text;
  EXPECT_EQ(line_of(*loaded.fleet, "worker"), "w --token=${env:SECRET}");
  EXPECT_EQ(line_of(*loaded.fleet, "cluster"),
            "main (k:1), saslSsl, plain; set: client.rack, ssl.keystore.password");
}

TEST(Summary, Retries) {
  struct Row {
    RetryPolicy retry;
    const char* text;
  };
  using Strategy = RetryPolicy::Strategy;
  const auto s = [](int n) { return Duration(std::chrono::seconds(n)); };
  for (const Row& row : std::vector<Row>{
           {{}, "after 200ms, doubling up to 1m, for ever"},
           {{Strategy::exponential_backoff, 5, s(1), s(2), s(30)}, "after 2s, doubling up to 30s, 5 times"},
           {{Strategy::fixed_delay, 1, s(10), s(1), s(1)}, "every 10s, 1 time"},
           {{Strategy::fixed_delay, 0, s(10), s(1), s(1)}, "never"}}) {
    Trigger trigger;
    trigger.retry = row.retry;
    EXPECT_EQ(line_of(one(trigger), "retry"), row.text);
  }
}

TEST(Summary, Scale) {
  Trigger trigger;
  trigger.scale.max_instances = 1;
  trigger.scale.lag_threshold = 1;
  EXPECT_EQ(line_of(one(trigger), "scale"), "1 to 1 instance, one per 1 record of lag");
  trigger.scale.mode = ScalePolicy::Mode::rate;
  trigger.scale.target_lag = std::chrono::seconds(90);
  EXPECT_EQ(line_of(one(trigger), "scale"),
            "1 to 1 instance, one per 1 record of lag, or by rate with the backlog gone in 5m; "
            "no record older than 90s");
}

TEST(Summary, Failures) {
  using Kind = FailurePolicy::Kind;
  struct Row {
    Ordering ordering;
    FailurePolicy policy;
    const char* text;
  };
  using std::chrono::seconds;
  for (const Row& row : std::vector<Row>{
           {Ordering::partition, {}, "the record holds up its partition; alarm after 1m"},
           {Ordering::key, {Kind::block, "", seconds(1)}, "the record holds up its key; alarm after 1s"},
           {Ordering::none, {}, "the record holds up no other; alarm after 1m"},
           {Ordering::key, {Kind::drop, "", seconds(90)}, "the record is dropped; alarm after 90s"},
           {Ordering::none,
            {Kind::dead_letter, "a.dlq", seconds(60)},
            "the record goes to a.dlq; alarm after 1m"}}) {
    Trigger trigger;
    trigger.ordering = row.ordering;
    trigger.on_failure = row.policy;
    EXPECT_EQ(line_of(one(trigger), "on failure"), row.text);
  }
}

TEST(Summary, Recycling) {
  struct Row {
    std::uint64_t max_requests, max_memory;
    const char* text;
  };
  for (const Row& row : std::vector<Row>{{0, 0, ""},
                                         {1, 0, ", replaced after 1 record"},
                                         {0, 16 << 20, ", replaced above 16MiB"},
                                         {5, 16 << 20, ", replaced after 5 records or above 16MiB"}}) {
    Trigger trigger;
    trigger.worker.max_requests = row.max_requests;
    trigger.worker.max_memory = row.max_memory;
    const std::string text = summary(one(trigger));
    EXPECT_NE(text.find("  1 process, 5m per attempt, 30s to start" + std::string(row.text) + "\n"),
              std::string::npos)
        << text;
  }
}

TEST(Summary, CommandsAreQuotedAsNeeded) {
  Trigger trigger;
  trigger.worker.command = {"sh", "-c", "echo \"a b\"", "", "x"};
  EXPECT_EQ(line_of(one(trigger), "worker"), R"(sh -c "echo \"a b\"" "" x)");
}

TEST(Summary, Starts) {
  struct Row {
    StartFrom start;
    const char* text;
  };
  for (const Row& row : std::vector<Row>{
           {{StartFrom::Kind::latest, 0}, "latest, where the group has no commit"},
           {{StartFrom::Kind::error, 0}, "an error, where the group has no commit"},
           {{StartFrom::Kind::time, 1'000}, "1970-01-01T00:00:01Z, where the group has no commit"}}) {
    Trigger trigger;
    trigger.start_from = row.start;
    EXPECT_EQ(line_of(one(trigger), "start"), row.text);
  }
}

TEST(Summary, TheFirstLineIsTheFleets) {
  Fleet fleet;
  EXPECT_EQ(summary(fleet),
            "0 triggers; admin on 127.0.0.1:7071; log info as logfmt; drain within 1m; no state directory\n");
  fleet.admin.listen = {{"::1", 0, ""}, {"", 0, "/run/a.sock"}};
  fleet.admin.ssl_certificate_location = "/etc/a.pem";
  fleet.log = {LogPolicy::Level::error, LogPolicy::Format::json};
  fleet.max_in_flight_bytes = 3 << 20;
  fleet.state_directory = "/var/lib/triggerd";
  EXPECT_EQ(summary(fleet),
            "0 triggers; admin on [::1]:0 and unix:/run/a.sock with TLS; log error as json; drain within 1m; "
            "3MiB held by all; state in "
            "/var/lib/triggerd\n");
}

}  // namespace
}  // namespace triggerd::config
