// The daemon's side of the worker protocol without a socket: what each frame means, which frames break a
// rule, and when silence means that a worker is gone. Pure: bytes and the time come in.
//
//   hello due → open → (a broken rule or Bye ends it; the session does that)
#pragma once

#include <variant>

#include "base/time.hpp"
#include "wire/frame.hpp"
#include "worker/outstanding.hpp"
#include "worker/timings.hpp"

namespace triggerd::worker {

class Conversation {
 public:
  explicit Conversation(const Timings& timings) : timings_(timings) {}

  // monostate: nothing to do. Ping: answer it. The others are for the owner.
  using Heard =
      std::variant<std::monostate, wire::Hello, wire::Window, wire::Ack, wire::Log, wire::Bye, wire::Ping>;
  // The error's message names the rule that was broken.
  Result<Heard> on_frame(const wire::Frame& frame, TimePoint now);

  // These records are on their way to the worker.
  void delivered(const wire::Delivery& delivery);
  // Nothing unanswered.
  bool idle() const { return outstanding_.empty(); }
  std::uint64_t handled() const { return outstanding_.handled(); }
  std::uint64_t ignored_answers() const { return outstanding_.ignored(); }

  // A busy worker may be silent as long as its attempt may take: that is the pipeline's to judge. An idle one
  // is pinged after a while and lost where nothing at all comes back. Before Hello the start timeout applies
  // instead.
  enum class Silence { none, ping, lost };
  Silence check(TimePoint now);
  // When to check again.
  TimePoint next_check(TimePoint now) const;

 private:
  Result<Heard> on_message(wire::Message message);

  Timings timings_;
  bool open_ = false;  // Hello has come
  Outstanding outstanding_;
  TimePoint heard_{};  // the last frame
  TimePoint pinged_{};
  bool ping_out_ = false;
};

}  // namespace triggerd::worker
