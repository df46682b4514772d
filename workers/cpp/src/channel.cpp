#include "channel.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace triggerd::worker_sdk {

namespace {

// The descriptor is blocking by contract; one that is not works too.
void wait_for(int socket, short events) {
  pollfd entry{socket, events, 0};
  ::poll(&entry, 1, -1);
}

}  // namespace

Channel::~Channel() { ::close(socket_); }

Channel::Read Channel::read(bool wait) {
  const std::span<char> room = decoder_.prepare();
  for (;;) {
    const ssize_t count = ::recv(socket_, room.data(), room.size(), wait ? 0 : MSG_DONTWAIT);
    if (count > 0) {
      decoder_.commit(static_cast<std::size_t>(count));
      return Read::some;
    }
    if (count == 0) return Read::closed;
    if (errno == EAGAIN && !wait) return Read::nothing;
    if (errno == EAGAIN) {
      wait_for(socket_, POLLIN);
    } else if (errno != EINTR) {
      return Read::closed;
    }
  }
}

bool Channel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      wait_for(socket_, POLLOUT);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace triggerd::worker_sdk
