#include "scale/pool_size.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace triggerd::scale {
namespace {

std::string processes(std::uint32_t n) { return std::to_string(n) + (n == 1 ? " process" : " processes"); }

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + " %"; }

// Seconds that what waits will take; a long time where none has been handled yet and not all fits the
// workers.
double backlog_of(const PoolInputs& in) {
  if (in.waiting == 0) return 0;
  if (in.rate > 0) return static_cast<double>(in.waiting) / in.rate;
  return in.waiting > std::uint64_t{in.ready} * in.concurrency ? std::numeric_limits<double>::infinity() : 0;
}

std::string state(const PoolInputs& in) {
  if (in.ready < in.wanted) return std::to_string(in.ready) + " of " + processes(in.wanted) + " are ready";
  return processes(in.wanted) + (in.wanted == 1 ? " was" : " were") + " busy for " + percent(in.busy) +
         " of the time with " + std::to_string(in.waiting) + " records waiting";
}

}  // namespace

const char* name(PoolRule rule) {
  switch (rule) {
    case PoolRule::grow: return "grow";
    case PoolRule::shrink: return "shrink";
    case PoolRule::steady: return "steady";
    case PoolRule::limits: return "limits";
    case PoolRule::most_processes: return "most_processes";
    case PoolRule::partitions: return "partitions";
    case PoolRule::memory: return "memory";
    case PoolRule::starting: return "starting";
    case PoolRule::settling: return "settling";
    case PoolRule::quiet: return "quiet";
  }
  return "";
}

PoolDecision PoolSize::decide(const PoolInputs& inputs, TimePoint now) {
  PoolDecision d = judge(inputs, now);
  d.now = now;
  d.current = inputs.wanted;
  if (d.target != d.current) settled_.reset();
  return d;
}

PoolDecision PoolSize::judge(const PoolInputs& in, TimePoint now) {
  const auto stay = [&](PoolRule rule, std::string text) {
    return PoolDecision{{}, 0, in.wanted, rule, std::move(text)};
  };
  if (in.wanted < least_ || in.wanted > most_) {
    const std::uint32_t within = std::clamp(in.wanted, least_, most_);
    return {{}, 0, within, PoolRule::limits, processes(within) + " is the nearest that processes allows"};
  }
  const bool starting = in.ready < in.wanted;
  if (starting) settled_.reset();
  if (!starting && !settled_) settled_ = now;
  const double backlog = backlog_of(in);
  if (in.busy <= kBusy || backlog <= kBacklogSeconds) return rest(in, backlog, now);
  quiet_.reset();
  if (starting) return stay(PoolRule::starting, state(in));
  if (now - *settled_ < kSettle) return stay(PoolRule::settling, "the last change is not seen at work yet");
  return grow(in, backlog, now);
}

PoolDecision PoolSize::grow(const PoolInputs& in, double backlog, TimePoint now) {
  // A backlog of 10 s or more doubles; a shorter one adds its share. No more than the waiting records can
  // fill.
  const double share = std::min(backlog / 10, 1.0);
  const std::uint64_t each = std::max(in.concurrency, 1U), fill = (in.waiting + each - 1) / each;
  const auto more = std::min<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(in.wanted * share)), fill);
  PoolDecision d{{}, 0, static_cast<std::uint32_t>(in.wanted + more), PoolRule::grow, {}};
  const auto limit = [&](std::uint64_t most, PoolRule rule) {
    if (d.target > most) d = {{}, 0, std::max(static_cast<std::uint32_t>(most), in.wanted), rule, {}};
  };
  limit(most_, PoolRule::most_processes);
  if (in.useful) limit(*in.useful, PoolRule::partitions);
  if (in.process_bytes && in.free_bytes && *in.process_bytes > 0)
    limit(in.wanted + std::min<std::uint64_t>(*in.free_bytes / *in.process_bytes, most_), PoolRule::memory);
  d.text = state(in) + ": " + processes(d.target);
  if (d.rule == PoolRule::most_processes) d.text += ", which is processes.max";
  if (d.rule == PoolRule::partitions) d.text += "; more would have no partition";
  if (d.rule == PoolRule::memory) d.text += "; there is no memory for more";
  if (d.target > in.wanted) {
    patience_ = shrunk_ && now - *shrunk_ < 2 * patience_ ? std::min(2 * patience_, kLongestQuiet) : kQuiet;
  }
  return d;
}

PoolDecision PoolSize::rest(const PoolInputs& in, double backlog, TimePoint now) {
  const auto decision = [&](std::uint32_t target, PoolRule rule, const std::string& text) {
    return PoolDecision{{}, 0, target, rule, state(in) + text};
  };
  // Those that are ready do all the work: one that cannot start is not missed where they are hardly busy.
  const bool fewer_do = in.wanted > least_ && backlog <= kBacklogSeconds &&
                        in.busy * in.ready <= kBusyAfterShrink * std::min(in.ready, in.wanted - 1);
  if (!fewer_do) quiet_.reset();
  if (fewer_do && !quiet_) quiet_ = now;
  if (!fewer_do || now - *quiet_ < patience_) {
    if (in.ready < in.wanted) return decision(in.wanted, PoolRule::starting, "");
    return fewer_do ? decision(in.wanted, PoolRule::quiet, ": one fewer would do, if it lasts")
                    : decision(in.wanted, PoolRule::steady, ": that is right");
  }
  quiet_ = shrunk_ = now;
  return decision(in.wanted - 1, PoolRule::shrink, ": one fewer will do");
}

}  // namespace triggerd::scale
