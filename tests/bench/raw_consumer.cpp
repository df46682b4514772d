// The floor a benchmark measures against: librdkafka alone reads a topic's COUNT records in batches, counts
// their bytes, commits once and prints what it took. No worker, no bookkeeping. The clock starts at the
// assignment.
//
//   raw_consumer BROKERS TOPIC GROUP COUNT [property=value...]
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <time.h>

namespace {

constexpr std::size_t kBatch = 1000;

struct Clock {
  double wall = 0;
  double cpu = 0;
};

Clock now() {
  timespec wall{};
  clock_gettime(CLOCK_MONOTONIC, &wall);
  timespec cpu{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return {static_cast<double>(wall.tv_sec) + 1e-9 * static_cast<double>(wall.tv_nsec),
          static_cast<double>(cpu.tv_sec) + 1e-9 * static_cast<double>(cpu.tv_nsec)};
}

void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t* partitions,
                  void* opaque) {
  const bool assigned = kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (assigned) *static_cast<Clock*>(opaque) = now();
  if (std::string(rd_kafka_rebalance_protocol(client)) == "COOPERATIVE") {
    rd_kafka_error_t* error = assigned ? rd_kafka_incremental_assign(client, partitions)
                                       : rd_kafka_incremental_unassign(client, partitions);
    if (error != nullptr) rd_kafka_error_destroy(error);
  } else {
    rd_kafka_assign(client, assigned ? partitions : nullptr);
  }
}

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) {
    throw std::runtime_error(text);
  }
}

rd_kafka_t* join(const std::vector<std::string>& args, Clock& assigned) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", args.at(0));
  set(conf, "group.id", args.at(2));
  set(conf, "enable.auto.commit", "false");
  set(conf, "auto.offset.reset", "earliest");
  for (std::size_t i = 4; i < args.size(); ++i) {
    const auto equals = args[i].find('=');
    set(conf, args[i].substr(0, equals), args[i].substr(equals + 1));
  }
  rd_kafka_conf_set_opaque(conf, &assigned);
  rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
  char text[512];
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
  if (client == nullptr) throw std::runtime_error(text);
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, args.at(1).c_str(), RD_KAFKA_PARTITION_UA);
  const auto error = rd_kafka_subscribe(client, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
  return client;
}

// Returns the bytes of `want` records.
std::size_t drain(rd_kafka_t* client, std::size_t want) {
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client);
  std::vector<rd_kafka_message_t*> batch(kBatch);
  std::size_t bytes = 0;
  for (std::size_t records = 0; records < want;) {
    const auto count = rd_kafka_consume_batch_queue(queue, 100, batch.data(), kBatch);
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = batch[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        bytes += message->len;
        ++records;
      }
      rd_kafka_message_destroy(message);
    }
  }
  rd_kafka_queue_destroy(queue);
  return bytes;
}

void measure(const std::vector<std::string>& args) {
  Clock begin;
  rd_kafka_t* client = join(args, begin);
  const auto count = std::stoull(args.at(3));
  const std::size_t bytes = drain(client, count);
  const auto error = rd_kafka_commit(client, nullptr, 0);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
  const Clock end = now();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"records\":%llu,\"bytes\":%zu,\"seconds\":%.6f,\"cpu\":%.6f,\"rss_mib\":%.1f}\n", count,
              bytes, end.wall - begin.wall, end.cpu - begin.cpu, static_cast<double>(usage.ru_maxrss) / 1024);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    measure({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "raw_consumer: %s\n", error.what());
    return 1;
  }
}
