// Wakes an event loop when a librdkafka queue has something, and keeps turns short.
//
// librdkafka writes to the eventfd when a queue goes from empty to non-empty and has been read since the last
// time, so a turn reads until empty, or asks for another turn.
// Thread: the trigger's event loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "kafka/handle.hpp"

namespace triggerd::kafka {

class EventPump : public std::enable_shared_from_this<EventPump> {
 public:
  enum class More { no, yes };  // yes: the turn's budget is used up, there may be more
  using Turn = std::function<More()>;

  EventPump(boost::asio::io_context& loop, Turn turn);
  // Wakes for these queues from now on, and once now: what came before has written nothing.
  void watch(rd_kafka_queue_t* queue);
  // A turn soon, not in this call.
  void wake();
  // No turn begins any more. The queues given to watch() must still live.
  void stop();

 private:
  void wait();
  void run();

  boost::asio::posix::stream_descriptor wakeups_;
  Turn turn_;
  std::vector<rd_kafka_queue_t*> queues_;
  bool posted_ = false;
  bool stopped_ = false;
};

}  // namespace triggerd::kafka
