#include "worker/output.hpp"

#include <array>
#include <cerrno>

namespace triggerd::worker {
namespace {

constexpr std::size_t kTurnBytes = 64 << 10;
constexpr std::size_t kLastBytes = 1 << 20;  // a pipe holds no more than this by default limits

}  // namespace

Output::Output(boost::asio::io_context& loop, Fd pipe, LineSink sink)
    : pipe_(loop, pipe.release()), sink_(std::move(sink)) {}

void Output::start() { wait(); }

void Output::wait() {
  pipe_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](const boost::system::error_code& error) {
                     if (error || !self->pipe_.is_open()) return;
                     self->read(kTurnBytes);
                     if (self->pipe_.is_open()) self->wait();
                   });
}

bool Output::read(std::size_t budget) {
  std::array<char, 16 << 10> buffer;
  while (budget > 0) {
    const ssize_t got = ::read(pipe_.native_handle(), buffer.data(), std::min(buffer.size(), budget));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {
      close();
      return false;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    tail_.append(bytes);
    lines_.feed(bytes, sink_);
    budget -= bytes.size();
  }
  return true;
}

void Output::finish() {
  if (pipe_.is_open()) read(kLastBytes);
  lines_.finish(sink_);
  close();
}

void Output::close() {
  boost::system::error_code ignored;
  if (pipe_.is_open()) pipe_.close(ignored);
}

}  // namespace triggerd::worker
