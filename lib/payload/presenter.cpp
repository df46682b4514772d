#include "payload/presenter.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/invariant.hpp"
#include "wire/frame.hpp"

namespace triggerd::payload {
namespace {

constexpr std::size_t kEnvelopeBytes = 200;  // of one, besides key, value and headers: about
// What is left of a frame is room for its columns, and for saying why the rest does not fit.
constexpr std::size_t kMostBytes = std::size_t{wire::kMaxDaemonPayload} / 4 * 3;

std::string wrong_key(std::size_t bytes, KeyType type) {
  return "the key has " + std::to_string(bytes) + " bytes; keyDataType " +
         (type == KeyType::int32 ? "int has " : "long has ") + std::to_string(key_bytes(type));
}

}  // namespace

wire::Delivery Presenter::present(const wire::Delivery& delivery) {
  wire::Delivery presented = delivery;
  const wire::RecordBatch& from = *delivery.batch;
  presented.leader_epoch = from.leader_epoch();
  if (!how_.as_text && key_bytes(how_.key_type) == 0) return presented;

  const std::size_t bytes = from.bytes(delivery.first, delivery.count);
  auto batch = std::make_shared<wire::RecordBatch>();
  batch->reserve(delivery.count, how_.as_text ? bytes * 3 / 2 + delivery.count * kEnvelopeBytes : bytes);
  EnvelopeEncoder encoder(delivery.source, how_.key_type);
  for (std::uint32_t i = delivery.first; i < delivery.first + delivery.count; ++i) {
    const std::vector<wire::HeaderView> headers = from.headers(i);
    wire::RecordView record{from.offset(i), from.timestamp(i), from.key(i),
                            from.value(i),  headers,           from.leader_epoch()};
    fill(record, encoder, kMostBytes - std::min(kMostBytes, batch->bytes()));
    const bool fits = batch->append(record);
    TRIGGERD_INVARIANT(fits, "what one frame held fits another");
  }
  stats_.replaced += encoder.replaced();
  presented.batch = std::move(batch);
  presented.first = 0;
  return presented;
}

std::vector<wire::Delivery> Presenter::present(const std::vector<wire::Delivery>& invocation) {
  std::vector<wire::Delivery> presented;
  presented.reserve(invocation.size());
  for (const wire::Delivery& delivery : invocation) presented.push_back(present(delivery));
  return presented;
}

// `room`: bytes the value may have.
void Presenter::fill(wire::RecordView& record, EnvelopeEncoder& encoder, std::size_t room) {
  scratch_.clear();
  record.unreadable = !is_of_type(record.key, how_.key_type);
  if (record.unreadable) {
    scratch_ = wrong_key(record.key->size(), how_.key_type);
  } else if (how_.as_text) {
    encoder.append(scratch_, record);
    record.unreadable = scratch_.size() > room;
    if (record.unreadable) scratch_ = "as JSON it is larger than a frame can carry";
  }
  if (record.unreadable) ++stats_.unreadable;
  if (record.unreadable || how_.as_text) record.value = scratch_;
  if (how_.as_text) record.headers = {};
  if (how_.as_text && !how_.keeps_keys) record.key.reset();
}

}  // namespace triggerd::payload
