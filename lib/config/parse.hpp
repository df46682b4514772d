// Trees → the fleet, key by key. Collects every error. What needs several keys at once is validate.hpp's.
// Pure.
//
// A trigger starts as a copy of `defaults`; its own keys are read over it, nested maps key by key, `env` and
// `kafka` name by name, lists as a whole.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/fields.hpp"
#include "config/load.hpp"
#include "config/reader.hpp"

namespace triggerd::config {

struct File {
  std::string path;
  NodePtr root;  // nullptr: it is empty
};

// The patterns the fleet file wants included, relative ones made relative to it.
struct Include {
  std::string pattern;
  Position position;
  std::string path;   // include[0]
  std::string shown;  // the pattern, or what the file has in its place where that came from outside
};
std::vector<Include> read_includes(const File& fleet_file, const Sources& sources, Findings& findings);

// The first file is the fleet file; the others hold clusters and triggers. A trigger that names a
// cluster has its connection, if there is one of the name.
Fleet parse(const std::vector<File>& files, const Sources& sources, Findings& findings);

// Every key that is understood, for the key reference and its test.
struct KeyGroup {
  std::string_view section;  // "trigger"
  std::vector<std::string_view> keys;
};
std::vector<KeyGroup> known_keys();

template <typename T>
void append_keys(std::vector<KeyGroup>& groups, std::string_view section, std::span<const Field<T>> fields) {
  append_names(fields, groups.emplace_back(KeyGroup{section, {}}).keys);
}

// What a budget of bytes may be.
constexpr Range<std::uint64_t> kAnyBytes{1, 1ull << 40};
// What a wait or a time limit may be.
constexpr Range<Duration> kAnyInterval{std::chrono::milliseconds(1), std::chrono::hours(7 * 24)};

// parse_admin.cpp
std::span<const Field<Admin>> admin_fields();
void read_admin(const Value& map, Admin& admin);

// parse_connection.cpp
std::span<const Field<Connection>> connection_fields();
// What no connection can have yet; for clusters and triggers.
std::span<const Withheld> withheld_connection_keys();
void read_cluster(const Value& map, Connection& connection);
// Around the reading of a map's own connection keys: before, where they go over a cluster's; and after.
void begin_override(const Value& map, Connection& connection);
void end_connection(const Value& map, Connection& connection);

// parse_scale.cpp
std::span<const Field<ScalePolicy>> scale_fields();
void read_scale(const Value& map, Trigger& trigger);

// parse_trigger.cpp
void read_defaults(const Value& map, Trigger& defaults);
// `trigger` comes in as a copy of the defaults, named. One that names a cluster begins with its connection.
void read_trigger(const Value& map, const std::map<std::string, Connection>& clusters, Trigger& trigger);
void append_trigger_keys(std::vector<KeyGroup>& groups);

// parse_worker.cpp
void read_worker(const Value& map, WorkerSpec& worker);
void append_worker_keys(std::vector<KeyGroup>& groups);

}  // namespace triggerd::config
