#include "worker/session.hpp"

#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>
#include <sys/socket.h>

namespace triggerd::worker {
namespace {

using Clock = std::chrono::steady_clock;
using Descriptor = boost::asio::posix::stream_descriptor;

constexpr std::size_t kReadTurnBytes = 128 << 10;
constexpr std::size_t kUsualReadBytes = 64 << 10;  // what the decoder has room for
constexpr std::size_t kWriteTurnBytes = 1 << 20;
constexpr std::size_t kLastBytes = 32 << 20;  // more than a dead worker's socket holds
// A larger send buffer means fewer turns per megabyte; the kernel caps it at net.core.wmem_max.
constexpr int kSendBuffer = 1 << 20;

}  // namespace

Session::Session(boost::asio::io_context& loop, Fd socket, const Timings& timings, Sink sink)
    : loop_(loop), socket_(loop), silence_(loop), sink_(std::move(sink)), conversation_(timings) {
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  socket_.assign(socket.release());
}

void Session::start() { wait_readable(); }

void Session::wait_readable() {
  socket_.async_wait(Descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error || !self->reading_) return;
                       self->read();
                       if (self->reading_) self->wait_readable();
                     });
}

void Session::read() {
  std::size_t budget = kReadTurnBytes;
  while (reading_ && budget > 0) {
    const std::size_t bytes = receive();
    if (bytes < kUsualReadBytes) return;  // most likely that was all; if not, the wait ends at once
    budget -= std::min(budget, bytes);
  }
}

// What is there, as far as the decoder has room for it, and its frames. 0: nothing is there, or no more will
// come.
std::size_t Session::receive() {
  const std::span<char> room = decoder_.prepare();
  ssize_t got = 0;
  do {
    got = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) {
    end({SessionEnd::Kind::closed, "", "closed its socket"});
    return 0;
  }
  const auto bytes = static_cast<std::size_t>(got);
  decoder_.commit(bytes);
  take_frames();
  return bytes;
}

void Session::take_frames() {
  const TimePoint now = Clock::now();
  while (reading_) {
    const auto frame = decoder_.next();
    if (!frame) return refuse("protocol_error", frame.error().message);
    if (!*frame) return;
    auto what = conversation_.on_frame(**frame, now);
    if (!what) return refuse("protocol_error", what.error().message);
    heard(std::move(*what));
  }
}

void Session::heard(Conversation::Heard heard) {
  if (auto* ack = std::get_if<wire::Ack>(&heard)) return sink_(std::move(*ack));
  if (auto* window = std::get_if<wire::Window>(&heard)) return sink_(*window);
  if (auto* line = std::get_if<wire::Log>(&heard)) return sink_(std::move(*line));
  if (auto* ping = std::get_if<wire::Ping>(&heard)) return send_frame(wire::Pong{ping->id});
  if (auto* bye = std::get_if<wire::Bye>(&heard))
    return end({SessionEnd::Kind::bye, bye->code, bye->message});
  if (auto* hello = std::get_if<wire::Hello>(&heard)) {
    watch_silence(Clock::now());
    sink_(std::move(*hello));
  }
}

void Session::send(const std::vector<wire::Delivery>& deliveries) {
  if (!reading_ || draining_) return;
  for (const wire::Delivery& delivery : deliveries) {
    conversation_.delivered(delivery);
    outbox_.add(delivery);
  }
  flush_soon();
}

void Session::send(const wire::Drain& drain) {
  send_frame(drain);
  draining_ = true;
  silence_.cancel();
}

void Session::refuse(const std::string& code, const std::string& text) {
  if (!reading_) return;
  outbox_.add(wire::Bye{code, text});
  flush_soon();
  end({SessionEnd::Kind::violation, code, text});
}

void Session::end(SessionEnd end) {
  if (!std::exchange(reading_, false)) return;
  silence_.cancel();
  sink_(std::move(end));
}

void Session::read_rest() {
  std::size_t total = 0;
  while (reading_ && total < kLastBytes) {
    const std::size_t bytes = receive();
    if (bytes == 0) break;
    total += bytes;
  }
  close();
}

void Session::close() {
  reading_ = false;
  boost::system::error_code ignored;
  silence_.cancel();
  if (socket_.is_open()) socket_.close(ignored);
}

void Session::flush_soon() {
  if (std::exchange(flushing_, true)) return;
  boost::asio::post(loop_, [self = shared_from_this()] { self->flush(); });
}

void Session::flush() {
  flushing_ = false;
  if (!socket_.is_open()) return;
  switch (outbox_.flush(socket_.native_handle(), kWriteTurnBytes)) {
    case Outbox::Progress::closed: return;  // reading finds out, after what the worker had still to say
    case Outbox::Progress::empty:
      // After the Bye: our end is done, but stays open, as closing it unread could take the Bye away again.
      if (!reading_) ::shutdown(socket_.native_handle(), SHUT_WR);
      return;
    case Outbox::Progress::more: return flush_soon();
    case Outbox::Progress::blocked: break;
  }
  flushing_ = true;
  socket_.async_wait(Descriptor::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) self->flush();
                     });
}

void Session::watch_silence(TimePoint now) {
  silence_.expires_at(std::chrono::time_point_cast<Clock::duration>(conversation_.next_check(now)));
  silence_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || !self->reading_ || self->draining_) return;
    const TimePoint then = Clock::now();
    switch (self->conversation_.check(then)) {
      case Conversation::Silence::none: break;
      case Conversation::Silence::ping: self->send_frame(wire::Ping{++self->last_ping_}); break;
      case Conversation::Silence::lost: return self->end({SessionEnd::Kind::silent, "", "silent"});
    }
    self->watch_silence(then);
  });
}

}  // namespace triggerd::worker
