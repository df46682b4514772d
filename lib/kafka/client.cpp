#include "kafka/client.hpp"

#include <chrono>
#include <string_view>
#include <utility>

namespace triggerd::kafka {
namespace {

// librdkafka itself waits 5 s for the answer to a LeaveGroup.
constexpr auto kLeaveTimeout = std::chrono::milliseconds(6000);
constexpr auto kLastLook = std::chrono::milliseconds(50);
constexpr int kPollMs = 20;

}  // namespace

Result<std::unique_ptr<Client>> Client::make(Conf conf, std::string trigger,
                                             const std::vector<std::string>& topics) {
  std::unique_ptr<Client> client(new Client(std::move(trigger)));
  const auto made = client->log_.make_client(
      RD_KAFKA_CONSUMER, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR,
      std::move(conf));
  if (!made) return made.error();
  client->handle_ = *made;
  // Errors of the client itself come on the consumer queue too.
  rd_kafka_poll_set_consumer(client->handle_);
  client->events_.reset(rd_kafka_queue_get_consumer(client->handle_));
  client->records_.reset(rd_kafka_queue_new(client->handle_));
  const PartitionList subscription = partition_list(topics.size());
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(subscription.get(), whole_name(topic).c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client->handle_, subscription.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Error{"subscription_refused", std::string("the topics are refused: ") + rd_kafka_err2str(error)};
  }
  return client;
}

Client::~Client() {
  if (handle_ == nullptr) return;
  quiesce();
  events_.reset();
  records_.reset();
  destroy_client(handle_);
}

bool Client::begin_leave() {
  leaving_ = true;
  cooperative_ = std::string_view(rd_kafka_rebalance_protocol(handle_)) != "EAGER";
  return ErrorHandle(rd_kafka_consumer_close_queue(handle_, events_.get())) == nullptr;
}

// One call is enough, and one too many never returns: a group that has ended drops calls (2.15.1). An eager
// one revokes once more only if nothing was open.
void Client::answer_leaving(rd_kafka_event_t& rebalance) {
  const bool revoke = rd_kafka_event_error(&rebalance) == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
  if (answered_ || left() || (!cooperative_ && !revoke)) return;
  answered_ = true;
  rd_kafka_assign(handle_, nullptr);
}

// In librdkafka 2.15.1 a destroy that begins while an assign call is due never returns, whatever its flags.
// So the group is left first, and after a fatal error, when it cannot be, whatever is open is answered.
void Client::quiesce() {
  // Begun before: the time for it has been had.
  const auto patience = leaving_ ? kLastLook : kLeaveTimeout;
  const bool over = !leaving_ && !begin_leave();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!left() && std::chrono::steady_clock::now() < deadline) {
    const QueueEvent event(rd_kafka_queue_poll(events_.get(), over ? 0 : kPollMs));
    if (!event && over) return;
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    if (over) {
      rd_kafka_assign(handle_, nullptr);
    } else {
      answer_leaving(*event);
    }
  }
}

}  // namespace triggerd::kafka
