#include "metrics/partition_text.hpp"

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

void append(std::string& out, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return append_count(out, *whole);
  if (const auto* real = std::get_if<double>(&value)) append_number(out, *real);
}

// {trigger="…",topic="…",partition="3"}, written once and used by each family.
std::vector<std::string> label_sets(std::span<const PartitionSnapshot> triggers) {
  std::vector<std::string> result;
  for (const auto& [trigger, partitions] : triggers) {
    const std::string prefix = "{trigger=\"" + escape_label(trigger) + "\",topic=\"";
    for (const PartitionValues& p : partitions) {
      result.push_back(prefix + escape_label(p.source.topic.name()) + "\",partition=\"" +
                       std::to_string(p.source.partition.value) + "\"} ");
    }
  }
  return result;
}

}  // namespace

void append_partitions(std::string& out, std::span<const PartitionSnapshot> triggers) {
  const std::vector<std::string> labels = label_sets(triggers);
  for (const Family& family : kFamilies) {
    bool head = false;
    std::size_t i = 0;
    for (const auto& [trigger, partitions] : triggers) {
      for (const PartitionValues& p : partitions) {
        const std::string& label_set = labels[i++];
        const Value value = family.value(p);
        if (std::holds_alternative<std::monostate>(value)) continue;
        if (!head) append_head(out, family.definition);
        head = true;
        out.append(family.definition.name).append(label_set);
        append(out, value);
        out += '\n';
      }
    }
  }
}

}  // namespace triggerd::metrics
