// librdkafka's configuration of one trigger's consumer, of its producer of dead letters, and of the lag
// source's client. Any thread; no I/O.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/consumer.hpp"
#include "kafka/handle.hpp"
#include "kafka/lag_source.hpp"
#include "kafka/producer.hpp"

namespace triggerd::kafka {

struct Property {
  std::string name;
  std::string value;  // may be a secret: never print
  bool operator==(const Property&) const = default;
};

// In the order they are set, the last of a name counts: our defaults, the user's `kafka:` properties, and
// what is not the user's to decide.
//
// Memory. All partition queues are forwarded to one record queue, and librdkafka measures the queue a
// partition is forwarded to: so `queued.max.messages.kbytes`, documented per partition, bounds the trigger,
// and it is spec.queued_bytes. (Not forwarded, 100 partitions would hold 100 times as much.) It is looked at
// before a fetch, so each broker may add one response: `fetch.max.bytes` is a quarter of it. Payload bytes
// are not all: a queued record costs about 300 bytes more, so `queued.min.messages`, the number at which
// fetching stops, falls with the budget too.
std::vector<Property> properties(const ConsumerSpec& spec);

// The same for a producer: of the user's, those that are not about consuming.
//
// A record that could be read must be writable, so no limit of the client's is in its way, and it is
// compressed, because it may have been. Batches are small: a broker refuses one as a whole where it is larger
// than the topic allows, though each of its records might fit.
std::vector<Property> properties(const ProducerSpec& spec);

// The same for a client that only asks (lag_client.hpp). `group`: one that it may ask for, and never joins.
// What it knows of leaders is forgotten soon, because it asks a leader that has died until then.
std::vector<Property> properties(const LagSourceSpec& spec, const std::string& group);

// What librdkafka thinks of them, one after the other. The error names the property, never its value.
Result<Conf> make_conf(const std::vector<Property>& properties);

// What a running client logs in with next; without effect where its mechanism has no password.
void set_login(rd_kafka_t* client, const config::Connection& connection);

// The value that counts; librdkafka's default where nobody set it.
std::string value_of(const Conf& conf, const char* name);

}  // namespace triggerd::kafka
