// One of a worker's output pipes, read as it comes. Shell.
//
// Thread: the trigger's event loop. At most kTurnBytes are read in one turn.
#pragma once

#include <memory>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "worker/fd.hpp"
#include "worker/lines.hpp"

namespace triggerd::worker {

class Output : public std::enable_shared_from_this<Output> {
 public:
  Output(boost::asio::io_context& loop, Fd pipe, LineSink sink);

  void start();
  // Reads what the dead process left behind and closes. A pipe that something else keeps open has no other
  // end.
  void finish();
  // Closes at once; nothing more comes.
  void close();
  std::string tail() const { return tail_.text(); }

 private:
  void wait();
  // False once the pipe has ended or is empty for now.
  bool read(std::size_t budget);

  boost::asio::posix::stream_descriptor pipe_;
  LineSink sink_;
  LineSplitter lines_;
  Tail tail_{2 << 10};
};

}  // namespace triggerd::worker
