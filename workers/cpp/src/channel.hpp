// The socket to the daemon: whole frames in and out, blocking. One thread.
#pragma once

#include <optional>
#include <string_view>

#include "wire/frame.hpp"

namespace triggerd::worker_sdk {

class Channel {
 public:
  enum class Read { some, nothing, closed };

  explicit Channel(int socket) : socket_(socket), decoder_(wire::kMaxDaemonPayload) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Reads once; where nothing is there, waits for it or says so. An error of the socket is `closed`.
  Read read(bool wait);
  // The frames read so far, one by one; valid until the next read().
  Result<std::optional<wire::Frame>> next() { return decoder_.next(); }
  // False: the daemon is gone.
  bool write(std::string_view bytes);

 private:
  int socket_;
  wire::FrameDecoder decoder_;
};

}  // namespace triggerd::worker_sdk
