// Whom workers run as, and what they may take.
#include "config/suggest.hpp"
#include "config/validate.hpp"

namespace triggerd::config {
namespace {

constexpr const char* kUser = "worker.user";
constexpr const char* kGroup = "worker.group";

// A name that a reference brought is not shown.
std::string named(const std::string& name, const Place& place, const Findings& findings) {
  return findings.is_brought_in(place.path) ? "of this name" : in_quotes(name);
}

void look_up(Trigger& trigger, const Sources& sources, Findings& findings) {
  WorkerSpec& worker = trigger.worker;
  if (!sound(trigger, kUser, findings) || !sound(trigger, kGroup, findings)) return;
  if (worker.user.empty()) {
    if (worker.group.empty()) return;
    const Place place = place_of(trigger, kGroup, findings);
    return findings.error(place.position, place.path, "needs a user that is to have it: worker.user");
  }
  const Result<Account> account = sources.account(worker.user, worker.group);
  if (account) {
    worker.account = *account;
    return;
  }
  const bool is_group = account.error().code == "group";
  const Place place = place_of(trigger, is_group ? kGroup : kUser, findings);
  findings.error(
      place.position, place.path,
      account.error().message + " " + named(is_group ? worker.group : worker.user, place, findings));
}

}  // namespace

void look_up_accounts(Fleet& fleet, const Sources& sources, Findings& findings) {
  for (Trigger& trigger : fleet.triggers) look_up(trigger, sources, findings);
}

}  // namespace triggerd::config
