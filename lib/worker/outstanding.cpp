#include "worker/outstanding.hpp"

#include <bit>

#include "base/invariant.hpp"

namespace triggerd::worker {

void Outstanding::add(BatchId id, std::uint32_t records) {
  TRIGGERD_INVARIANT(batches_.emplace(id, Sent{records, records, {}}).second, "a batch id is used once");
}

// How many of them had no answer yet.
std::uint32_t Outstanding::mark(Sent& batch, std::uint32_t first, std::uint32_t last) {
  int fresh = 0;
  for (std::uint32_t word = first / 64; word <= last / 64; ++word) {
    std::uint64_t mask = ~std::uint64_t{0};
    if (word == first / 64) mask &= ~std::uint64_t{0} << (first % 64);
    if (word == last / 64) mask &= ~std::uint64_t{0} >> (63 - last % 64);
    fresh += std::popcount(mask & ~batch.answered[word]);
    batch.answered[word] |= mask;
  }
  return static_cast<std::uint32_t>(fresh);
}

Result<bool> Outstanding::answer(const wire::Ack& ack) {
  const auto found = batches_.find(ack.id);
  if (found == batches_.end()) {
    ++ignored_;
    return false;
  }
  Sent& batch = found->second;
  const auto broken = [&](std::string text) {
    return Error{"protocol_error", "Ack: " + std::move(text) + " batch " + std::to_string(ack.id.value) +
                                       " of " + std::to_string(batch.records) + " records"};
  };
  std::uint64_t covered = 0;
  if (!ack.answers.empty() && batch.answered.empty()) batch.answered.resize((batch.records + 63) / 64);
  for (const wire::Answer& answer : ack.answers) {
    if (answer.first > answer.last || answer.last >= batch.records) {
      return broken("index " + std::to_string(answer.last) + " is outside");
    }
    covered += answer.last - answer.first + 1;
    if (covered > batch.records) return broken("more answers than");
    const std::uint32_t fresh = mark(batch, answer.first, answer.last);
    ignored_ += fresh == 0 ? 1 : 0;
    batch.unanswered -= fresh;
    if (answer.code != wire::Answer::Code::release) handled_ += fresh;
  }
  if (ack.answers.empty()) handled_ += batch.unanswered;
  if (ack.answers.empty() || batch.unanswered == 0) batches_.erase(found);
  return true;
}

}  // namespace triggerd::worker
