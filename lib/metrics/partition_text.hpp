// The series that have one line per partition, written straight to text from a snapshot: partitions come and
// go, and one that is not in the snapshot has no line. Pure.
#pragma once

#include <cstdint>
#include <optional>
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

// The families in catalogue order, piece by piece; a family without a value is left out.
class PartitionText {
 public:
  explicit PartitionText(std::vector<PartitionSnapshot> triggers);

  // Appends what follows, `bytes` and a line at most; false: that was the end.
  bool append(std::string& page, std::size_t bytes);

 private:
  struct Row {
    std::string labels;  // {trigger="…",topic="…",partition="3"} and a blank
    PartitionValues values;
  };
  std::vector<Row> rows_;
  std::size_t family_ = 0, row_ = 0;  // what comes next
  bool headed_ = false;               // the family's head is written
};

}  // namespace triggerd::metrics
