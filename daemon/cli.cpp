#include "daemon/cli.hpp"

#include <cstdio>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <librdkafka/rdkafka.h>

#include "daemon/app.hpp"
#include "daemon/ask.hpp"
#include "daemon/check.hpp"
#include "daemon/demo.hpp"
#include "daemon/dlq_replay.hpp"
#include "daemon/exit_code.hpp"
#include "version.hpp"

namespace triggerd::daemon {
namespace {

constexpr char kDefaultFleet[] = "/etc/triggerd/triggerd.yaml";

void add_fleet_option(CLI::App* verb, std::string& path) {
  verb->add_option("-c,--config", path, "The fleet file")->capture_default_str()->envname("TRIGGERD_CONFIG");
}

CLI::App* add_replay(CLI::App& cli, std::string& fleet, ReplayOptions& options) {
  CLI::App* dlq = cli.add_subcommand("dlq", "Dead-letter topics");
  dlq->require_subcommand(1);
  CLI::App* replay =
      dlq->add_subcommand("replay", "Write a trigger's dead letters back to the topics they came from");
  add_fleet_option(replay, fleet);
  replay->add_option("trigger", options.trigger, "Its name in the fleet file")->required();
  replay->add_option("--topic", options.topic, "The dead-letter topic, where it is not the trigger's own");
  replay->add_option("--to", options.to, "Write all of it to this topic");
  replay->add_option("--max", options.max, "Write at most so many records")->check(CLI::PositiveNumber);
  replay->add_flag("--from-beginning", options.from_beginning, "Also what was replayed before");
  replay->add_flag("--dry-run", options.dry_run, "Read and count; write and remember nothing");
  replay->footer(
      "It reads to the end the dead-letter topic has now. Each record goes to the topic and partition its\n"
      "triggerd.dlq.* headers name, with its key, value, headers and timestamp; of those headers one is\n"
      "left, triggerd.dlq.replayed, a count. Every consumer of the topic gets it again, not this trigger\n"
      "alone. What no triggerd wrote is left out and named. A topic's retention counts from a record's\n"
      "timestamp: one older than it is soon deleted there.\n\n"
      "What is delivered is remembered, as the offsets of the group <consumerGroup>.dlq-replay: the next\n"
      "run goes on behind it, and one that was interrupted repeats 1,000 records at most. At a record that\n"
      "cannot be written it stops, with exit code 69. Run one at a time.");
  return replay;
}

CLI::App* add_skip(CLI::App& cli, std::string& fleet, SkipOptions& options) {
  CLI::App* skip =
      cli.add_subcommand("skip", "Give up one record that holds up its lane, in a running daemon");
  add_fleet_option(skip, fleet);
  skip->add_option("trigger", options.trigger, "Its name in the fleet file")->required();
  skip->add_option("topic", options.topic)->required();
  skip->add_option("partition", options.partition)->required()->check(CLI::NonNegativeNumber);
  skip->add_option("offset", options.offset)->required()->check(CLI::NonNegativeNumber);
  skip->add_option("--by", options.by, "Who asks, for the daemon's log (default: you)");
  skip->footer(
      "The record is settled as if it had been handled, and its lane goes on. Only a record that fails or\n"
      "blocks, and is the first of its lane, can be skipped: /readyz and the log line lane_blocked or\n"
      "lane_stuck name it.");
  return skip;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App cli{"A Kafka trigger daemon: it hands the records of a fleet of triggers to local workers."};
  cli.require_subcommand(1);
  cli.footer(
      "Exit codes: 0 done, 64 wrong command line, 69 something is unavailable, 70 our fault, 77 no right to "
      "what the fleet file asks for, 78 wrong fleet file.");

  std::string fleet = kDefaultFleet;
  CLI::App* run =
      cli.add_subcommand("run", "Run the fleet until SIGTERM, which drains; a second one leaves at once");
  add_fleet_option(run, fleet);
  CLI::App* check =
      cli.add_subcommand("check", "Check the fleet file: every error at once, or what would run");
  add_fleet_option(check, fleet);

  DemoOptions demo_options;
  CLI::App* demo = cli.add_subcommand(
      "demo", "Show a trigger at work, without Kafka: a built-in cluster, producer and worker");
  demo->add_option("--for", demo_options.seconds, "End by itself after this long, e.g. 20s")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}},
                                        CLI::AsNumberWithUnit::CASE_SENSITIVE));
  demo->add_option("--rate", demo_options.rate, "Records a second")
      ->capture_default_str()
      ->check(CLI::Range(1, 20000));
  demo->add_flag("--verbose", demo_options.verbose, "The daemon's log lines too");

  SkipOptions skip_options;
  CLI::App* skip = add_skip(cli, fleet, skip_options);
  ReplayOptions replay_options;
  CLI::App* replay = add_replay(cli, fleet, replay_options);

  CLI::App* version = cli.add_subcommand("version", "The versions of triggerd and librdkafka");
  cli.set_version_flag("--version", std::string("triggerd ") + kVersion);

  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? kOk : kUsage;
  }
  if (run->parsed()) return run_fleet(fleet);
  if (check->parsed()) return check_fleet(fleet);
  if (demo->parsed()) return run_demo(demo_options);
  if (skip->parsed()) return ask_skip(fleet, skip_options);
  if (replay->parsed()) return replay_dead_letters(fleet, replay_options);
  if (version->parsed()) std::printf("triggerd %s\nlibrdkafka %s\n", kVersion, rd_kafka_version_str());
  return kOk;
}

}  // namespace triggerd::daemon
