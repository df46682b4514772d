// Takes records off the record queue and lends them out as runs of one partition. The hot path: nothing is
// allocated per record, headers are parsed only where there are any.
//
// Messages that were taken but not handed out (reading stopped, or the turn's time is up) stay here; nothing
// of a revoked partition does. librdkafka's messages must be gone before its client is closed. Thread: the
// trigger's event loop.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "kafka/assignment.hpp"
#include "pipeline/event.hpp"

namespace triggerd::kafka {

class RecordReader {
 public:
  struct Sink {
    std::function<void(const pipeline::Records&)> records;
    std::function<void(const pipeline::CaughtUp&)> caught_up;
    std::function<void(const rd_kafka_message_t&)> error;
    std::function<bool()> reading;  // asked before each run: a sink may have stopped it
  };

  RecordReader(Assignment& assignment, Sink sink) : assignment_(assignment), sink_(std::move(sink)) {}
  ~RecordReader() { discard_all(); }
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // At most a thousand records or a millisecond. True: there may be more.
  bool turn(rd_kafka_queue_t* queue);
  // Drops what is held of partitions that are not read, or are being revoked.
  void discard_revoked();
  void discard_all();

 private:
  bool fill(rd_kafka_queue_t* queue);
  std::size_t hand_out();
  std::size_t run_length(const rd_kafka_message_t& first) const;
  void caught_up(const rd_kafka_message_t& end);
  void lend(ReadPartition& partition);
  void view(const rd_kafka_message_t& message);
  void view_headers(const rd_kafka_message_t& message);

  // As much as is taken at once. Little, because it is held while reading stops: librdkafka fetches anew what
  // its queue has lost, so it counts beside the queue's own budget.
  static constexpr std::size_t kTaken = 250;
  static constexpr std::size_t kBytesTaken = 1 << 20;  // of records as large as the last ones were

  Assignment& assignment_;
  Sink sink_;
  std::array<rd_kafka_message_t*, kTaken> messages_{};
  std::size_t next_ = 0, end_ = 0;  // of messages_: not handed out
  std::size_t usual_bytes_ = 0;     // of a record, in what was taken last
  bool queue_empty_ = true;
  // Of the run being lent; kept for their capacity.
  std::vector<wire::RecordView> views_;
  std::vector<wire::HeaderView> headers_;
  std::vector<std::size_t> header_counts_;
};

}  // namespace triggerd::kafka
