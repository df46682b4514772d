// Which lanes stand still because a record of theirs is to be tried again (PROTOCOL.md §9). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "wire/record_batch.hpp"

namespace triggerd::worker_sdk {

class Lanes {
 public:
  enum class Ordering { partition, key, none };
  explicit Lanes(std::string_view ordering);  // Welcome's word

  // The handler must not be called for this record: one of its lane failed in this run or a later one. Asked
  // in a lane's order, so the first record of a higher run ends its hold; other lanes' end nothing.
  bool blocked(const wire::Delivery& delivery, std::uint32_t index);
  // This record was answered retry.
  void block(const wire::Delivery& delivery, std::uint32_t index);

 private:
  // What stands still in one assignment of a partition.
  struct Held {
    Epoch epoch;
    std::unordered_map<std::string, std::uint32_t> runs;  // of each lane, the highest it is held in
    // So many lanes failed that all are held up to this run: keys may have been delivered again to other
    // workers, and what is held needlessly is only delivered once more.
    std::optional<std::uint32_t> every_lane;
  };
  // nullopt: the record is a lane of its own.
  std::optional<std::string> lane(const wire::Delivery& delivery, std::uint32_t index) const;

  Ordering ordering_;
  std::map<TopicPartition, Held> held_;
};

}  // namespace triggerd::worker_sdk
