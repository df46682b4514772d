#include "metrics/partition_text.hpp"

#include <charconv>
#include <type_traits>
#include <variant>

#include "metrics/catalog.hpp"

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

void append_number(std::string& out, const Value& value) {
  char text[32];
  std::visit(
      [&](const auto& v) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::monostate>)
          out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
      },
      value);
}

void append_head(std::string& out, const Definition& row) {
  out.append("# HELP ").append(row.name).append(" ").append(row.help);
  out.append("\n# TYPE ").append(row.name).append(" ").append(name(row.type)).append("\n");
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

std::string escape_label(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

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
        append_number(out, value);
        out += '\n';
      }
    }
  }
}

}  // namespace triggerd::metrics
