// When a partition's log reached an offset, from how its end grew. Pure.
//
// Bounded: a full history forgets every second sample, so what it tells of long ago is coarser.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::lag {

class EndHistory {
 public:
  static constexpr std::size_t kMost = 64;  // samples

  // `at` never goes back. An end that does is another log's: what was known is forgotten.
  void note(Offset end, TimePoint at);
  // When the record with this offset was written, interpolated; absent where that was before the first sample
  // or is yet to come.
  std::optional<TimePoint> written(Offset record) const;
  std::size_t size() const { return samples_.size(); }

 private:
  struct Sample {
    Offset end;
    TimePoint first, last;  // when it was this one
  };
  std::vector<Sample> samples_;  // ends rise
};

}  // namespace triggerd::lag
