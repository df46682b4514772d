#include "kafka/lag_client.hpp"

#include <array>
#include <utility>

namespace triggerd::kafka {

Result<std::unique_ptr<LagClient>> LagClient::make(Conf conf, std::string name) {
  std::unique_ptr<LagClient> client(new LagClient(std::move(name)));
  client->log_.attach(conf.get());
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR);
  std::array<char, 512> why{};
  client->handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), why.data(), why.size());
  if (client->handle_ == nullptr) return Error{"client_refused", why.data()};
  (void)conf.release();  // the client's now
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
