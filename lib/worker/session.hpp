// One worker's socket: frames in and out around Conversation, which knows the rules. Shell.
//
// Thread: the trigger's event loop. Nothing is reported from inside a call: writing happens in a turn of its
// own, which also joins the frames of one turn into few writes. A turn reads and writes a bounded amount, so
// that a chatty worker does not keep the loop. After SessionEnd nothing follows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "worker/conversation.hpp"
#include "worker/fd.hpp"
#include "worker/outbox.hpp"

namespace triggerd::worker {

struct SessionEnd {
  enum class Kind {
    closed,     // end of file
    bye,        // the worker said Bye
    violation,  // a rule was broken, or no version is shared; Bye has been queued
    silent,     // no Pong
  };
  Kind kind{};
  std::string code;  // of the Bye, theirs or ours
  std::string text;
};
using SessionEvent = std::variant<wire::Hello, wire::Window, wire::Ack, wire::Log, SessionEnd>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Sink = std::function<void(SessionEvent)>;
  Session(boost::asio::io_context& loop, Fd socket, const Timings& timings, Sink sink);

  void start();
  // One invocation or one run of them; nothing is put between its frames.
  void send(const std::vector<wire::Delivery>& deliveries);
  void send(const wire::Welcome& welcome) { send_frame(welcome); }
  void send(const wire::Cancel& cancel) { send_frame(cancel); }
  // The last frame but for a Bye.
  void send(const wire::Drain& drain);
  // Says Bye, and ends as a violation.
  void refuse(const std::string& code, const std::string& text);
  // The process is dead: takes what it wrote before, then ends.
  void read_rest();
  // At once and without an event.
  void close();

  std::uint64_t handled() const { return conversation_.handled(); }
  std::uint64_t ignored_answers() const { return conversation_.ignored_answers(); }
  bool idle() const { return conversation_.idle(); }

 private:
  template <typename Message>
  void send_frame(const Message& message) {
    if (!reading_ || draining_) return;
    outbox_.add(message);
    flush_soon();
  }
  void wait_readable();
  void read();
  std::size_t receive();
  void take_frames();
  void heard(Conversation::Heard heard);
  void end(SessionEnd end);
  void flush_soon();
  void flush();
  void watch_silence(TimePoint now);

  boost::asio::io_context& loop_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer silence_;
  Sink sink_;
  Conversation conversation_;
  wire::FrameDecoder decoder_{wire::kMaxWorkerPayload};
  Outbox outbox_;
  std::uint64_t last_ping_ = 0;
  bool reading_ = true;  // until the end
  bool draining_ = false;
  bool flushing_ = false;  // a flush is posted, or waits for the socket
};

}  // namespace triggerd::worker
