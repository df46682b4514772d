#include "daemon/cli.hpp"

#include <cstdio>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <librdkafka/rdkafka.h>

#include "daemon/app.hpp"
#include "daemon/check.hpp"
#include "daemon/demo.hpp"
#include "daemon/exit_code.hpp"
#include "version.hpp"

namespace triggerd::daemon {
namespace {

constexpr char kDefaultFleet[] = "/etc/triggerd/triggerd.yaml";

void add_fleet_option(CLI::App* verb, std::string& path) {
  verb->add_option("-c,--config", path, "The fleet file")->capture_default_str()->envname("TRIGGERD_CONFIG");
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App cli{"A Kafka trigger daemon: it hands the records of a fleet of triggers to local workers."};
  cli.require_subcommand(1);
  cli.footer(
      "Exit codes: 0 done, 64 wrong command line, 69 something is unavailable, 70 our fault, 78 wrong fleet "
      "file.");

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
  if (version->parsed()) std::printf("triggerd %s\nlibrdkafka %s\n", kVersion, rd_kafka_version_str());
  return kOk;
}

}  // namespace triggerd::daemon
