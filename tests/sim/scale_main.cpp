// sim_scale: plays seeds of a fleet that is scaled. A seed that fails prints its picture and the command that
// plays it again.
//
//   sim_scale [--seed=N] [--seeds=COUNT] [--picture]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/scale_world.hpp"

namespace {

using triggerd::sim::ScaleTally;
using triggerd::sim::ScaleViolation;
using triggerd::sim::ScaleWorld;

struct Arguments {
  std::uint64_t first = 1, seeds = 0;
  bool picture = false;
};

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (*text != '\0' && *end == '\0') return value;
  std::fprintf(stderr, "sim_scale: not a number: %s\n", text);
  std::exit(64);
}

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  bool one = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--seed=")) {
      arguments.first = number(argv[i] + 7);
      one = true;
    } else if (argument.starts_with("--seeds=")) {
      arguments.seeds = number(argv[i] + 8);
    } else if (argument == "--picture") {
      arguments.picture = true;
    } else {
      std::fprintf(stderr, "usage: sim_scale [--seed=N] [--seeds=COUNT] [--picture]\n");
      std::exit(64);
    }
  }
  if (arguments.seeds == 0) arguments.seeds = one ? 1 : 200;
  return arguments;
}

void show(std::uint64_t seed, const ScaleWorld& world) {
  std::printf("seed %llu: %s\n%s", static_cast<unsigned long long>(seed), world.describe().c_str(),
              world.picture().c_str());
}

void print(const ScaleTally& t, double seconds) {
  const auto u = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu seeds in %.1f s: %llu s of virtual time, %llu turns of the target (at most %llu in a shape)\n",
      u(t.seeds), seconds, u(t.seconds), u(t.turns), u(t.most_turns));
  for (const auto& [rule, count] : t.rules) std::printf("  %s %llu", name(rule), u(count));
  std::printf("\n ");
  for (const auto& [rule, count] : t.pool_rules) std::printf(" pool %s %llu", name(rule), u(count));
  std::printf("\n  %llu decisions saw a stuck partition, %llu turns of pools\n", u(t.stuck_seen),
              u(t.pool_turns));
}

// Otherwise a change could make the simulation blind.
bool everything_happened(const ScaleTally& t) {
  using triggerd::scale::PoolRule;
  using triggerd::scale::Rule;
  for (const Rule rule :
       {Rule::lag, Rule::rate, Rule::lag_seconds, Rule::capped_by_partitions, Rule::even_distribution,
        Rule::max_instances, Rule::min_instances, Rule::activation, Rule::cooldown, Rule::idle_to_zero,
        Rule::scale_down_window, Rule::step_limit, Rule::steady, Rule::stale_hold, Rule::incomplete_hold})
    if (!t.rules.contains(rule)) return std::printf("never: %s\n", name(rule)), false;
  for (const PoolRule rule : {PoolRule::grow, PoolRule::shrink, PoolRule::most_processes, PoolRule::quiet})
    if (!t.pool_rules.contains(rule)) return std::printf("never: pool %s\n", name(rule)), false;
  return t.shapes.size() == 7 && t.stuck_seen > 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  const auto begin = std::chrono::steady_clock::now();
  ScaleTally tally;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = arguments.first + i;
    ScaleWorld world(seed);
    try {
      world.run(tally);
    } catch (const ScaleViolation& violation) {
      show(seed, world);
      std::printf("FAILED: %s\nreplay: %s --seed=%llu --picture\n", violation.what(), argv[0],
                  static_cast<unsigned long long>(seed));
      return 1;
    }
    if (arguments.picture) show(seed, world);
  }
  print(tally, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  if (arguments.seeds >= 200 && !everything_happened(tally)) {
    std::printf("FAILED: something that was to be tried never happened\n");
    return 1;
  }
  return 0;
}
