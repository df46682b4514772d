#include "trigger/keep_alive.hpp"

#include <algorithm>

namespace triggerd::trigger {

bool KeepAlive::complete() const { return std::ranges::find(answered_, false) == answered_.end(); }

std::optional<std::uint64_t> KeepAlive::ask(TimePoint now) {
  if (!complete()) return std::nullopt;
  answered_.assign(answered_.size(), false);
  asked_ = now;
  told_ = false;
  return ++round_;
}

bool KeepAlive::turned(std::uint64_t round, std::size_t loop) {
  if (round != round_ || answered_[loop]) return false;
  answered_[loop] = true;
  return complete();
}

std::vector<std::size_t> KeepAlive::stuck(TimePoint now, Duration patience) {
  std::vector<std::size_t> loops;
  if (told_ || now - asked_ < patience) return loops;
  for (std::size_t i = 0; i < answered_.size(); ++i) {
    if (!answered_[i]) loops.push_back(i);
  }
  told_ = !loops.empty();
  return loops;
}

}  // namespace triggerd::trigger
