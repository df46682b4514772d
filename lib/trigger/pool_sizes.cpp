#include "trigger/pool_sizes.hpp"

#include <algorithm>

#include <boost/asio/io_context.hpp>

#include "base/log.hpp"

namespace triggerd::trigger {
namespace {

constexpr Duration kBeat = std::chrono::seconds(1);

scale::PoolInputs inputs_of(const Status& status, const Load& load, config::Ordering ordering) {
  scale::PoolInputs in;
  in.wanted = status.pool.wanted;
  in.ready = status.pool.ready;
  in.busy = load.busy;
  in.waiting =
      status.stats.undelivered - std::min(status.stats.undelivered, status.stats.undelivered_standing);
  in.rate = load.handled;
  in.concurrency = status.concurrency;
  if (ordering == config::Ordering::partition)
    in.useful = static_cast<std::uint32_t>(status.partitions.size());
  if (status.pool.largest_bytes > 0) in.process_bytes = status.pool.largest_bytes;
  return in;
}

}  // namespace

PoolSizes::PoolSizes(boost::asio::io_context& control, const std::vector<config::Trigger>& triggers,
                     Sink sink, FreeMemory free_memory)
    : timer_(control), sink_(std::move(sink)), free_memory_(std::move(free_memory)) {
  for (const config::Trigger& t : triggers) {
    if (t.worker.max_processes == t.worker.min_processes) continue;
    sized_.emplace(t.name, Sized{t.ordering, scale::PoolSize(t.worker.min_processes, t.worker.max_processes),
                                 LoadMeter(kBeat - kBeat / 10)});
  }
}

void PoolSizes::start() {
  if (!sized_.empty()) beat();
}

void PoolSizes::stop() { timer_.cancel(); }

// A trigger that waits says nothing by itself, and that it waits is what may matter.
void PoolSizes::beat() {
  for (const auto& [name, sized] : sized_) sink_.report(name);
  timer_.expires_after(kBeat);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) beat();
  });
}

// A process that was asked for has not taken its memory yet; pools that grow at once share what is left.
std::optional<std::uint64_t> PoolSizes::unpromised_memory() const {
  std::optional<std::uint64_t> left = free_memory_();
  if (!left) return left;
  for (const auto& [name, sized] : sized_) *left -= std::min(*left, sized.promised_bytes);
  return left;
}

void PoolSizes::took(const Status& status) {
  const auto found = sized_.find(status.trigger);
  if (found == sized_.end() || status.state == State::draining || status.state == State::stopped) return;
  Sized& sized = found->second;
  const auto load = sized.meter.took(status);
  if (!load) return;
  sized.promised_bytes = 0;
  scale::PoolInputs inputs = inputs_of(status, *load, sized.ordering);
  if (inputs.process_bytes) inputs.free_bytes = unpromised_memory();
  sized.last = sized.size.decide(inputs, status.at);
  const scale::PoolDecision& d = *sized.last;
  if (d.target > inputs.ready) sized.promised_bytes = (d.target - inputs.ready) * status.pool.largest_bytes;
  if (d.target == d.current) return;
  log::info("pool_resized", {{"trigger", status.trigger},
                             {"from", d.current},
                             {"to", d.target},
                             {"rule", scale::name(d.rule)},
                             {"reason", d.text}});
  sink_.resize(status.trigger, d.target);
}

const scale::PoolDecision* PoolSizes::decision(const std::string& trigger) const {
  const auto found = sized_.find(trigger);
  return found == sized_.end() || !found->second.last ? nullptr : &*found->second.last;
}

}  // namespace triggerd::trigger
