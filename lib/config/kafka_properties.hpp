// What a `kafka:` map may hold: librdkafka's properties, less those that triggerd sets itself. Pure.
//
// librdkafka would refuse a wrong name or value too, but only at start, one at a time and without a place,
// and it reads 017 as 15. The table is that of 2.15 (CONFIGURATION.md).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace triggerd::config {

struct KafkaProperty {
  enum class Kind { text, integer, boolean, secret };
  std::string_view name;
  Kind kind = Kind::text;
  std::int64_t least = 0;  // of an integer
  std::int64_t most = 0;
  std::string_view words = {};  // of an enumeration: "classic, consumer"
};

// nullptr: librdkafka has no such property, or it is not the user's.
const KafkaProperty* find_kafka_property(std::string_view name);
// Why a property is not the user's ("is set with consumerGroup"); empty where it is, or where there is none.
std::string_view owned_property(std::string_view name);
// The names the user may set, for suggestions.
std::vector<std::string_view> kafka_property_names();

}  // namespace triggerd::config
