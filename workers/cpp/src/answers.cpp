#include "answers.hpp"

#include <algorithm>

namespace triggerd::worker_sdk {

namespace {

// One Ack's answers stay well below the 16 MiB of a frame even if each has a reason of 4 KiB.
constexpr std::size_t kMostAnswers = 2048;

}  // namespace

void Answers::add(std::uint32_t index, const Outcome& outcome) {
  if (!ack_.answers.empty()) {
    wire::Answer& last = ack_.answers.back();
    if (last.code == outcome.code && last.last + 1 == index &&
        last.retry_after_ms == outcome.retry_after_ms && last.reason == outcome.reason) {
      last.last = index;
      return;
    }
  }
  ack_.answers.push_back({index, index, outcome.code, outcome.retry_after_ms, outcome.reason});
}

void Answers::write_so_far(std::string& out) {
  for (std::size_t first = 0; first < ack_.answers.size(); first += kMostAnswers) {
    const auto begin = ack_.answers.begin() + static_cast<std::ptrdiff_t>(first);
    const std::size_t count = std::min(kMostAnswers, ack_.answers.size() - first);
    wire::encode(out, wire::Ack{ack_.id, {begin, begin + static_cast<std::ptrdiff_t>(count)}});
  }
  ack_.answers.clear();
}

// An empty Ack says ok for the rest, whatever was answered before.
void Answers::write_rest(std::string& out) {
  const bool all_ok = std::all_of(ack_.answers.begin(), ack_.answers.end(), [](const wire::Answer& answer) {
    return answer.code == wire::Answer::Code::ok;
  });
  if (!all_ok) return write_so_far(out);
  if (!ack_.answers.empty()) wire::encode(out, wire::Ack{ack_.id, {}});
  ack_.answers.clear();
}

}  // namespace triggerd::worker_sdk
