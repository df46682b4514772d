#include "kafka/producer_client.hpp"

#include <utility>

namespace triggerd::kafka {
namespace {

using Headers = Owned<rd_kafka_headers_t, rd_kafka_headers_destroy>;

Headers headers_list(const std::vector<Header>& headers) {
  Headers list(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, value] : headers) {
    rd_kafka_header_add(list.get(), name.data(), static_cast<ssize_t>(name.size()),
                        value ? value->data() : nullptr, value ? static_cast<ssize_t>(value->size()) : 0);
  }
  return list;
}

// librdkafka takes no pointer for null, and an empty text may have none either.
const char* data(const std::optional<std::string_view>& bytes) {
  if (!bytes) return nullptr;
  return bytes->empty() ? "" : bytes->data();
}
std::size_t size(const std::optional<std::string_view>& bytes) { return bytes ? bytes->size() : 0; }

}  // namespace

Result<std::unique_ptr<ProducerClient>> ProducerClient::make(Conf conf, std::string trigger) {
  std::unique_ptr<ProducerClient> client(new ProducerClient(std::move(trigger)));
  const auto made =
      client->log_.make_client(RD_KAFKA_PRODUCER, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR, std::move(conf));
  if (!made) return made.error();
  client->handle_ = *made;
  client->events_.reset(rd_kafka_queue_get_main(client->handle_));
  return client;
}

ProducerClient::~ProducerClient() {
  if (handle_ == nullptr) return;
  // Else librdkafka warns of each record that is left.
  rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (const QueueEvent report{rd_kafka_queue_poll(events_.get(), 0)}) {
  }
  events_.reset();
  destroy_client(handle_);
}

rd_kafka_resp_err_t ProducerClient::produce(const OutgoingRecord& record, std::uint64_t number) {
  Headers headers = headers_list(record.headers);
  // librdkafka takes 0 for now; no other value means the first instant of 1970.
  const std::int64_t timestamp = record.timestamp;
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      handle_, RD_KAFKA_V_TOPIC(record.topic.c_str()), RD_KAFKA_V_PARTITION(record.partition),
      RD_KAFKA_V_KEY(data(record.key), size(record.key)),
      RD_KAFKA_V_VALUE(const_cast<char*>(data(record.value)), size(record.value)),
      RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_HEADERS(headers.get()),
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      RD_KAFKA_V_OPAQUE(reinterpret_cast<void*>(static_cast<std::uintptr_t>(number))),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) (void)headers.release();  // the record's now
  return error;
}

std::uint64_t ProducerClient::number_of(const rd_kafka_message_t& report) {
  return reinterpret_cast<std::uintptr_t>(report._private);
}

}  // namespace triggerd::kafka
