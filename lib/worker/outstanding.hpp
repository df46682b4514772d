// What one worker has been sent and not answered: keeps indices honest, and tells busy from idle. Pure.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "wire/message.hpp"

namespace triggerd::worker {

class Outstanding {
 public:
  void add(BatchId id, std::uint32_t records);
  // True: it answers a batch this worker has. False: an id that is finished or was never sent, which is
  // counted. An error (`protocol_error`) where an answer lies outside its batch, or one Ack answers more than
  // there is: no frame may cost more than its batch did.
  Result<bool> answer(const wire::Ack& ack);

  bool empty() const { return batches_.empty(); }
  // Records that were handled, well or not: those released do not count.
  std::uint64_t handled() const { return handled_; }
  // Acks of unknown batches, and answers that said nothing new.
  std::uint64_t ignored() const { return ignored_; }

 private:
  struct Sent {
    std::uint32_t records = 0;
    std::uint32_t unanswered = 0;
    std::vector<std::uint64_t> answered;  // a bit set; empty until an Ack answers a part
  };
  static std::uint32_t mark(Sent& batch, std::uint32_t first, std::uint32_t last);

  std::unordered_map<BatchId, Sent> batches_;
  std::uint64_t handled_ = 0;
  std::uint64_t ignored_ = 0;
};

}  // namespace triggerd::worker
