// Rules that look at several keys, or at several triggers. Pure.
//
// A rule is silent where a key it looks at has an error already. What is reported stands where the key was
// written: at the trigger, in the defaults, or at the cluster; else where the trigger begins.
#pragma once

#include "config/diagnostic.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"

namespace triggerd::config {

// After parse. The certificates and keys that connections name are looked at through `sources`.
void validate(const Fleet& fleet, const Sources& sources, Findings& findings);

// validate_admin.cpp: the certificates of the admin surface.
void validate_admin(const Admin& admin, const Sources& sources, Findings& findings);

// validate_failure.cpp: what becomes of records whose retries are used up.
void validate_failure(const Trigger& trigger, Findings& findings);

// validate_worker.cpp: fills in the accounts that workers run as. Before validate().
void look_up_accounts(Fleet& fleet, const Sources& sources, Findings& findings);

// validate_scale.cpp: how many instances.
void validate_scale(const Trigger& trigger, Findings& findings);

// validate_connection.cpp: logging in, certificates.
void validate_connections(const Fleet& fleet, const Sources& sources, Findings& findings);

// validate_kafka.cpp: group membership, groups that triggers share.
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
