#include "metrics/partition_text.hpp"

#include <iterator>
#include <utility>
#include <variant>

#include "metrics/text.hpp"

namespace triggerd::metrics {
namespace {

using Value = std::variant<std::monostate, std::int64_t, double>;

Value number(const std::optional<Offset>& offset) { return offset ? Value(offset->value) : Value(); }

struct Family {
  const Definition& definition;
  Value (*value)(const PartitionValues&);
};

constexpr Family kFamilies[] = {
    {definition("triggerd_consumer_lag_records"),
     [](const PartitionValues& p) { return p.lag ? Value(*p.lag) : Value(); }},
    {definition("triggerd_consumer_lag_seconds"),
     [](const PartitionValues& p) {
       return p.behind ? Value(std::chrono::duration<double>(*p.behind).count()) : Value();
     }},
    {definition("triggerd_committed_offset"), [](const PartitionValues& p) { return number(p.committed); }},
    {definition("triggerd_position_offset"), [](const PartitionValues& p) { return number(p.position); }},
    {definition("triggerd_start_offset"), [](const PartitionValues& p) { return number(p.start); }},
    {definition("triggerd_end_offset"), [](const PartitionValues& p) { return number(p.end); }},
};

void append_value(std::string& out, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return append_count(out, *whole);
  if (const auto* real = std::get_if<double>(&value)) append_number(out, *real);
}

}  // namespace

PartitionText::PartitionText(std::vector<PartitionSnapshot> triggers) {
  for (auto& [trigger, partitions] : triggers) {
    const std::string prefix = "{trigger=\"" + escape_label(trigger) + "\",topic=\"";
    for (PartitionValues& values : partitions) {
      std::string labels = prefix + escape_label(values.source.topic.name()) + "\",partition=\"" +
                           std::to_string(values.source.partition.value) + "\"} ";
      rows_.push_back({std::move(labels), std::move(values)});
    }
  }
}

bool PartitionText::append(std::string& page, std::size_t bytes) {
  const std::size_t enough = page.size() + bytes;
  for (; family_ < std::size(kFamilies); ++family_, row_ = 0, headed_ = false) {
    const Family& family = kFamilies[family_];
    for (; row_ < rows_.size(); ++row_) {
      const Value value = family.value(rows_[row_].values);
      if (std::holds_alternative<std::monostate>(value)) continue;
      if (page.size() >= enough) return true;
      if (!std::exchange(headed_, true)) append_head(page, family.definition);
      page.append(family.definition.name).append(rows_[row_].labels);
      append_value(page, value);
      page += '\n';
    }
  }
  return false;
}

}  // namespace triggerd::metrics
