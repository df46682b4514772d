// Which lanes stand still because a record of theirs failed (PROTOCOL.md §9). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "wire/record_batch.hpp"

namespace triggerd::worker_sdk {

class Lanes {
 public:
  enum class Ordering { partition, key, none };
  explicit Lanes(std::string_view ordering);  // Welcome's word

  // The handler must not be called for this record: one of its lane failed in this run or a later one.
  bool blocked(const wire::Delivery& delivery, std::uint32_t index);
  // This record was answered retry.
  void block(const wire::Delivery& delivery, std::uint32_t index);

 private:
  // What failed in a partition, in its latest run.
  struct Failed {
    Epoch epoch;
    std::uint32_t run = 0;
    std::unordered_set<std::string> lanes;
    bool older_than(const wire::Delivery& delivery) const;
  };
  std::string lane(const wire::Delivery& delivery, std::uint32_t index) const;

  Ordering ordering_;
  std::map<TopicPartition, Failed> failed_;
};

}  // namespace triggerd::worker_sdk
