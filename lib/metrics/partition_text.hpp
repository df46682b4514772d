// The series that have one line per partition, written straight to text from a snapshot: a thousand
// partitions cost as many microseconds, where registered metrics would cost tens of milliseconds on the loop
// that serves the page. A partition that is not in the snapshot has no line. Pure.
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

// A label's value between its quotes, as the text format 0.0.4 wants it.
std::string escape_label(std::string_view value);

}  // namespace triggerd::metrics
