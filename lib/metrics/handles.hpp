// What a metric is set by. A handle is a pointer into the registry, valid as long as Metrics lives.
//
// Thread: any, one at a time for one handle; the page may be rendered by another meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/time.hpp"
#include "dispatch/durations.hpp"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace triggerd::metrics {

class Counter {
 public:
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  void add(std::uint64_t n = 1);
  // Follows a count that is kept elsewhere: adds what it rose by. One that fell began anew, from 0.
  void follow(std::uint64_t total);
  // In seconds, with their fractions.
  void follow(Duration total);

 private:
  prometheus::Counter* counter_;
  std::uint64_t followed_ = 0;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  void set(double value);

 private:
  prometheus::Gauge* gauge_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  void observe(double value);
  void observe(Duration duration);
  // Follows durations that are counted elsewhere.
  void follow(const dispatch::Durations& total);

 private:
  prometheus::Histogram* histogram_;
  dispatch::Durations followed_;
};

// One series for each value the catalogue names for the last label.
template <typename Handle>
class ByValue {
 public:
  explicit ByValue(std::map<std::string, Handle, std::less<>> handles) : handles_(std::move(handles)) {}
  // A value that is not in the catalogue is our bug.
  Handle& operator[](std::string_view value);
  // 1 for this value, 0 for the others.
  void select(std::string_view value)
    requires std::is_same_v<Handle, Gauge>;

 private:
  std::map<std::string, Handle, std::less<>> handles_;
};

}  // namespace triggerd::metrics
