// The catalogue's rows with their series, and their page in Prometheus text format 0.0.4. What a series holds
// is prometheus-cpp's; its label set is text, made once, and a scrape copies it: a fleet of a thousand
// triggers has more than a hundred thousand series, which the library's own serializer takes a quarter second
// for.
//
// Thread: any. What is added stays where it is.
#pragma once

#include <array>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include "metrics/catalog.hpp"
#include "metrics/handles.hpp"

namespace triggerd::metrics {

class Registry {
 public:
  using Bounds = prometheus::Histogram::BucketBoundaries;

  // `owner`: the value of the first label, a trigger's name or a cluster's.
  Counter counter(const Definition& row, const std::string& owner);
  Gauge gauge(const Definition& row, const std::string& owner);
  Histogram histogram(const Definition& row, const std::string& owner, const Bounds& bounds);
  // One for each value the row names.
  ByValue<Counter> counters(const Definition& row, const std::string& owner);
  ByValue<Gauge> gauges(const Definition& row, const std::string& owner);
  // The one that is there already, else a new one; for rows of few series.
  Counter find_counter(const Definition& row, std::initializer_list<std::string> values);
  // A gauge that is 1 for what its labels say.
  void info(const Definition& row, std::initializer_list<std::string> values);

  // A place in the page. Series that are added meanwhile stand behind it, or not at all.
  struct Place {
    std::size_t family = 0, series = 0;
  };
  // Appends what follows, `bytes` and a series at most; false: that was the end.
  bool append(std::string& page, Place& place, std::size_t bytes) const;

 private:
  // The page's text of each series up to what is read at a scrape, one after the other: a scrape goes through
  // memory in order.
  class Texts {
   public:
    void add(std::string_view text);
    std::string_view operator[](std::size_t i) const {
      return std::string_view(text_).substr(starts_[i], starts_[i + 1] - starts_[i]);
    }
    std::size_t size() const { return starts_.size() - 1; }

   private:
    std::string text_;
    std::vector<std::size_t> starts_{0};
  };
  struct Family {
    Texts texts;  // name{a="…",b="…"} and a blank; of a histogram: a="…",b="…"
    // One of the three.
    std::deque<prometheus::Counter> counters;
    std::deque<prometheus::Gauge> gauges;
    std::deque<prometheus::Histogram> histograms;
    std::vector<std::string> bucket_texts;  // of each of them: ,le="…"} and a blank
  };
  static void append_series(std::string& page, const Definition& row, const Family& family, std::size_t i);
  Counter add_counter(const Definition& row, const std::string& labels);
  Gauge add_gauge(const Definition& row, const std::string& labels);
  Family& family(const Definition& row) { return families_[static_cast<std::size_t>(&row - kCatalog)]; }

  mutable std::mutex mutex_;
  std::array<Family, std::size(kCatalog)> families_;  // in its order; guarded by mutex_
};

}  // namespace triggerd::metrics
