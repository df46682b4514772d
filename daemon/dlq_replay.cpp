#include "daemon/dlq_replay.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <unistd.h>

#include "base/log.hpp"
#include "daemon/check.hpp"
#include "daemon/dlq_reader.hpp"
#include "daemon/exit_code.hpp"
#include "kafka/dead_letter.hpp"
#include "kafka/producer_client.hpp"
#include "kafka/properties.hpp"

namespace triggerd::daemon {
namespace {

// What an interrupted replay repeats at most.
constexpr std::size_t kRecordsPerCommit = 1000;
constexpr int kPollMs = 100;
constexpr auto kProgressInterval = std::chrono::milliseconds(200);

using Headers = std::vector<wire::HeaderView>;

Headers headers_of(const rd_kafka_message_t& message) {
  Headers out;
  rd_kafka_headers_t* list = nullptr;
  if (rd_kafka_message_headers(&message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) == 0; ++i) {
    const bool null = value == nullptr;
    out.push_back(
        {name, null ? std::nullopt : std::optional(std::string_view(static_cast<const char*>(value), size))});
  }
  return out;
}

std::optional<std::string_view> bytes(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

class Replay {
 public:
  Replay(const config::Trigger& trigger, const ReplayOptions& options)
      : trigger_(trigger), options_(options), topic_(options.topic) {
    if (topic_.empty()) topic_ = trigger.on_failure.dead_letter_topic;
  }
  // Exit code.
  int run();

 private:
  std::optional<Error> connect();
  std::optional<Error> go();
  std::optional<Error> replay(const std::vector<DeadLetterMessage>& batch);
  bool write(const rd_kafka_message_t& message, std::size_t index);
  std::optional<Error> count_partitions(const std::string& topic);
  void take_reports();
  void take(rd_kafka_event_t& event);
  std::optional<Error> settle(const std::vector<DeadLetterMessage>& batch);
  std::string place(const rd_kafka_message_t& message) const;
  void progress();
  void sum_up() const;

  const config::Trigger& trigger_;
  const ReplayOptions& options_;
  std::string topic_;
  std::unique_ptr<DlqReader> reader_;
  std::unique_ptr<kafka::ProducerClient> producer_;  // none in a dry run
  std::map<std::string, int> partitions_;            // of the topics written to
  // Of the batch: why each of its records is not settled; empty where it is.
  std::vector<std::string> unsettled_;
  std::size_t awaited_ = 0;  // reports

  std::uint64_t replayed_ = 0, left_out_ = 0;
  std::map<std::string, std::uint64_t> targets_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  std::chrono::steady_clock::time_point shown_{};
};

int Replay::run() {
  std::optional<Error> error = connect();
  if (!error) error = go();
  if (terminal_) std::fprintf(stderr, "\r\x1b[K");
  if (error) std::fprintf(stderr, "triggerd dlq replay: %s\n", error->message.c_str());
  if (reader_) sum_up();
  return error ? kUnavailable : kOk;
}

std::optional<Error> Replay::connect() {
  auto reader = DlqReader::open(trigger_, topic_, options_.from_beginning);
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  if (options_.dry_run) return std::nullopt;
  kafka::ProducerSpec spec;
  spec.connection = trigger_.connection;
  spec.trigger = trigger_.name;
  auto conf = kafka::make_conf(kafka::properties(spec));
  if (!conf) return conf.error();
  auto producer = kafka::ProducerClient::make(std::move(*conf), trigger_.name);
  if (!producer) return producer.error();
  producer_ = std::move(*producer);
  return std::nullopt;
}

std::optional<Error> Replay::go() {
  for (;;) {
    progress();
    std::size_t most = kRecordsPerCommit;
    if (options_.max != 0) most = std::min<std::uint64_t>(most, options_.max - replayed_);
    if (most == 0) return std::nullopt;
    const auto batch = reader_->read(most);
    if (!batch) return batch.error();
    if (batch->empty() && options_.dry_run) return std::nullopt;
    // Also without records: the end may lie behind offsets that are none.
    if (batch->empty()) return reader_->commit(reader_->positions());
    if (auto error = replay(*batch)) return error;
  }
}

std::optional<Error> Replay::replay(const std::vector<DeadLetterMessage>& batch) {
  unsettled_.assign(batch.size(), "");
  std::size_t tried = 0;
  while (tried < batch.size() && write(*batch[tried], tried)) ++tried;
  for (std::size_t i = tried + 1; i < batch.size(); ++i) unsettled_[i] = "not tried";
  if (options_.dry_run) return std::nullopt;
  take_reports();
  return settle(batch);
}

// False: this record cannot be written, and those behind it are not to pass it.
bool Replay::write(const rd_kafka_message_t& message, std::size_t index) {
  const Headers headers = headers_of(message);
  const auto origin = kafka::origin_of(headers);
  if (!origin) {
    ++left_out_;
    std::fprintf(stderr, "%s%s is no dead letter of triggerd's: it has no origin; left out\n",
                 terminal_ ? "\r\x1b[K" : "", place(message).c_str());
    return true;
  }
  kafka::OutgoingRecord record;
  record.topic = options_.to.empty() ? origin->source.topic.name() : options_.to;
  ++targets_[record.topic];
  if (options_.dry_run) {
    ++replayed_;
    return true;
  }
  const auto fail = [&](const std::string& why) {
    unsettled_[index] = record.topic + ": " + why;
    return false;
  };
  if (const auto error = count_partitions(record.topic)) return fail(error->message);
  const bool same = options_.to.empty() && origin->source.partition.value < partitions_[record.topic];
  if (same) record.partition = origin->source.partition.value;
  rd_kafka_timestamp_type_t type{};
  record.timestamp = rd_kafka_message_timestamp(&message, &type);
  record.key = bytes(message.key, message.key_len);
  record.value = bytes(message.payload, message.len);
  record.headers = kafka::replayed_headers(headers);
  const rd_kafka_resp_err_t error = producer_->produce(record, index);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(rd_kafka_err2str(error));
  unsettled_[index] = record.topic + ": no delivery report";
  ++awaited_;
  return true;
}

std::optional<Error> Replay::count_partitions(const std::string& topic) {
  if (partitions_.contains(topic)) return std::nullopt;
  const auto count = partitions_of(producer_->get(), topic);
  if (!count) return count.error();
  partitions_[topic] = *count;
  return std::nullopt;
}

// Each comes within the delivery timeout.
void Replay::take_reports() {
  while (awaited_ > 0) {
    const kafka::QueueEvent event(rd_kafka_queue_poll(producer_->events(), kPollMs));
    if (event) take(*event);
  }
}

void Replay::take(rd_kafka_event_t& event) {
  if (rd_kafka_event_type(&event) != RD_KAFKA_EVENT_DR) return;
  while (const rd_kafka_message_t* report = rd_kafka_event_message_next(&event)) {
    --awaited_;
    std::string& why = unsettled_[kafka::ProducerClient::number_of(*report)];
    if (report->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      why.clear();
      ++replayed_;
    } else {
      const char* said = rd_kafka_message_produce_errstr(report);
      why = std::string(rd_kafka_topic_name(report->rkt)) + ": " +
            (said != nullptr ? said : rd_kafka_err2str(report->err));
    }
  }
}

// Remembers each partition up to its first record that is not settled.
std::optional<Error> Replay::settle(const std::vector<DeadLetterMessage>& batch) {
  auto positions = reader_->positions();
  std::optional<Error> failed;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (unsettled_[i].empty()) continue;
    std::int64_t& position = positions[batch[i]->partition];
    position = std::min(position, batch[i]->offset);
    if (!failed) failed = Error{"not_written", place(*batch[i]) + " cannot be written to " + unsettled_[i]};
  }
  auto error = reader_->commit(positions);
  return failed ? failed : error;
}

std::string Replay::place(const rd_kafka_message_t& message) const {
  return to_string({Topic(topic_), Partition{message.partition}}) + " offset " +
         std::to_string(message.offset);
}

void Replay::progress() {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - shown_ < kProgressInterval) return;
  shown_ = now;
  std::fprintf(stderr, "\r\x1b[K%llu replayed, %llu left out, at most %llu to go",
               static_cast<unsigned long long>(replayed_), static_cast<unsigned long long>(left_out_),
               static_cast<unsigned long long>(reader_->left()));
}

void Replay::sum_up() const {
  if (options_.dry_run) {
    for (const auto& [topic, count] : targets_) {
      std::printf("%s: %llu\n", topic.c_str(), static_cast<unsigned long long>(count));
    }
  }
  std::printf("%sreplayed %llu, left out %llu\n", options_.dry_run ? "dry run: would have " : "",
              static_cast<unsigned long long>(replayed_), static_cast<unsigned long long>(left_out_));
}

int usage(const std::string& what) {
  std::fprintf(stderr, "triggerd dlq replay: %s\n", what.c_str());
  return kUsage;
}

}  // namespace

int replay_dead_letters(const std::string& path, const ReplayOptions& options) {
  const auto fleet = load_fleet(path);
  if (!fleet) return kConfig;
  log::configure(log::Level::error, log::Format::logfmt);
  const auto trigger = std::ranges::find(fleet->triggers, options.trigger, &config::Trigger::name);
  if (trigger == fleet->triggers.end()) return usage(path + " has no trigger " + options.trigger);
  const std::string& own = trigger->on_failure.dead_letter_topic;
  if (own.empty() && options.topic.empty()) {
    return usage("trigger " + options.trigger + " has no dead-letter topic; --topic names one");
  }
  if (options.to == (options.topic.empty() ? own : options.topic)) {
    return usage("--to is the dead-letter topic itself");
  }
  return Replay(*trigger, options).run();
}

}  // namespace triggerd::daemon
