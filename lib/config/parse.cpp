#include "config/parse.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace triggerd::config {
namespace {

constexpr Enumerator<LogPolicy::Level> kLevels[] = {{"debug", LogPolicy::Level::debug},
                                                    {"info", LogPolicy::Level::info},
                                                    {"warn", LogPolicy::Level::warn},
                                                    {"error", LogPolicy::Level::error}};
constexpr Enumerator<LogPolicy::Format> kFormats[] = {{"logfmt", LogPolicy::Format::logfmt},
                                                      {"json", LogPolicy::Format::json}};

constexpr Field<LogPolicy> kLog[] = {
    {"level", [](const Value& v, LogPolicy& l) { set(l.level, v.one_of(kLevels)); }},
    {"format", [](const Value& v, LogPolicy& l) { set(l.format, v.one_of(kFormats)); }},
};
constexpr Field<Fleet> kFleet[] = {
    {"admin", [](const Value& v, Fleet& f) { read_admin(v, f.admin); }},
    {"log", [](const Value& v, Fleet& f) { read_fields(v, std::span<const Field<LogPolicy>>(kLog), f.log); }},
    {"drainTimeout",
     [](const Value& v, Fleet& f) {
       set(f.drain_timeout, v.duration({Duration{}, std::chrono::hours(24)}));
     }},
    {"lagInterval",
     [](const Value& v, Fleet& f) {
       set(f.lag_interval, v.duration({std::chrono::seconds(1), std::chrono::minutes(5)}));
     }},
    {"maxInFlightBytes", [](const Value& v, Fleet& f) { set(f.max_in_flight_bytes, v.size(kAnyBytes)); }},
    {"stateDirectory",
     [](const Value& v, Fleet& f) {
       if (const auto text = v.nonempty_text()) f.state_directory = v.relative_path(*text);
     }},
    // These are read by read_includes and by FleetReader, in their own order.
    {"include", [](const Value&, Fleet&) {}},
    {"defaults", [](const Value&, Fleet&) {}},
    {"clusters", [](const Value&, Fleet&) {}},
    {"triggers", [](const Value&, Fleet&) {}},
};
constexpr Withheld kFleetWithheld[] = {
    {"apps"}, {"scale", "belongs under defaults, or a trigger"}, {"threads"}};

// Names become labels, file names and parts of URLs.
bool check_name(const std::string& name, const Value& value, const char* what) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good =
      !name.empty() && name.size() <= 63 && plain(name[0]) &&
      std::ranges::all_of(name, [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
  if (!good)
    value.error(std::string("a ") + what +
                "'s name is at most 63 letters, digits, '.', '_' and '-', the first a letter or digit");
  return good;
}

const Entry* find_entry(const NodePtr& root, std::string_view key) {
  if (!root) return nullptr;
  const auto it = std::ranges::find(root->entries, key, &Entry::key);
  return it == root->entries.end() ? nullptr : &*it;
}

// Reads the files of one fleet in the order their keys need: defaults, then clusters and triggers.
class FleetReader {
 public:
  FleetReader(const std::vector<File>& files, const Sources& sources, Findings& findings)
      : files_(files), findings_(findings) {
    for (const File& file : files) readings_.push_back({file.path, &sources, &findings});
  }

  Fleet read() {
    for (std::size_t i = 0; i < files_.size(); ++i) read_top(i);
    if (const Entry* entry = find_entry(files_.front().root, "defaults"))
      read_defaults(value_of(0, *entry), defaults_);
    for (std::size_t i = 0; i < files_.size(); ++i)
      read_section(i, "clusters", &FleetReader::read_one_cluster);
    for (std::size_t i = 0; i < files_.size(); ++i)
      read_section(i, "triggers", &FleetReader::read_one_trigger);
    std::ranges::sort(fleet_.triggers, {}, &Trigger::name);
    return std::move(fleet_);
  }

 private:
  using ReadOne = void (FleetReader::*)(const std::string& name, const Value& value);

  Value value_of(std::size_t file, const Entry& entry) const {
    return {readings_[file], entry.value, entry.mark, entry.key};
  }

  void read_top(std::size_t file) {
    if (!files_[file].root) return;
    const Value root(readings_[file], files_[file].root, {1, 1}, "");
    if (file == 0) return read_fields(root, std::span<const Field<Fleet>>(kFleet), fleet_, kFleetWithheld);
    for (const auto& [key, value] : root.entries())
      if (key != "clusters" && key != "triggers") refuse_included(root, key, value);
  }

  static void refuse_included(const Value& root, const std::string& key, const Value& value) {
    for (const Field<Fleet>& field : kFleet)
      if (field.name == key)
        return value.error("belongs in the fleet file; an included file holds clusters and triggers only");
    refuse_key(root, key, value, {"clusters", "triggers"});
  }

  // A map of names, over all files: a name defined twice is an error that names both places.
  void read_section(std::size_t file, std::string_view section, ReadOne read_one) {
    const Entry* entry = find_entry(files_[file].root, section);
    if (entry == nullptr || entry->value->kind == Node::Kind::null)
      return;  // `triggers:` with all commented out
    const Value map = value_of(file, *entry);
    if (!map.is_map()) return map.refuse("must be a map from names to their keys");
    for (const Entry& named : entry->value->entries) {
      const Value value(readings_[file], named.value, named.mark, join_path(map.path(), named.key));
      findings_.saw(value.path(), value.position());
      const auto [first, fresh] = defined_.try_emplace({section, named.key}, value.position());
      if (fresh)
        (this->*read_one)(named.key, value);
      else
        value.error("is defined twice, first at " + to_string(first->second));
    }
  }

  void read_one_cluster(const std::string& name, const Value& value) {
    if (!check_name(name, value, "cluster")) return;
    read_cluster(value, fleet_.clusters[name]);
  }

  void read_one_trigger(const std::string& name, const Value& value) {
    if (!check_name(name, value, "trigger")) return;
    Trigger trigger = defaults_;
    trigger.name = name;
    trigger.position = value.position();
    read_trigger(value, fleet_.clusters, trigger);
    if (trigger.consumer_group.empty())
      trigger.consumer_group = trigger.connection.event_hub ? "$Default" : name;
    fleet_.triggers.push_back(std::move(trigger));
  }

  const std::vector<File>& files_;
  Findings& findings_;
  std::vector<Reading> readings_;
  Fleet fleet_;
  Trigger defaults_;
  std::map<std::pair<std::string_view, std::string>, Position> defined_;  // by section and name
};

}  // namespace

void refuse_key(const Value& map, std::string_view key, const Value& value,
                const std::vector<std::string_view>& known, std::span<const Withheld> withheld) {
  for (const Withheld& one : withheld) {
    if (one.name != key) continue;
    return value.error(one.reason.empty() ? not_available(key) : std::string(one.reason));
  }
  map.findings().error(value.position(), map.path(),
                       "unknown key " + in_quotes(key) + did_you_mean(key, known));
}

std::vector<Include> read_includes(const File& fleet_file, const Sources& sources, Findings& findings) {
  std::vector<Include> includes;
  const Entry* entry = find_entry(fleet_file.root, "include");
  if (entry == nullptr) return includes;
  const Reading reading{fleet_file.path, &sources, &findings};
  for (const Value& item : Value(reading, entry->value, entry->mark, "include").items_or_self())
    if (const auto pattern = item.nonempty_text()) {
      const std::string where = item.relative_path(*pattern);
      const bool brought_in = findings.is_brought_in(item.path());
      includes.push_back({where, item.position(), item.path(), brought_in ? item.written() : where});
    }
  return includes;
}

Fleet parse(const std::vector<File>& files, const Sources& sources, Findings& findings) {
  return FleetReader(files, sources, findings).read();
}

std::vector<KeyGroup> known_keys() {
  std::vector<KeyGroup> groups;
  append_keys(groups, "fleet", std::span<const Field<Fleet>>(kFleet));
  append_keys(groups, "admin", admin_fields());
  append_keys(groups, "log", std::span<const Field<LogPolicy>>(kLog));
  append_keys(groups, "connection", connection_fields());
  append_trigger_keys(groups);
  return groups;
}

}  // namespace triggerd::config
