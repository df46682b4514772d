#include <utility>

#include "wire/batch_parse.hpp"
#include "wire/json_parse.hpp"
#include "wire/layout.hpp"
#include "wire/message.hpp"
#include "wire/text.hpp"

namespace triggerd::wire {

namespace {

constexpr std::size_t kAnswerBytes = 24;
constexpr std::uint32_t kLastCode = 4;  // Answer::Code has no holes

Error malformed(std::string text) { return {"frame_malformed", std::move(text)}; }

bool all_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

bool gives_reason(Answer::Code code) { return code != Answer::Code::ok && code != Answer::Code::release; }

Result<Answer> parse_answer(std::string_view bytes, std::size_t index) {
  const auto refused = [index](const std::string& why) {
    return malformed("ack: answer " + std::to_string(index) + ": " + why);
  };
  Answer answer;
  answer.first = get<std::uint32_t>(bytes, 0);
  answer.last = get<std::uint32_t>(bytes, 4);
  const auto code = get<std::uint32_t>(bytes, 8);
  answer.retry_after_ms = get<std::uint32_t>(bytes, 12);
  if (answer.last < answer.first) return refused("last is before first");
  if (code > kLastCode) return refused("code " + std::to_string(code) + " is not in use");
  answer.code = Answer::Code{code};
  if (answer.retry_after_ms != 0 && answer.code != Answer::Code::retry) {
    return refused("retry_after_ms without retry");
  }
  if (get<std::uint32_t>(bytes, 20) != 0) return refused("reserved must be 0");
  return answer;
}

Result<Ack> parse_ack(const Frame& frame) {
  const std::string_view payload = frame.payload;
  if (payload.size() < 8) return malformed("ack: shorter than its head");
  const std::size_t count = get<std::uint32_t>(payload, 0);
  const std::size_t text_bytes = get<std::uint32_t>(payload, 4);
  const std::size_t text_at = 8 + count * kAnswerBytes;
  if (padded(text_at + text_bytes) != payload.size()) return malformed("ack: length does not match its head");
  if (count == 0 && text_bytes != 0) return malformed("ack: reasons without answers");
  if (!all_zero(payload.substr(text_at + text_bytes))) return malformed("ack: padding must be zero bytes");
  const std::string_view text = payload.substr(text_at, text_bytes);
  Ack ack{BatchId{frame.header.id}, {}};
  ack.answers.reserve(count);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view bytes = payload.substr(8 + i * kAnswerBytes, kAnswerBytes);
    TRY(Answer answer, parse_answer(bytes, i));
    const std::size_t end = get<std::uint32_t>(bytes, 16);
    if (end < begin || end > text_bytes) return malformed("ack: reason_end falls or passes the text");
    if (gives_reason(answer.code))
      answer.reason = clean_text(text.substr(begin, end - begin), kMaxReasonBytes);
    begin = end;
    ack.answers.push_back(std::move(answer));
  }
  if (begin != text_bytes) return malformed("ack: the last reason_end must be reason_bytes");
  return ack;
}

Result<Credit> parse_credit(std::string_view payload) {
  if (payload.size() != 16) return malformed("credit: length must be 16");
  if (get<std::uint32_t>(payload, 4) != 0) return malformed("credit: reserved must be 0");
  const Window window{get<std::uint32_t>(payload, 0), get<std::uint64_t>(payload, 8)};
  if (window.records == 0 || window.bytes == 0)
    return malformed("credit: records and bytes must be at least 1");
  return Credit{window};
}

Result<Cancel> parse_cancel(std::string_view payload) {
  if (payload.size() < 16) return malformed("cancel: shorter than its head");
  const auto partition = get<std::int32_t>(payload, 0);
  const std::size_t topic_bytes = get<std::uint32_t>(payload, 8);
  if (topic_bytes == 0 || topic_bytes > kMaxTopicBytes)
    return malformed("cancel: topic must have 1 to 249 bytes");
  if (padded(16 + topic_bytes) != payload.size()) return malformed("cancel: length does not match its head");
  if (partition < 0) return malformed("cancel: partition must not be negative");
  if (get<std::uint32_t>(payload, 12) != 0) return malformed("cancel: reserved must be 0");
  if (!all_zero(payload.substr(16 + topic_bytes))) return malformed("cancel: padding must be zero bytes");
  return Cancel{{Topic(std::string(payload.substr(16, topic_bytes))), Partition{partition}},
                Epoch{get<std::uint32_t>(payload, 4)}};
}

Result<Drain> parse_drain(std::string_view payload) {
  if (payload.size() != 8) return malformed("drain: length must be 8");
  if (get<std::uint32_t>(payload, 4) != 0) return malformed("drain: reserved must be 0");
  return Drain{get<std::uint32_t>(payload, 0)};
}

Result<void> expect_none(std::string_view payload, const char* name) {
  if (!payload.empty()) return malformed(std::string(name) + ": there is no payload");
  return {};
}

template <typename T>
Result<Message> as_message(Result<T> result) {
  if (!result) return std::move(result).error();
  return Message(std::move(*result));
}

}  // namespace

Result<Message> parse(const Frame& frame) {
  switch (frame.header.type) {
    case FrameType::hello: return as_message(parse_hello(frame.payload));
    case FrameType::welcome: return as_message(parse_welcome(frame.payload));
    case FrameType::batch: return as_message(parse_batch(frame));
    case FrameType::ack: return as_message(parse_ack(frame));
    case FrameType::credit: return as_message(parse_credit(frame.payload));
    case FrameType::cancel: return as_message(parse_cancel(frame.payload));
    case FrameType::drain: return as_message(parse_drain(frame.payload));
    case FrameType::ping:
      if (auto none = expect_none(frame.payload, "ping"); !none) return none.error();
      return Message(Ping{frame.header.id});
    case FrameType::pong:
      if (auto none = expect_none(frame.payload, "pong"); !none) return none.error();
      return Message(Pong{frame.header.id});
    case FrameType::log: return as_message(parse_log(frame.payload));
    case FrameType::bye: return as_message(parse_bye(frame.payload));
  }
  return malformed("frame header: type is unknown");
}

}  // namespace triggerd::wire
