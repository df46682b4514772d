// How a partition fares, from the last ten samples, by Burrow's rules
// (https://github.com/linkedin/Burrow/wiki/Consumer-Lag-Evaluation-Rules). Pure.
//
// Burrow sees each commit, one of the same offset too; we see offsets. So `stopped` (nobody commits) and
// `stalled` (what is committed does not move) are told apart by whether somebody owns the partition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/types.hpp"
#include "lag/snapshot.hpp"

namespace triggerd::lag {

const char* name(Condition condition);
// The one that calls for more: stopped, stalled, rewound, warning, ok.
Condition worse(Condition a, Condition b);

class Window {
 public:
  static constexpr std::size_t kIntervals = 10;

  void note(Offset base, std::int64_t lag);
  // In this order: without lag `ok`; `rewound` while base is below where it was. Then, where every sample of
  // a whole window has lag: `stopped` or `stalled` if base stood still, `warning` if the lag never shrank.
  Condition condition(Owner owner) const;

 private:
  struct Sample {
    Offset base;
    std::int64_t lag;  // records
  };
  std::deque<Sample> samples_;
};

}  // namespace triggerd::lag
