#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/invariant.hpp"
#include "wire/layout.hpp"
#include "wire/message.hpp"
#include "wire/text.hpp"

namespace triggerd::wire {

namespace {

namespace json = boost::json;

void put_json(std::string& out, FrameType type, const json::object& object) {
  std::string text = json::serialize(object);
  pad_to_8(text, 0, ' ');
  TRIGGERD_INVARIANT(text.size() <= kMaxJsonPayload, "a JSON payload we wrote is over its limit");
  append_header(out, {static_cast<std::uint32_t>(text.size()), type, 0, 0});
  out += text;
}

json::array list(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

std::size_t reason_bytes(const std::vector<std::string>& reasons) {
  std::size_t total = 0;
  for (const std::string& reason : reasons) total += reason.size();
  return total;
}

}  // namespace

void encode(std::string& out, const Hello& hello) {
  put_json(out, FrameType::hello,
           {{"protocol", {{"min", hello.protocol_min}, {"max", hello.protocol_max}}},
            {"sdk", hello.sdk},
            {"pid", hello.pid},
            {"concurrency", hello.concurrency},
            {"credit", {{"records", hello.credit.records}, {"bytes", hello.credit.bytes}}},
            {"features", list(hello.features)}});
}

void encode(std::string& out, const Welcome& welcome) {
  json::object said{{"protocol", welcome.protocol},
                    {"daemon", welcome.daemon},
                    {"trigger", welcome.trigger},
                    {"group", welcome.group},
                    {"worker", welcome.worker},
                    {"cardinality", welcome.cardinality},
                    {"dataType", welcome.data_type},
                    {"ordering", welcome.ordering},
                    {"maxBatchSize", welcome.max_batch_size},
                    {"timeoutMs", welcome.timeout_ms},
                    {"features", list(welcome.features)}};
  if (welcome.azure) {
    said["payload"] = "azure";
    said["keyDataType"] = welcome.azure->key_data_type;
    said["maxRetryCount"] = welcome.azure->max_retry_count;
    said["outputs"] = list(welcome.azure->outputs);
  }
  put_json(out, FrameType::welcome, said);
}

void encode(std::string& out, const Ack& ack) {
  std::vector<std::string> reasons;
  reasons.reserve(ack.answers.size());
  for (const Answer& answer : ack.answers) reasons.push_back(clean_text(answer.reason, kMaxReasonBytes));
  const std::size_t text = reason_bytes(reasons);
  const std::size_t payload = padded(8 + 24 * ack.answers.size() + text);
  TRIGGERD_INVARIANT(payload <= kMaxWorkerPayload, "an Ack over the limit; send it in parts");
  append_header(out, {static_cast<std::uint32_t>(payload), FrameType::ack, 0, ack.id.value});
  const std::size_t start = out.size();
  put(out, static_cast<std::uint32_t>(ack.answers.size()));
  put(out, static_cast<std::uint32_t>(text));
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < ack.answers.size(); ++i) {
    const Answer& answer = ack.answers[i];
    end += static_cast<std::uint32_t>(reasons[i].size());
    put(out, answer.first);
    put(out, answer.last);
    put(out, static_cast<std::uint32_t>(answer.code));
    put(out, answer.retry_after_ms);
    put(out, end);
    put(out, std::uint32_t{0});
  }
  for (const std::string& reason : reasons) out += reason;
  pad_to_8(out, start, '\0');
}

void encode(std::string& out, const Credit& credit) {
  append_header(out, {16, FrameType::credit, 0, 0});
  put(out, credit.window.records);
  put(out, std::uint32_t{0});
  put(out, credit.window.bytes);
}

void encode(std::string& out, const Cancel& cancel) {
  const std::string& topic = cancel.source.topic.name();
  append_header(out, {static_cast<std::uint32_t>(padded(16 + topic.size())), FrameType::cancel, 0, 0});
  const std::size_t start = out.size();
  put(out, cancel.source.partition.value);
  put(out, cancel.epoch.value);
  put(out, static_cast<std::uint32_t>(topic.size()));
  put(out, std::uint32_t{0});
  out += topic;
  pad_to_8(out, start, '\0');
}

void encode(std::string& out, const Drain& drain) {
  append_header(out, {8, FrameType::drain, 0, 0});
  put(out, drain.deadline_ms);
  put(out, std::uint32_t{0});
}

void encode(std::string& out, const Ping& ping) { append_header(out, {0, FrameType::ping, 0, ping.id}); }

void encode(std::string& out, const Pong& pong) { append_header(out, {0, FrameType::pong, 0, pong.id}); }

void encode(std::string& out, const Log& log) {
  put_json(out, FrameType::log, {{"level", log.level}, {"message", clean_text(log.message, kMaxTextBytes)}});
}

void encode(std::string& out, const Bye& bye) {
  put_json(out, FrameType::bye, {{"code", bye.code}, {"message", clean_text(bye.message, kMaxTextBytes)}});
}

}  // namespace triggerd::wire
