// A delivery as a worker of payload azure is given it (PROTOCOL.md §11): with dataType string each value is
// the original's envelope, with binary the record's own. What cannot be presented says why, in place of its
// value. Pure.
//
// One for each trigger; thread: that of its event loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "payload/envelope.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::payload {

struct Presentation {
  KeyType key_type = KeyType::string;
  bool as_text = true;      // dataType: string
  bool keeps_keys = false;  // in their own column too: ordering by key needs them
};

// What handlers could not be given as it was.
struct PresenterStats {
  std::uint64_t replaced = 0;    // pieces of text that were not UTF-8 and are U+FFFD to the handler
  std::uint64_t unreadable = 0;  // records
};

class Presenter {
 public:
  explicit Presenter(Presentation presentation) : how_(presentation) {}

  wire::Delivery present(const wire::Delivery& delivery);
  std::vector<wire::Delivery> present(const std::vector<wire::Delivery>& invocation);
  const PresenterStats& stats() const { return stats_; }

 private:
  void fill(wire::RecordView& record, EnvelopeEncoder& encoder, std::size_t room);

  const Presentation how_;
  PresenterStats stats_;
  std::string scratch_;
};

}  // namespace triggerd::payload
