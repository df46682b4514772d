#include <iostream>

#include <boost/json.hpp>

#include "support/kafka_client.hpp"

namespace triggerd::testing {
namespace {

namespace json = boost::json;
using Message = Owned<rd_kafka_message_t, rd_kafka_message_destroy>;

json::value text(const void* data, std::size_t size) {
  if (data == nullptr) return nullptr;
  const std::string_view bytes(static_cast<const char*>(data), size);
  std::string hex;
  bool plain = true;
  for (const unsigned char c : bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    plain = plain && c >= 0x20 && c < 0x7f;
    hex += {kDigits[c >> 4], kDigits[c & 15]};
  }
  if (plain) return json::string(bytes);
  return json::object{{"hex", hex}};
}

json::array headers(const rd_kafka_message_t& message) {
  json::array out;
  rd_kafka_headers_t* list = nullptr;
  if (rd_kafka_message_headers(&message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) == 0; ++i) {
    out.push_back(json::array{name, text(value, size)});
  }
  return out;
}

json::object describe(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type{};
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  return {{"partition", message.partition},
          {"offset", message.offset},
          {"timestamp", timestamp},
          {"key", text(message.key, message.key_len)},
          {"value", text(message.payload, message.len)},
          {"headers", headers(message)}};
}

void read_partition(const Client& client, const std::string& topic, std::int32_t partition,
                    json::array& out) {
  std::int64_t start = 0;
  std::int64_t end = 0;
  check(rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), partition, &start, &end, kTimeoutMs),
        topic);
  const List list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = start;
  check(rd_kafka_assign(client.get(), list.get()), topic);
  for (std::int64_t next = start; next < end;) {
    const Message message(rd_kafka_consumer_poll(client.get(), kTimeoutMs));
    if (!message) fail("no record");
    next = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? message->offset : message->offset + 1;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) continue;
    check(message->err, topic);
    if (message->offset < end) out.push_back(describe(*message));
  }
}

}  // namespace

void read(const std::string& brokers, const Arguments& args) {
  const Client client = connect_reader(brokers);
  json::array out;
  const int partitions = partitions_of(client, args.at(0));
  for (std::int32_t p = 0; p < partitions; ++p) read_partition(client, args.at(0), p, out);
  std::cout << json::serialize(out) << "\n";
}

}  // namespace triggerd::testing
