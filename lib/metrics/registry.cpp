#include "metrics/registry.hpp"

#include <algorithm>
#include <map>

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

template <typename All>
void append_values(std::string& page, std::string_view name, const All& all) {
  for (const auto& one : all) {
    page.append(name).append("{").append(one.labels).append("} ");
    append_number(page, one.metric.Value());
    page += '\n';
  }
}

void append_histogram(std::string& page, std::string_view name, const std::string& labels,
                      const prometheus::ClientMetric::Histogram& histogram) {
  for (const auto& bucket : histogram.bucket) {
    page.append(name).append("_bucket{").append(labels).append(",le=\"");
    append_number(page, bucket.upper_bound);
    page.append("\"} ");
    append_count(page, static_cast<std::int64_t>(bucket.cumulative_count));
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

}  // namespace

Counter Registry::counter(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return Counter(family(row).counters.emplace_back(text_of(row, {owner})).metric);
}

Gauge Registry::gauge(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return Gauge(family(row).gauges.emplace_back(text_of(row, {owner})).metric);
}

Histogram Registry::histogram(const Definition& row, const std::string& owner, const Bounds& bounds) {
  const std::scoped_lock lock(mutex_);
  return Histogram(family(row).histograms.emplace_back(text_of(row, {owner}), bounds).metric);
}

ByValue<Counter> Registry::counters(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return by_value<Counter>(row, [&](const std::string& value) {
    return Counter(family(row).counters.emplace_back(text_of(row, {owner, value})).metric);
  });
}

ByValue<Gauge> Registry::gauges(const Definition& row, const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  return by_value<Gauge>(row, [&](const std::string& value) {
    return Gauge(family(row).gauges.emplace_back(text_of(row, {owner, value})).metric);
  });
}

Counter Registry::find_counter(const Definition& row, std::initializer_list<std::string> values) {
  std::string labels = text_of(row, values);
  const std::scoped_lock lock(mutex_);
  auto& all = family(row).counters;
  const auto found = std::ranges::find_if(all, [&](const auto& one) { return one.labels == labels; });
  return Counter(found != all.end() ? found->metric : all.emplace_back(std::move(labels)).metric);
}

void Registry::info(const Definition& row, std::initializer_list<std::string> values) {
  const std::scoped_lock lock(mutex_);
  family(row).gauges.emplace_back(text_of(row, values)).metric.Set(1);
}

void Registry::append(std::string& page) const {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < families_.size(); ++i) {
    const Family& family = families_[i];
    if (family.counters.empty() && family.gauges.empty() && family.histograms.empty()) continue;
    append_head(page, kCatalog[i]);
    const std::string_view name = kCatalog[i].name;
    append_values(page, name, family.counters);
    append_values(page, name, family.gauges);
    for (const auto& one : family.histograms)
      append_histogram(page, name, one.labels, one.metric.Collect().histogram);
  }
}

}  // namespace triggerd::metrics
