// Tables of keys: which key of a map sets which field. A new key is one row. Pure; for the parse_*.cpp files.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/value.hpp"

namespace triggerd::config {

template <typename T>
struct Field {
  std::string_view name;
  void (*read)(const Value&, T&);
};

// A key that is refused for a reason of its own. Empty reason: it is not available in this version yet.
struct Withheld {
  std::string_view name;
  std::string_view reason = {};
};

template <typename T>
bool read_field(std::span<const Field<T>> fields, std::string_view key, const Value& value, T& target) {
  for (const Field<T>& field : fields) {
    if (field.name != key) continue;
    field.read(value, target);
    return true;
  }
  return false;
}

template <typename T>
void append_names(std::span<const Field<T>> fields, std::vector<std::string_view>& names) {
  for (const Field<T>& field : fields) names.push_back(field.name);
}

// Reports `key` of `map`, which stands at `value` and is none of `known`.
void refuse_key(const Value& map, std::string_view key, const Value& value,
                const std::vector<std::string_view>& known, std::span<const Withheld> withheld = {});

// A map whose keys are all in one table.
template <typename T>
void read_fields(const Value& map, std::span<const Field<T>> fields, T& target,
                 std::span<const Withheld> withheld = {}) {
  for (const auto& [key, value] : map.entries()) {
    if (read_field(fields, key, value, target)) continue;
    std::vector<std::string_view> known;
    append_names(fields, known);
    refuse_key(map, key, value, known, withheld);
  }
}

// Puts what was read where it belongs; what was wrong has been reported and changes nothing.
template <typename T, typename U>
void set(T& target, std::optional<U> found) {
  if (found) target = *std::move(found);
}

}  // namespace triggerd::config
