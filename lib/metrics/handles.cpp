#include "metrics/handles.hpp"

#include <chrono>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include "base/invariant.hpp"

namespace triggerd::metrics {

void Counter::add(std::uint64_t n) { counter_->Increment(static_cast<double>(n)); }

void Counter::follow(std::uint64_t total) {
  add(total >= followed_ ? total - followed_ : total);
  followed_ = total;
}

void Counter::follow(Duration total) {
  const auto now = static_cast<std::uint64_t>(total.count());
  counter_->Increment(static_cast<double>(now >= followed_ ? now - followed_ : now) / 1e9);
  followed_ = now;
}

void Gauge::set(double value) { gauge_->Set(value); }

void Histogram::observe(double value) { histogram_->Observe(value); }

void Histogram::observe(Duration duration) { observe(std::chrono::duration<double>(duration).count()); }

void Histogram::follow(const dispatch::Durations& total) {
  const dispatch::Durations news = total.count() < followed_.count() ? total : total.since(followed_);
  followed_ = total;
  if (news.count() == 0) return;
  histogram_->ObserveMultiple({news.counts.begin(), news.counts.end()},
                              std::chrono::duration<double>(news.sum).count());
}

template <typename Handle>
Handle& ByValue<Handle>::operator[](std::string_view value) {
  const auto found = handles_.find(value);
  TRIGGERD_INVARIANT(found != handles_.end(), value);
  return found->second;
}

template <typename Handle>
void ByValue<Handle>::select(std::string_view value)
  requires std::is_same_v<Handle, Gauge>
{
  (*this)[value].set(1);
  for (auto& [other, gauge] : handles_) {
    if (other != value) gauge.set(0);
  }
}

template class ByValue<Counter>;
template class ByValue<Gauge>;

}  // namespace triggerd::metrics
