#include "worker/conversation.hpp"

#include <string>
#include <utility>

namespace triggerd::worker {
namespace {

Error broken(std::string rule) { return {"protocol_error", std::move(rule)}; }

// Checked before the payload is looked at. The decoder lets known types pass only.
const char* daemons_frame(wire::FrameType type) {
  switch (type) {
    case wire::FrameType::welcome: return "Welcome";
    case wire::FrameType::batch: return "Batch";
    case wire::FrameType::cancel: return "Cancel";
    case wire::FrameType::drain: return "Drain";
    default: return nullptr;
  }
}

}  // namespace

Result<Conversation::Heard> Conversation::on_frame(const wire::Frame& frame, TimePoint now) {
  const wire::FrameType type = frame.header.type;
  if (const char* const name = daemons_frame(type))
    return broken(std::string("only the daemon sends ") + name);
  // Bye may come first: a worker that cannot start says why.
  if (!open_ && type != wire::FrameType::hello && type != wire::FrameType::bye) {
    return broken("the first frame must be Hello");
  }
  if (open_ && type == wire::FrameType::hello) return broken("Hello comes once");
  heard_ = now;
  ping_out_ = false;
  TRY(wire::Message message, wire::parse(frame));
  return on_message(std::move(message));
}

Result<Conversation::Heard> Conversation::on_message(wire::Message message) {
  if (auto* hello = std::get_if<wire::Hello>(&message)) {
    open_ = true;
    return Heard(std::move(*hello));
  }
  if (auto* ack = std::get_if<wire::Ack>(&message)) {
    TRY(const bool known, outstanding_.answer(*ack));
    if (!known) return Heard();
    return Heard(std::move(*ack));
  }
  if (auto* credit = std::get_if<wire::Credit>(&message)) return Heard(credit->window);
  if (auto* log = std::get_if<wire::Log>(&message)) return Heard(std::move(*log));
  if (auto* bye = std::get_if<wire::Bye>(&message)) return Heard(std::move(*bye));
  if (auto* ping = std::get_if<wire::Ping>(&message)) return Heard(*ping);
  return Heard();  // Pong: having been heard is all it says
}

void Conversation::delivered(const wire::Delivery& delivery) {
  outstanding_.add(delivery.id, delivery.count);
  ping_out_ = false;
}

Conversation::Silence Conversation::check(TimePoint now) {
  if (!open_ || !idle()) return Silence::none;
  if (ping_out_) return now - pinged_ >= timings_.pong_within ? Silence::lost : Silence::none;
  if (now - heard_ < timings_.ping_after) return Silence::none;
  ping_out_ = true;
  pinged_ = now;
  return Silence::ping;
}

TimePoint Conversation::next_check(TimePoint now) const {
  if (!open_ || !idle()) return now + timings_.ping_after;
  return ping_out_ ? pinged_ + timings_.pong_within : heard_ + timings_.ping_after;
}

}  // namespace triggerd::worker
