// Rules that look at several keys, or at several triggers. Pure.
//
// A rule is silent where a key it looks at has an error already. What is reported stands where the key was
// written: at the trigger, in the defaults, or at the cluster; else where the trigger begins.
#pragma once

#include "config/diagnostic.hpp"
#include "config/schema.hpp"

namespace triggerd::config {

// Gives each trigger that names a cluster its connection; the trigger's own `kafka` properties go over the
// cluster's. Reports clusters that do not exist.
void resolve_connections(Fleet& fleet, Findings& findings);

// After resolve_connections.
void validate(const Fleet& fleet, Findings& findings);

// validate_failure.cpp: what becomes of records whose retries are used up.
void validate_failure(const Trigger& trigger, Findings& findings);

// validate_scale.cpp: how many instances.
void validate_scale(const Trigger& trigger, Findings& findings);

// validate_kafka.cpp: logging in, group membership, groups that triggers share.
void validate_connections(const Fleet& fleet, Findings& findings);
void validate_membership(const Trigger& trigger, Findings& findings);
void validate_groups(const Fleet& fleet, Findings& findings);
void validate_static_members(const Fleet& fleet, Findings& findings);

// Where a trigger's key was written, and under which path: the first of the trigger itself, the defaults and
// (for connections) its cluster; else the trigger.
struct Place {
  Position position;
  std::string path;
};
Place place_of(const Trigger& trigger, const std::string& key, const Findings& findings);
// Whether the key was read without an error, wherever it was written.
bool sound(const Trigger& trigger, const std::string& key, const Findings& findings);

}  // namespace triggerd::config
