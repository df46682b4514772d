#include "kafka/event_pump.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <boost/asio/post.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/invariant.hpp"

namespace triggerd::kafka {
namespace {

constexpr std::uint64_t kOne = 1;

int make_eventfd() {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  // Without it no trigger can run; at the limit of descriptors the daemon says so and is restarted.
  TRIGGERD_INVARIANT(fd >= 0, "eventfd: " + errno_text(errno));
  return fd;
}

}  // namespace

EventPump::EventPump(boost::asio::io_context& loop, Turn turn)
    : wakeups_(loop, make_eventfd()), turn_(std::move(turn)) {}

void EventPump::watch(rd_kafka_queue_t* queue) {
  queues_.push_back(queue);
  rd_kafka_queue_io_event_enable(queue, wakeups_.native_handle(), &kOne, sizeof kOne);
  if (queues_.size() == 1) wait();
  wake();
}

void EventPump::wake() {
  if (std::exchange(posted_, true)) return;
  boost::asio::post(wakeups_.get_executor(), [self = shared_from_this()] {
    self->posted_ = false;
    self->run();
  });
}

void EventPump::stop() {
  if (std::exchange(stopped_, true)) return;
  for (rd_kafka_queue_t* queue : queues_) rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0);
  queues_.clear();
  wakeups_.close();
}

void EventPump::wait() {
  wakeups_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (error || !self->wakeups_.is_open()) return;
                        // Emptied before the queues are read, so that what comes later wakes again.
                        std::uint64_t count = 0;
                        (void)!::read(self->wakeups_.native_handle(), &count, sizeof count);
                        self->wait();
                        if (!self->posted_) self->run();
                      });
}

void EventPump::run() {
  if (!stopped_ && turn_() == More::yes && !stopped_) wake();
}

}  // namespace triggerd::kafka
