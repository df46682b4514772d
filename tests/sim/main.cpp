// sim_pipeline: plays seeds against the pipeline. A seed that fails prints its last events and the command
// that plays it again.
//
//   sim_pipeline [--seed=N] [--seeds=COUNT] [--trace=LINES]
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/simulation.hpp"

namespace {

using triggerd::sim::Simulation;
using triggerd::sim::Tally;
using triggerd::sim::Violation;

struct Arguments {
  std::uint64_t first = 1, seeds = 5000;
  std::size_t trace = 80;
  bool show = false;
};

// An invariant of the pipeline ends the process; then this is all there is to go by.
std::uint64_t playing = 0;
const char* program_name = "";
void aborted(int) {
  std::printf("FAILED: aborted\nreplay: %s --seed=%llu --trace=100000\n", program_name,
              static_cast<unsigned long long>(playing));
  std::fflush(stdout);
  std::signal(SIGABRT, SIG_DFL);
}

bool read(const char* argument, const char* name, std::uint64_t& value) {
  const std::size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) != 0) return false;
  char* end = nullptr;
  value = std::strtoull(argument + length, &end, 10);
  if (*end == '\0' && argument[length] != '\0') return true;
  std::fprintf(stderr, "sim_pipeline: not a number: %s\n", argument);
  std::exit(64);
}

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  bool seeds_given = false, seed_given = false;
  std::uint64_t trace = arguments.trace;
  for (int i = 1; i < argc; ++i) {
    if (read(argv[i], "--seed=", arguments.first)) {
      seed_given = true;
    } else if (read(argv[i], "--seeds=", arguments.seeds)) {
      seeds_given = true;
    } else if (read(argv[i], "--trace=", trace)) {
      arguments.show = true;
    } else {
      std::fprintf(stderr, "usage: sim_pipeline [--seed=N] [--seeds=COUNT] [--trace=LINES]\n");
      std::exit(64);
    }
  }
  if (seed_given && !seeds_given) arguments.seeds = 1;
  arguments.trace = trace;
  return arguments;
}

void print(const Simulation& simulation) {
  for (const std::string& line : simulation.world().trace.lines()) std::printf("  %s\n", line.c_str());
}

// Plays the seed again, keeping its trace; the first time it was not kept for speed.
void report(std::uint64_t seed, const std::string& what, const Arguments& arguments, const char* program) {
  Simulation again(seed, arguments.trace);
  std::string same = what;
  Tally ignored;
  try {
    again.run(ignored);
    same += " (but not when played again)";
  } catch (const Violation&) {
  }
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
              describe(again.world().scenario).c_str());
  print(again);
  std::printf("FAILED: %s\nreplay: %s --seed=%llu --trace=100000\n", same.c_str(), program,
              static_cast<unsigned long long>(seed));
}

void print(const Tally& t, double seconds) {
  const auto u = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu seeds in %.1f s: %llu steps, %llu records (%llu handled again), %llu retries, %llu released\n",
      u(t.seeds), seconds, u(t.steps), u(t.records), u(t.handled_again), u(t.retries), u(t.released));
  std::printf("  %llu commits (%llu failed), %llu revokes (%llu timed out), %llu drains, %llu workers lost\n",
              u(t.commits), u(t.commits_failed), u(t.revokes), u(t.revokes_timed_out), u(t.drains),
              u(t.workers_lost));
  std::printf(
      "  %llu attempts timed out, %llu lanes blocked, %llu times reading stopped, %llu stale answers\n",
      u(t.attempts_timed_out), u(t.blocked), u(t.stops_reading), u(t.stale));
  std::printf(
      "  %llu dead letters, %llu dropped, %llu skipped, %llu alarms, %llu suspects, %llu done before, ",
      u(t.dead_letters), u(t.dropped), u(t.skipped), u(t.alarms), u(t.suspects), u(t.done_before));
  std::printf("%llu times a partition paused, %llu times metadata was full\n", u(t.pauses), u(t.full));
}

// Otherwise a change could make the simulation blind.
bool everything_happened(const Tally& t) {
  for (const std::uint64_t count :
       {t.handled_again, t.retries, t.commits_failed, t.revokes_timed_out, t.workers_lost,
        t.attempts_timed_out, t.drains, t.blocked, t.stops_reading, t.stale, t.released, t.dead_letters,
        t.dropped, t.skipped, t.alarms, t.full, t.pauses, t.suspects, t.done_before}) {
    if (count == 0) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  program_name = argv[0];
  std::signal(SIGABRT, aborted);
  const auto begin = std::chrono::steady_clock::now();
  Tally tally;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.first + i;
    playing = seed;
    Simulation simulation(seed, arguments.show ? arguments.trace : 0);
    try {
      simulation.run(tally);
    } catch (const Violation& violation) {
      report(seed, violation.what(), arguments, argv[0]);
      return 1;
    }
    if (arguments.show) print(simulation);
  }
  print(tally, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  if (arguments.seeds >= 5000 && !everything_happened(tally)) {
    std::printf("FAILED: something that was to be tried never happened\n");
    return 1;
  }
  return 0;
}
