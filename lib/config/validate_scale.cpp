// Rules about how many instances a trigger asks for.
#include "config/validate.hpp"

namespace triggerd::config {
namespace {

std::string key_of(const char* name) { return std::string("scale.") + name; }

// In the trigger itself, not by default.
bool wrote(const Trigger& trigger, const char* name, const Findings& findings) {
  return findings.find(join_path("triggers", trigger.name) + "." + key_of(name)) != nullptr;
}

// The one of the two that the trigger has itself, the first where it has both or neither.
std::string blamed(const Trigger& trigger, const char* a, const char* b, const Findings& findings) {
  return key_of(!wrote(trigger, a, findings) && wrote(trigger, b, findings) ? b : a);
}

bool both_sound(const Trigger& trigger, const char* a, const char* b, const Findings& findings) {
  return sound(trigger, key_of(a), findings) && sound(trigger, key_of(b), findings);
}

// As KEDA's scaler refuses them.
void exclusive(const Trigger& trigger, bool both, const char* a, const char* b, Findings& findings) {
  if (!both || !both_sound(trigger, a, b, findings)) return;
  Place place = place_of(trigger, blamed(trigger, a, b, findings), findings);
  findings.error(std::move(place.position), std::move(place.path),
                 std::string(a) + " and " + b + " exclude each other: write one of them");
}

}  // namespace

void validate_scale(const Trigger& trigger, Findings& findings) {
  const ScalePolicy& scale = trigger.scale;
  exclusive(trigger, scale.allow_idle_consumers && scale.limit_to_partitions_with_lag, "allowIdleConsumers",
            "limitToPartitionsWithLag", findings);
  exclusive(trigger, scale.even_distribution && scale.limit_to_partitions_with_lag,
            "ensureEvenDistributionOfPartitions", "limitToPartitionsWithLag", findings);
  if (scale.min_instances > scale.max_instances &&
      both_sound(trigger, "minInstances", "maxInstances", findings)) {
    Place place = place_of(trigger, blamed(trigger, "minInstances", "maxInstances", findings), findings);
    findings.error(std::move(place.position), std::move(place.path),
                   "minInstances (" + std::to_string(scale.min_instances) +
                       ") must not be above maxInstances (" + std::to_string(scale.max_instances) + ")");
  }
  if (scale.mode == ScalePolicy::Mode::lag && wrote(trigger, "drainTarget", findings) &&
      both_sound(trigger, "mode", "drainTarget", findings)) {
    Place place = place_of(trigger, "scale.drainTarget", findings);
    findings.error(std::move(place.position), std::move(place.path),
                   "has no meaning with mode: lag (lagThreshold has)");
  }
  for (const char* name : {"cooldown", "activationLagThreshold"}) {
    if (scale.min_instances == 0 || !wrote(trigger, name, findings) ||
        !both_sound(trigger, name, "minInstances", findings))
      continue;
    Place place = place_of(trigger, key_of(name), findings);
    findings.warning(std::move(place.position), std::move(place.path),
                     "has no effect: minInstances is " + std::to_string(scale.min_instances) +
                         " (0 lets a trigger without work have none)");
  }
}

}  // namespace triggerd::config
