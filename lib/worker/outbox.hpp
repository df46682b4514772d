// Frames on their way to one worker, in order. The socket takes what it takes; the rest waits here. Shell: it
// writes, and knows no event loop.
//
// Thread: the trigger's event loop. Holds a batch's records until the last byte of them is written. Its size
// is bounded by the worker's window, which the pipeline keeps.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <sys/uio.h>

#include "wire/message.hpp"

namespace triggerd::worker {

class Outbox {
 public:
  void add(const wire::Delivery& delivery);
  template <typename Message>
  void add(const Message& message) {
    std::string& bytes = tail();
    const std::size_t before = bytes.size();
    wire::encode(bytes, message);
    size_ += bytes.size() - before;
  }

  enum class Progress {
    empty,    // everything is written
    blocked,  // the socket is full: wait until it is writable
    more,     // the budget is spent: go on in the next turn
    closed,   // the worker has closed its end; nothing will be written any more
  };
  Progress flush(int socket, std::size_t budget);
  std::size_t size() const { return size_; }  // bytes not written yet

 private:
  // Small frames, or one batch.
  struct Entry {
    std::string bytes;
    std::unique_ptr<wire::BatchEncoder> encoder;
    std::shared_ptr<const wire::RecordBatch> records;  // what the encoder's pieces point into
    std::size_t size() const { return encoder ? encoder->frame_bytes() : bytes.size(); }
  };
  std::string& tail();  // where a small frame may be appended
  std::size_t gather(std::vector<iovec>& pieces) const;
  void written(std::size_t bytes);

  std::deque<Entry> entries_;
  std::size_t front_written_ = 0;  // of the first entry
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<wire::BatchEncoder>> spare_;  // encoders keep their buffers
  std::vector<iovec> pieces_;
};

}  // namespace triggerd::worker
