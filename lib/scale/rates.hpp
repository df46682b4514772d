// How fast records come in, and how fast one instance handles them when it has enough to do. Pure.
#pragma once

#include <map>
#include <optional>

#include "base/time.hpp"
#include "lag/snapshot.hpp"

namespace triggerd::scale {

// An exponentially weighted mean over about 30 s. Says nothing before it has seen 30 s, nor after a gap of
// two minutes: it begins again.
class Mean {
 public:
  void add(double value, TimePoint at);
  std::optional<double> value() const;  // to a tenth, so that what is at rest stays equal
 private:
  double mean_ = 0;
  std::optional<TimePoint> first_, last_;
};

// From how the ends of the log move between whole snapshots: the whole group's, whoever reads it.
class ArrivalRate {
 public:
  void update(const lag::Snapshot& snapshot);
  std::optional<double> value() const { return mean_.value(); }

 private:
  std::optional<TimePoint> taken_;
  std::map<TopicPartition, Offset> ends_;
  Mean mean_;
};

// What an instance handles a second if it has work all the time. An idle one handles only what comes: taken
// for its power, that would ask for more instances the less there is to do.
class HandlingRate {
 public:
  // `handled`: records a second per instance; `busy`: share of the time that its workers had work, 0 … 1. A
  // sample with little work says little, and is passed over.
  void update(double handled, double busy, TimePoint now);
  std::optional<double> value() const { return mean_.value(); }

 private:
  Mean mean_;
};

}  // namespace triggerd::scale
