#include "kafka/lag_client.hpp"

#include <utility>

namespace triggerd::kafka {

Result<std::unique_ptr<LagClient>> LagClient::make(Conf conf, std::string name) {
  std::unique_ptr<LagClient> client(new LagClient(std::move(name)));
  const auto made = client->log_.make_client(RD_KAFKA_CONSUMER, RD_KAFKA_EVENT_ERROR, std::move(conf));
  if (!made) return made.error();
  client->handle_ = *made;
  rd_kafka_poll_set_consumer(client->handle_);
  client->events_.reset(rd_kafka_queue_get_consumer(client->handle_));
  return client;
}

LagClient::~LagClient() {
  if (handle_ == nullptr) return;
  events_.reset();
  destroy_client(handle_);
}

}  // namespace triggerd::kafka
