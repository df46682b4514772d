#include "lag/condition.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace triggerd::lag {
namespace {

using Samples = std::vector<std::pair<std::int64_t, std::int64_t>>;  // base, lag

Samples steady(std::size_t count, std::int64_t step, std::int64_t growth, std::int64_t lag = 100) {
  Samples samples;
  for (std::size_t i = 0; i < count; ++i) {
    const auto n = static_cast<std::int64_t>(i);
    samples.emplace_back(50 + n * step, lag + n * growth);
  }
  return samples;
}
Samples then(Samples samples, std::int64_t base, std::int64_t lag) {
  samples.emplace_back(base, lag);
  return samples;
}

TEST(Condition, Table) {
  struct Row {
    const char* name;
    Samples samples;
    Owner owner;
    Condition condition;
  };
  const Row rows[] = {
      {"nothing known", {}, Owner::us, Condition::ok},
      {"too few samples to say", steady(9, 0, 0), Owner::us, Condition::ok},
      {"stands still and is owned", steady(10, 0, 0), Owner::us, Condition::stalled},
      {"stands still at another member", steady(10, 0, 1), Owner::other, Condition::stalled},
      {"stands still, who owns it is not known", steady(10, 0, 1), Owner::unknown, Condition::stalled},
      {"stands still and nobody owns it", steady(10, 0, 1), Owner::nobody, Condition::stopped},
      {"a slow topic: stood still, but there is no lag", steady(10, 0, 0, 0), Owner::nobody, Condition::ok},
      {"no lag a moment ago", then(steady(9, 0, 0, 0), 50, 5), Owner::nobody, Condition::ok},
      {"no lag now", then(steady(9, 1, 1), 60, 0), Owner::us, Condition::ok},
      {"moves, lag grows", steady(10, 5, 1), Owner::us, Condition::warning},
      {"moves, lag stays the same", steady(10, 5, 0), Owner::us, Condition::warning},
      {"moves, lag shrinks once", then(steady(9, 5, 1), 95, 20), Owner::us, Condition::ok},
      {"moves, nobody owns it", steady(10, 5, 1), Owner::nobody, Condition::warning},
      {"went back, in a window that is not whole", {{50, 10}, {40, 20}}, Owner::us, Condition::rewound},
      {"went back and is not there again", {{50, 10}, {40, 20}, {49, 11}}, Owner::us, Condition::rewound},
      {"went back and caught up", {{50, 10}, {40, 20}, {50, 11}}, Owner::us, Condition::ok},
      {"went back, without lag", {{50, 10}, {40, 0}}, Owner::us, Condition::ok},
      {"went back longer ago than the window", then(steady(10, 0, 0), 50, 100), Owner::us,
       Condition::stalled},
  };
  for (const Row& row : rows) {
    Window window;
    if (std::string_view(row.name).find("longer ago") != std::string_view::npos) window.note(Offset{90}, 5);
    for (const auto& [base, lag] : row.samples) window.note(Offset{base}, lag);
    EXPECT_EQ(window.condition(row.owner), row.condition) << row.name;
  }
}

}  // namespace
}  // namespace triggerd::lag
