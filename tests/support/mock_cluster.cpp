#include "support/mock_cluster.hpp"

#include <array>
#include <stdexcept>

namespace triggerd::testing {
namespace {

constexpr int kTimeoutMs = 10'000;

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
}

rd_kafka_t* open(rd_kafka_type_t type, const std::vector<std::pair<std::string, std::string>>& properties) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      throw std::runtime_error(why.data());
    }
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, why.data(), why.size());
  if (client == nullptr) throw std::runtime_error(why.data());
  return client;
}

}  // namespace

MockCluster::MockCluster(int brokers) {
  // The cluster belongs to a client; this one's broker list is not the cluster's.
  producer_ =
      open(RD_KAFKA_PRODUCER,
           {{"test.mock.num.brokers", std::to_string(brokers)}, {"linger.ms", "0"}, {"log_level", "2"}});
  cluster_ = rd_kafka_handle_mock_cluster(producer_);
  rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_, 0);
  // It begins without one, and who describes topics asks the controller.
  rd_kafka_mock_set_controller_id(cluster_, 1);
  bootstrap_ = rd_kafka_mock_cluster_bootstraps(cluster_);
}

MockCluster::~MockCluster() {
  for (const auto& [group, client] : group_clients_) rd_kafka_destroy(client);
  rd_kafka_destroy(producer_);
}

void MockCluster::create_topic(const std::string& topic, int partitions) {
  check(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1), "create " + topic);
}

void MockCluster::fail_topic(const std::string& topic, rd_kafka_resp_err_t error) {
  rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), error);
}

void MockCluster::produce(const std::string& topic, std::int32_t partition,
                          const std::vector<MockRecord>& records) {
  for (const MockRecord& record : records) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, text] : record.headers) {
      rd_kafka_header_add(headers, name.c_str(), -1, text ? text->data() : nullptr,
                          text ? static_cast<ssize_t>(text->size()) : 0);
    }
    const void* key = record.key ? record.key->data() : nullptr;
    void* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
    const std::size_t key_size = record.key ? record.key->size() : 0;
    const std::size_t value_size = record.value ? record.value->size() : 0;
    check(rd_kafka_producev(producer_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                            RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(value, value_size),
                            RD_KAFKA_V_TIMESTAMP(record.timestamp), RD_KAFKA_V_HEADERS(headers),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
          "produce to " + topic);
  }
  check(rd_kafka_flush(producer_, kTimeoutMs), "flush");
}

void MockCluster::produce_numbers(const std::string& topic, std::int32_t partition, int first, int count) {
  std::vector<MockRecord> records;
  for (int i = first; i < first + count; ++i) records.push_back({.value = std::to_string(i)});
  produce(topic, partition, records);
}

rd_kafka_t* MockCluster::group_client(const std::string& group) {
  rd_kafka_t*& client = group_clients_[group];
  if (client == nullptr) {
    client =
        open(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap_}, {"group.id", group}, {"log_level", "2"}});
  }
  return client;
}

void MockCluster::commit(const std::string& group, const std::string& topic, std::int32_t partition,
                         std::int64_t offset) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = offset;
  const rd_kafka_resp_err_t error = rd_kafka_commit(group_client(group), list, 0);
  rd_kafka_topic_partition_list_destroy(list);
  check(error, "commit of " + group);
}

std::int64_t MockCluster::committed(const std::string& group, const std::string& topic,
                                    std::int32_t partition) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
  const rd_kafka_resp_err_t error = rd_kafka_committed(group_client(group), list, kTimeoutMs);
  const std::int64_t offset = list->elems[0].offset;
  rd_kafka_topic_partition_list_destroy(list);
  check(error, "committed of " + group);
  return offset < 0 ? -1 : offset;
}

void MockCluster::fail_next(Api api, const std::vector<rd_kafka_resp_err_t>& errors) {
  rd_kafka_mock_push_request_errors_array(cluster_, static_cast<std::int16_t>(api), errors.size(),
                                          errors.data());
}

void MockCluster::stop_failing(Api api) {
  rd_kafka_mock_clear_request_errors(cluster_, static_cast<std::int16_t>(api));
}

void MockCluster::delay_next(Api api, int milliseconds, std::int32_t broker) {
  check(rd_kafka_mock_broker_push_request_error_rtts(cluster_, broker, static_cast<std::int16_t>(api), 1,
                                                     RD_KAFKA_RESP_ERR_NO_ERROR, milliseconds),
        "delay");
}

void MockCluster::set_controller(std::int32_t broker) { rd_kafka_mock_set_controller_id(cluster_, broker); }

void MockCluster::set_broker_up(bool up, std::int32_t broker) {
  check(up ? rd_kafka_mock_broker_set_up(cluster_, broker) : rd_kafka_mock_broker_set_down(cluster_, broker),
        "broker");
}

std::int64_t MockCluster::end_offset(const std::string& topic, std::int32_t partition) {
  std::int64_t start = 0;
  std::int64_t end = 0;
  check(rd_kafka_query_watermark_offsets(producer_, topic.c_str(), partition, &start, &end, kTimeoutMs),
        "end of " + topic);
  return end;
}

void MockCluster::delete_records(const std::string& topic, std::int32_t partition, std::int64_t before) {
  check(rd_kafka_mock_partition_delete_records(cluster_, topic.c_str(), partition, before), "delete records");
}

}  // namespace triggerd::testing
