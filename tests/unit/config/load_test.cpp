#include "config/load.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

using namespace std::chrono_literals;

TEST(Load, TheSmallestFleetIsAllDefaults) {
  const Fleet fleet = good(kSmallest);
  Fleet expected;
  expected.clusters["main"].broker_list = "k:1";
  Trigger trigger;
  trigger.name = trigger.consumer_group = "orders";
  trigger.position = {"f.yaml", 4, 3};
  trigger.cluster = "main";
  trigger.connection.broker_list = "k:1";
  trigger.topics = {"orders"};
  trigger.worker.command = trigger.worker.written_command = {"worker"};
  expected.triggers = {trigger};
  EXPECT_EQ(fleet, expected);
}

// The defaults that README.md promises.
TEST(Load, Defaults) {
  const Trigger t = good(kSmallest).triggers.at(0);
  EXPECT_EQ(t.start_from.kind, StartFrom::Kind::earliest);
  EXPECT_EQ(t.batch.cardinality, BatchPolicy::Cardinality::one);
  EXPECT_EQ(t.batch.max_batch_size, 64u);
  EXPECT_EQ(t.batch.max_batch_bytes, 4u << 20);
  EXPECT_EQ(t.batch.max_batch_wait, 0ms);
  EXPECT_EQ(t.limits.max_in_flight, 4'000u);
  EXPECT_EQ(t.limits.max_in_flight_bytes, 64u << 20);
  EXPECT_EQ(t.limits.revoke_timeout, 10s);
  EXPECT_EQ(t.limits.max_span, 100'000u);
  EXPECT_EQ(t.limits.max_records_per_second, 0u);
  EXPECT_EQ(t.ordering, Ordering::partition);
  EXPECT_EQ(t.on_failure, (FailurePolicy{FailurePolicy::Kind::block, "", 60s}));
  EXPECT_EQ(t.group_instance_id, "");
  EXPECT_EQ(t.retry.max_retry_count, -1);
  EXPECT_EQ(t.retry.minimum_interval, 200ms);
  EXPECT_EQ(t.retry.maximum_interval, 1min);
  EXPECT_EQ(t.retry.delay_interval, 1s);
  EXPECT_EQ(t.worker.min_processes, 1u);
  EXPECT_EQ(t.worker.timeout, 5min);
  EXPECT_EQ(t.worker.start_timeout, 30s);
  EXPECT_EQ(t.worker.max_requests, 0u);
  EXPECT_EQ(t.worker.max_memory, 0u);
  const Fleet fleet = good(kSmallest);
  EXPECT_EQ(fleet.admin.listen, (std::vector{Admin::Listener{"127.0.0.1", 7071, ""}}));
  EXPECT_EQ(fleet.drain_timeout, 60s);
  EXPECT_EQ(fleet.log, LogPolicy{});
  EXPECT_EQ(fleet.max_in_flight_bytes, 0u);
  EXPECT_EQ(fleet.state_directory, "");
}

const std::string kEveryKey =
    "admin: {listen: '[::1]:0'}\n"
    "log: {level: debug, format: json}\n"
    "drainTimeout: 5s\n"
    "maxInFlightBytes: 13MiB\n"
    "stateDirectory: state\n"
    "clusters:\n"
    "  main:\n"
    "    brokerList: a:1,b:2\n"
    "    protocol: saslSsl\n"
    "    authenticationMode: scramSha256\n"
    "    username: u\n"
    "    password: ${file:secret}\n"
    "    sslCaLocation: ca.pem\n"
    "    sslCertificateLocation: cert.pem\n"
    "    sslKeyLocation: key.pem\n"
    "    sslKeyPassword: kp\n"
    "    kafka: {client.rack: r, fetch.min.bytes: 5, check.crcs: true}\n"
    "triggers:\n"
    "  t:\n"
    "    cluster: main\n"
    "    topic: [a, ^b.*]\n"
    "    consumerGroup: g\n"
    "    groupInstanceId: g.vm-1\n"
    "    startFrom: 1970-01-01T00:00:01Z\n"
    "    cardinality: many\n    dataType: binary\n    payload: azure\n    keyDataType: long\n"
    "    maxBatchSize: 2\n    maxBatchBytes: 3KiB\n"
    "    maxBatchWait: 4ms\n"
    "    ordering: key\n"
    "    maxInFlight: 5\n"
    "    maxInFlightBytes: 6MiB\n"
    "    maxSpan: 14000\n"
    "    maxRecordsPerSecond: 15\n"
    "    revokeTimeout: 7s\n"
    "    retry: {strategy: fixedDelay, maxRetryCount: 8, delayInterval: 9s}\n"
    "    onFailure: {deadLetter: a.dlq}\n"
    "    alarmAfter: 16s\n"
    "    scale: {mode: rate, lagThreshold: 20, activationLagThreshold: 21, minInstances: 0, maxInstances: "
    "22,\n"
    "      targetLagSeconds: 23, drainTarget: 24s, excludePersistentLag: false, stuckAfter: 25s,\n"
    "      limitToPartitionsWithLag: false, allowIdleConsumers: true,\n"
    "      ensureEvenDistributionOfPartitions: true, scaleDownWindow: 26s, cooldown: 27s}\n"
    "    worker:\n"
    "      command: [w, '']\n"
    "      env: {A: '1', B: 2}\n"
    "      workingDirectory: /srv\n"
    "      processes: 10\n"
    "      timeout: 11s\n"
    "      startTimeout: 12s\n"
    "      maxRequests: 17\n"
    "      maxMemory: 18MiB\n";

TEST(Load, EveryKeyArrives) {
  const World world{{{"secret", "s3cret\n"},
                     {"ca.pem", vector_file("ca.pem")},
                     {"cert.pem", vector_file("client.pem")},
                     {"key.pem", vector_file("client.key")}},
                    {}};
  const Fleet fleet = good(kEveryKey, world);
  Connection c;
  c.broker_list = "a:1,b:2";
  c.protocol = Connection::Protocol::sasl_ssl;
  c.authentication_mode = Connection::Authentication::scram_sha256;
  c.username = "u";
  c.password = Secret("s3cret");
  c.ssl_ca_location = "ca.pem";
  c.ssl_certificate_location = "cert.pem";
  c.ssl_key_location = "key.pem";
  c.ssl_key_password = Secret("kp");
  c.kafka = {{"check.crcs", "true"}, {"client.rack", "r"}, {"fetch.min.bytes", "5"}};
  Trigger t;
  t.name = "t";
  t.position = {"f.yaml", 19, 3};
  t.cluster = "main";
  t.connection = c;
  t.topics = {"a", "^b.*"};
  t.consumer_group = "g";
  t.group_instance_id = "g.vm-1";
  t.start_from = {StartFrom::Kind::time, 1'000};
  t.batch = {BatchPolicy::Cardinality::many, BatchPolicy::DataType::binary, 2, 3 << 10, 4ms};
  t.batch.payload = BatchPolicy::Payload::azure;
  t.batch.key_data_type = BatchPolicy::KeyDataType::long_integer;
  t.limits.max_in_flight = 5;
  t.limits.max_in_flight_bytes = 6 << 20;
  t.ordering = Ordering::key;
  t.limits.max_span = 14'000;
  t.limits.max_records_per_second = 15;
  t.limits.revoke_timeout = 7s;
  t.retry.strategy = RetryPolicy::Strategy::fixed_delay;
  t.retry.max_retry_count = 8;
  t.retry.delay_interval = 9s;
  t.on_failure = {FailurePolicy::Kind::dead_letter, "a.dlq", 16s};
  t.scale = {ScalePolicy::Mode::rate, 20, 21, 0, 22, 23s, 24s, false, 25s, false, true, true, 26s, 27s};
  t.worker.command = t.worker.written_command = {"w", ""};
  t.worker.env = {{"A", "1"}, {"B", "2"}};
  t.worker.working_directory = "/srv";
  t.worker.min_processes = t.worker.max_processes = 10;
  t.worker.timeout = 11s;
  t.worker.start_timeout = 12s;
  t.worker.max_requests = 17;
  t.worker.max_memory = 18 << 20;
  EXPECT_EQ(fleet.admin.listen, (std::vector{Admin::Listener{"::1", 0, ""}}));
  EXPECT_EQ(fleet.log, (LogPolicy{LogPolicy::Level::debug, LogPolicy::Format::json}));
  EXPECT_EQ(fleet.drain_timeout, 5s);
  EXPECT_EQ(fleet.max_in_flight_bytes, 13u << 20);
  EXPECT_EQ(fleet.state_directory, "state");
  EXPECT_EQ(fleet.clusters, (std::map<std::string, Connection>{{"main", c}}));
  ASSERT_EQ(fleet.triggers.size(), 1u);
  EXPECT_EQ(fleet.triggers[0], t);
}

TEST(Load, WhereAdminListens) {
  using Listener = Admin::Listener;
  struct Row {
    const char* listen;
    std::optional<Listener> expected;  // nothing: refused
  };
  for (const Row& row : std::vector<Row>{{"127.0.0.1:7071", Listener{"127.0.0.1", 7071, ""}},
                                         {"127.1.2.3:65535", Listener{"127.1.2.3", 65'535, ""}},
                                         {"localhost:0", Listener{"127.0.0.1", 0, ""}},
                                         {"[::1]:80", Listener{"::1", 80, ""}},
                                         {"unix:/run/a.sock", Listener{"127.0.0.1", 7071, "/run/a.sock"}},
                                         {"unix:", {}},
                                         {"127.0.0:7071", {}},
                                         {"127.0.0.256:7071", {}},
                                         {"127.0.0.1.2:7071", {}},
                                         {"127.0.0.1.:7071", {}},
                                         {"127..0.1:7071", {}},
                                         {"::1:7071", {}},
                                         {"[1]:7071", {}},
                                         {"[fe80::1%eth0]:7071", {}},
                                         {"example.com:7071", {}},
                                         {"Localhost:1", {}},
                                         {"127.0.0.1:65536", {}},
                                         {"127.0.0.1:-1", {}},
                                         {"127.0.0.1:080", {}},
                                         {"127.0.0.1:x", {}},
                                         {"127.0.0.1:", {}},
                                         {"127.0.0.1", {}},
                                         {"[::1]", {}},
                                         {":7071", {}},
                                         {"7071", {}},
                                         {"", {}}}) {
    const Loaded loaded = load_text(kSmallest + "admin: {listen: '" + row.listen + "'}\n");
    ASSERT_EQ(loaded.fleet.has_value(), row.expected.has_value()) << row.listen << "\n"
                                                                  << lines(loaded.diagnostics);
    if (loaded.fleet)
      EXPECT_EQ(loaded.fleet->admin.listen, std::vector{*row.expected}) << row.listen;
    else
      EXPECT_TRUE(lines(loaded.diagnostics).starts_with("f.yaml:8:9: admin.listen: must "))
          << lines(loaded.diagnostics);
  }
}

TEST(Load, OtherAddressesNeedACertificateAndTheKey) {
  const std::string tls = "sslCertificateLocation: c.pem, sslKeyLocation: k.pem",
                    key = "key: sixteen-letters-x";
  for (const char* address : {"0.0.0.0:7071", "10.0.0.1:7071", "128.0.0.1:7071", "'[::]:7071'"}) {
    for (const std::string& others : {std::string(), ", " + tls, ", " + key, ", " + tls + ", " + key}) {
      const std::string listen = std::string("{listen: ['unix:/a', ") + address + "]";
      World world{{{"f.yaml", kSmallest + "admin: " + listen + others + "}\n"},
                   {"c.pem", vector_file("client.pem")},
                   {"k.pem", vector_file("client.key")}},
                  {}};
      const Loaded loaded = load("f.yaml", world.sources());
      EXPECT_EQ(loaded.fleet.has_value(), others.size() > tls.size() + key.size())
          << address << others << "\n"
          << lines(loaded.diagnostics);
      if (loaded.fleet) continue;
      EXPECT_EQ(
          lines(loaded.diagnostics),
          "f.yaml:8:9: admin.listen: an address that other machines reach needs sslCertificateLocation, "
          "sslKeyLocation and a key\n");
    }
  }
}

TEST(Load, ALoneProcessCountIsBothBounds) {
  struct Row {
    const char* processes;
    std::uint32_t min, max;
  };
  for (const Row& row : std::vector<Row>{
           {"3", 3, 3}, {"{min: 3}", 3, 3}, {"{max: 3}", 1, 3}, {"{min: 2, max: 3}", 2, 3}, {"{}", 1, 1}}) {
    const Fleet fleet = good(kSmallest + "defaults: {worker: {processes: " + row.processes + "}}\n");
    EXPECT_EQ(fleet.triggers.at(0).worker.min_processes, row.min) << row.processes;
    EXPECT_EQ(fleet.triggers.at(0).worker.max_processes, row.max) << row.processes;
  }
}

TEST(Load, TriggersComeSortedByName) {
  const Fleet fleet = good(
      "defaults: {brokerList: 'k:1', worker: {command: [w]}}\n"
      "triggers: {b: {topic: b}, a: {topic: a}, a.b: {topic: c}, B: {topic: d}}\n");
  std::string names;
  for (const Trigger& trigger : fleet.triggers) names += trigger.name + " ";
  EXPECT_EQ(names, "B a a.b b ");
}

TEST(Load, ATriggersOwnConnectionReplacesTheDefaultOne) {
  const Fleet fleet = good(
      "defaults: {brokerList: 'k:1', protocol: ssl, kafka: {client.rack: r}, worker: {command: [w]}}\n"
      "clusters: {main: {brokerList: 'm:1'}}\n"
      "triggers:\n"
      "  a: {topic: a}\n"
      "  b: {topic: b, cluster: main}\n"
      "  c: {topic: c, brokerList: 'c:1'}\n");
  EXPECT_EQ(fleet.triggers[0].connection.broker_list, "k:1");
  EXPECT_EQ(fleet.triggers[0].connection.protocol, Connection::Protocol::ssl);
  EXPECT_EQ(fleet.triggers[1].connection.broker_list, "m:1");
  EXPECT_EQ(fleet.triggers[1].connection.protocol, Connection::Protocol::plaintext);
  EXPECT_EQ(fleet.triggers[1].connection.kafka.at("client.rack"), "r");
  EXPECT_EQ(fleet.triggers[2].connection.broker_list, "c:1");
  EXPECT_EQ(fleet.triggers[2].connection.protocol, Connection::Protocol::ssl);
}

TEST(Load, TheNearestKafkaPropertyWins) {
  const Fleet fleet = good(
      "defaults: {cluster: main, kafka: {client.id: d, client.rack: d}, worker: {command: [w]}}\n"
      "clusters: {main: {brokerList: 'm:1', kafka: {client.id: c, client.rack: c, fetch.min.bytes: 1}}}\n"
      "triggers:\n"
      "  a: {topic: a, kafka: {client.id: t}}\n");
  const std::map<std::string, std::string> expected{
      {"client.id", "t"}, {"client.rack", "d"}, {"fetch.min.bytes", "1"}};
  EXPECT_EQ(fleet.triggers[0].connection.kafka, expected);
  EXPECT_EQ(fleet.clusters.at("main").kafka.at("client.id"), "c");
}

TEST(Load, IncludedFilesBringClustersAndTriggers) {
  const World world{{{"t.d/b.yaml", "triggers: {b: {topic: b, cluster: extra}}\n"},
                     {"t.d/a.yaml", "clusters: {extra: {brokerList: 'e:1'}}\n"},
                     {"t.d/empty.yaml", ""},
                     {"t.d/.hidden.yaml", "nonsense"}},
                    {}};
  const Fleet fleet = good("include: [t.d/*.yaml, t.d/a.yaml]\ndefaults: {worker: {command: [w]}}\n", world);
  ASSERT_EQ(fleet.triggers.size(), 1u);
  EXPECT_EQ(fleet.triggers[0].connection.broker_list, "e:1");
  EXPECT_EQ(fleet.triggers[0].position, (Position{"t.d/b.yaml", 1, 12}));
}

TEST(Load, AFileThatIncludesItselfIsReadOnce) {
  EXPECT_EQ(good("include: '*.yaml'\n" + kSmallest).triggers.size(), 1u);
}

TEST(Load, PathsAreRelativeToTheFileThatNamesThem) {
  World world{{{"/etc/t/fleet.yaml", "include: more/*.yaml\n" + kSmallest},
               {"/etc/t/more/x.yaml",
                "clusters: {x: {brokerList: 'x:1', protocol: ssl, sslCaLocation: ca.pem}}\n"
                "triggers: {x: {cluster: x, topic: x, worker: {command: ['${file:name}'], workingDirectory: "
                "run}}}\n"},
               {"/etc/t/more/ca.pem", vector_file("ca.pem")},
               {"/etc/t/more/name", "prog\n"}},
              {}};
  const Loaded loaded = load("/etc/t/fleet.yaml", world.sources());
  ASSERT_TRUE(loaded.fleet) << lines(loaded.diagnostics);
  const Trigger& x = loaded.fleet->triggers.at(1);
  EXPECT_EQ(x.connection.ssl_ca_location, "/etc/t/more/ca.pem");
  EXPECT_EQ(x.worker.working_directory, "/etc/t/more/run");
  EXPECT_EQ(x.worker.command, std::vector<std::string>{"prog"});
  EXPECT_EQ(x.worker.written_command, std::vector<std::string>{"${file:name}"});
}

TEST(Load, AMissingFleetFileIsOneError) {
  const Loaded loaded = load("absent.yaml", World{}.sources());
  EXPECT_FALSE(loaded.fleet);
  EXPECT_EQ(lines(loaded.diagnostics), "absent.yaml: cannot read absent.yaml: No such file or directory\n");
}

// Where a file could not be read, what it would have defined is not reported as missing.
TEST(Load, ABrokenFileDoesNotBringFurtherErrors) {
  const Loaded loaded = load_text(
      "include: clusters.yaml\ntriggers: {a: {cluster: main, topic: a, maxBatchSize: 0, worker: {command: "
      "[w]}}}\n",
      {{{"clusters.yaml", "clusters: [\n"}}, {}});
  EXPECT_EQ(lines(loaded.diagnostics),
            "clusters.yaml:2:1: not valid YAML: end of sequence flow not found\n"
            "f.yaml:2:41: triggers.a.maxBatchSize: must be at least 1 (got 0)\n");
}

// No text that came through a reference may be seen in a message, whatever key it was given to.
TEST(Load, NoMessageShowsWhatAReferenceBrought) {
  const std::string kSecret = "s3cr3t hunter/2";
  const World world{{{"secret", kSecret}}, {{"SECRET", kSecret}}};
  for (const char* reference : {"${file:secret}", "${env:SECRET}", "x${env:SECRET}"}) {
    const std::string r = std::string("'") + reference + "'";
    std::string text = "admin: {listen: " + r + "}\nlog: {level: " + r + ", format: " + r +
                       "}\ndrainTimeout: " + r + "\nmaxInFlightBytes: " + r + "\ninclude: [x, " + r + "]\n";
    text += "clusters: {main: {brokerList: " + r + ", protocol: " + r + ", authenticationMode: " + r +
            ", sslCaLocation: " + r + ", sslKeyLocation: " + r + ", kafka: {session.timeout.ms: " + r +
            ", check.crcs: " + r + ", isolation.level: " + r + "}}}\n";
    text += "triggers: {a: {cluster: " + r + ", topic: " + r + ", startFrom: " + r + ", cardinality: " + r +
            ", dataType: " + r + ", payload: " + r + ", keyDataType: " + r + ", maxBatchSize: " + r +
            ", maxBatchBytes: " + r + ", maxBatchWait: " + r + ", ordering: " + r + ", onFailure: " + r +
            ", groupInstanceId: " + r + ", maxSpan: " + r + ", maxRecordsPerSecond: " + r +
            ", alarmAfter: " + r + ", scale: {mode: " + r + ", lagThreshold: " + r +
            ", targetLagSeconds: " + r + ", cooldown: " + r + "}, retry: {strategy: " + r +
            ", maxRetryCount: " + r + "}, worker: {command: " + r + ", processes: " + r +
            ", maxRequests: " + r + ", maxMemory: " + r + "}}, b: {topic: b, onFailure: {deadLetter: " + r +
            "}}}\n";
    const Loaded loaded = load_text(text, world);
    const std::string problems = lines(loaded.diagnostics);
    EXPECT_GE(loaded.diagnostics.size(), 30u) << problems;
    EXPECT_EQ(problems.find("hunter"), std::string::npos) << problems;
  }
  const Loaded cluster = load_text(
      "clusters: {main: {brokerList: 'k:1'}}\ntriggers: {a: {cluster: '${env:SECRET}', topic: a, worker: "
      "{command: [w]}}}\n",
      world);
  EXPECT_EQ(lines(cluster.diagnostics),
            "f.yaml:2:16: triggers.a.cluster: there is no cluster of this name\n");
}

TEST(Load, WarningsDoNotStop) {
  const Loaded loaded = load_text("clusters: {}\n");
  EXPECT_TRUE(loaded.fleet);
  EXPECT_EQ(lines(loaded.diagnostics), "f.yaml: warning: no trigger: there is nothing to run\n");
}

TEST(Load, TooManyErrorsAreCounted) {
  std::string text = "triggers:\n";
  for (int i = 0; i < 400; ++i)
    text += "  t" + std::to_string(i) + ": {topic: '?', cluster: [], maxBatchSize: 0}\n";
  const Loaded loaded = load_text(text);
  EXPECT_FALSE(loaded.fleet);
  EXPECT_LE(loaded.diagnostics.size(), Findings::kMost + 1);
  EXPECT_TRUE(loaded.diagnostics.back().message.ends_with(" more"));
}

TEST(Load, FiveThousandTriggers) {
  std::string text =
      "clusters: {main: {brokerList: 'k:1'}}\ndefaults: {cluster: main, worker: {command: [w]}}\ntriggers:\n";
  for (int i = 0; i < 5'000; ++i)
    text += "  t" + std::to_string(i) + ":\n    topic: topic" + std::to_string(i) +
            "\n    maxBatchSize: 500\n    cardinality: many\n";
  EXPECT_EQ(good(text).triggers.size(), 5'000u);
}

}  // namespace
}  // namespace triggerd::config
