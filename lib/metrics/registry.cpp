#include "metrics/registry.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/text.hpp"

namespace triggerd::metrics {
namespace {

// Sorted by name: a="…",b="…"
std::string text_of(const Definition& row, std::initializer_list<std::string> values) {
  std::map<std::string_view, std::string> sorted;
  Words names(row.labels);
  for (const std::string& value : values) sorted.emplace(names.next(), escape_label(value));
  std::string text;
  for (const auto& [name, value] : sorted) {
    if (!text.empty()) text += ',';
    text.append(name).append("=\"").append(value).append("\"");
  }
  return text;
}

// All series of a row have the same bounds, so their text is made once for the row.
std::vector<std::string> bucket_texts(const prometheus::ClientMetric::Histogram& histogram) {
  std::vector<std::string> texts;
  for (const auto& bucket : histogram.bucket) {
    std::string& text = texts.emplace_back(",le=\"");
    append_number(text, bucket.upper_bound);
    text += "\"} ";
  }
  return texts;
}

void append_line(std::string& page, std::string_view start, double value) {
  page += start;
  append_number(page, value);
  page += '\n';
}

void append_histogram(std::string& page, std::string_view name, std::string_view labels,
                      std::span<const std::string> buckets,
                      const prometheus::ClientMetric::Histogram& histogram) {
  const std::string start = std::string(name) + "_bucket{" + std::string(labels);
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    page.append(start).append(buckets[i]);
    append_count(page, static_cast<std::int64_t>(histogram.bucket[i].cumulative_count));
    page += '\n';
  }
  page.append(name).append("_sum{").append(labels).append("} ");
  append_number(page, histogram.sample_sum);
  page.append("\n").append(name).append("_count{").append(labels).append("} ");
  append_count(page, static_cast<std::int64_t>(histogram.sample_count));
  page += '\n';
}

// Makes a handle for each value the row names.
template <typename Handle, typename Make>
ByValue<Handle> by_value(const Definition& row, const Make& make) {
  std::map<std::string, Handle, std::less<>> handles;
  Words values(row.values);
  for (std::string_view value = values.next(); !value.empty(); value = values.next())
    handles.emplace(value, make(std::string(value)));
  return ByValue<Handle>(std::move(handles));
}

// What stands before the value in a series' line.
std::string line_start(const Definition& row, const std::string& labels) {
  return std::string(row.name) + "{" + labels + "} ";
}

}  // namespace

void Registry::Texts::add(std::string_view text) {
  text_ += text;
  starts_.push_back(text_.size());
}

Counter Registry::add_counter(const Definition& row, const std::string& labels) {
  Family& all = family(row);
  all.texts.add(line_start(row, labels));
  return Counter(all.counters.emplace_back());
}

Gauge Registry::add_gauge(const Definition& row, const std::string& labels) {
  Family& all = family(row);
  all.texts.add(line_start(row, labels));
  return Gauge(all.gauges.emplace_back());
}

Counter Registry::counter(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return add_counter(row, text_of(row, {owner}));
}

Gauge Registry::gauge(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return add_gauge(row, text_of(row, {owner}));
}

Histogram Registry::histogram(const Definition& row, const std::string& owner, const Bounds& bounds) {
  const std::scoped_lock lock(mutex_);
  Family& all = family(row);
  all.texts.add(text_of(row, {owner}));
  prometheus::Histogram& made = all.histograms.emplace_back(bounds);
  if (all.bucket_texts.empty()) all.bucket_texts = bucket_texts(made.Collect().histogram);
  return Histogram(made);
}

ByValue<Counter> Registry::counters(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return by_value<Counter>(
      row, [&](const std::string& value) { return add_counter(row, text_of(row, {owner, value})); });
}

ByValue<Gauge> Registry::gauges(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return by_value<Gauge>(
      row, [&](const std::string& value) { return add_gauge(row, text_of(row, {owner, value})); });
}

Counter Registry::find_counter(const Definition& row, std::initializer_list<std::string> values) {
  const std::string labels = text_of(row, values), start = line_start(row, labels);
  const std::scoped_lock lock(mutex_);
  Family& all = family(row);
  for (std::size_t i = 0; i < all.counters.size(); ++i)
    if (all.texts[i] == start) return Counter(all.counters[i]);
  return add_counter(row, labels);
}

void Registry::info(const Definition& row, std::initializer_list<std::string> values) {
  const std::scoped_lock lock(mutex_);
  add_gauge(row, text_of(row, values)).set(1);
}

void Registry::append_series(std::string& page, const Definition& row, const Family& family, std::size_t i) {
  if (!family.counters.empty()) return append_line(page, family.texts[i], family.counters[i].Value());
  if (!family.gauges.empty()) return append_line(page, family.texts[i], family.gauges[i].Value());
  append_histogram(page, row.name, family.texts[i], family.bucket_texts,
                   family.histograms[i].Collect().histogram);
}

bool Registry::append(std::string& page, Place& place, std::size_t bytes) const {
  const std::size_t enough = page.size() + bytes;
  const std::scoped_lock lock(mutex_);
  for (; place.family < families_.size(); ++place.family, place.series = 0) {
    const Family& family = families_[place.family];
    for (; place.series < family.texts.size(); ++place.series) {
      if (page.size() >= enough) return true;
      if (place.series == 0) append_head(page, kCatalog[place.family]);
      append_series(page, kCatalog[place.family], family, place.series);
    }
  }
  return false;
}

}  // namespace triggerd::metrics
