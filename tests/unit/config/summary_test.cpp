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
  const World world{{{"secret", "hunter2"}}, {{"SECRET", "hunter2"}}};
  const Loaded loaded = load_text(
      "clusters:\n"
      "  main:\n"
      "    brokerList: k:1\n"
      "    protocol: saslSsl\n"
      "    authenticationMode: plain\n"
      "    username: u\n"
      "    password: ${file:secret}\n"
      "    kafka: {ssl.key.pem: '${file:secret}', ssl.certificate.pem: hunter2}\n"
      "    sslKeyPassword: hunter2\n"
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
  EXPECT_EQ(line_of(*loaded.fleet, "worker"), "w --token=${env:SECRET}");
  EXPECT_EQ(line_of(*loaded.fleet, "cluster"),
            "main (k:1), saslSsl, plain; set: ssl.certificate.pem, ssl.key.pem");
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
           {{Strategy::exponential_backoff, 5, s(1), s(2), s(30)},
            "after 2s, doubling up to 30s, 5 times; then the partition is blocked"},
           {{Strategy::fixed_delay, 1, s(10), s(1), s(1)},
            "every 10s, 1 time; then the partition is blocked"},
           {{Strategy::fixed_delay, 0, s(10), s(1), s(1)}, "never; then the partition is blocked"}}) {
    Trigger trigger;
    trigger.retry = row.retry;
    EXPECT_EQ(line_of(one(trigger), "retry"), row.text);
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
  EXPECT_EQ(summary(fleet), "0 triggers; admin on 127.0.0.1:7071; log info as logfmt; drain within 1m\n");
  fleet.admin = {"::1", 0};
  fleet.log = {LogPolicy::Level::error, LogPolicy::Format::json};
  EXPECT_EQ(summary(fleet), "0 triggers; admin on [::1]:0; log error as json; drain within 1m\n");
}

}  // namespace
}  // namespace triggerd::config
