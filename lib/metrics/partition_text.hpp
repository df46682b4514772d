// The series that have one line per partition, written straight to text from a snapshot: partitions come and
// go, and one that is not in the snapshot has no line. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/types.hpp"

namespace triggerd::metrics {

// What is known of one partition; what is not known is not exported (it must never read as 0).
struct PartitionValues {
  TopicPartition source;
  std::optional<std::int64_t> lag;
  std::optional<Duration> behind;
  std::optional<Offset> committed, position, start, end;
  bool operator==(const PartitionValues&) const = default;
};

// A trigger's name and its partitions.
using PartitionSnapshot = std::pair<std::string, std::vector<PartitionValues>>;

// Appends the families in catalogue order; a family without a value is left out.
void append_partitions(std::string& out, std::span<const PartitionSnapshot> triggers);

}  // namespace triggerd::metrics
