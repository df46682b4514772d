// What of a trigger's configuration each of its parts is given. Pure.
#pragma once

#include <optional>
#include <string>

#include "config/schema.hpp"
#include "kafka/consumer.hpp"
#include "kafka/lag_source.hpp"
#include "kafka/producer.hpp"
#include "payload/presenter.hpp"
#include "pipeline/policy.hpp"
#include "trigger/runner.hpp"
#include "worker/pool.hpp"

namespace triggerd::trigger {

// `journal`: there is one for work done beyond gaps.
pipeline::Policy policy_of(const config::Trigger& trigger, bool journal);
// How its records are shown to handlers; nothing: as they are.
std::optional<payload::Presentation> presentation(const config::Trigger& trigger);
worker::PoolSpec pool_spec(const RunnerSpec& spec);
kafka::ConsumerSpec consumer_spec(const config::Trigger& trigger);
// By its name in the fleet file; that of a trigger which carries the connection itself is the trigger's.
std::string cluster_name(const config::Trigger& trigger);
kafka::LagGroup lag_group(const config::Trigger& trigger);
kafka::ProducerSpec producer_spec(const config::Trigger& trigger);

}  // namespace triggerd::trigger
