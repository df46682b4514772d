// A worker's socket from the daemon's side and the other way: any bytes, in any pieces. What is understood is
// written again and must be understood as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <variant>

#include "wire/message.hpp"

namespace triggerd::wire {
namespace {

constexpr std::size_t kSmallFrames = 1u << 20;  // what a fuzzer reaches; larger ones only cost memory

void require(bool holds) {
  if (!holds) std::abort();
}

std::string again(const Batch& batch) {
  BatchEncoder encoder;
  encoder.encode(batch.delivery);
  std::string out;
  for (const std::string_view piece : encoder.pieces()) out += piece;
  return out;
}
template <typename T>
std::string again(const T& message) {
  std::string out;
  encode(out, message);
  return out;
}

// Each accessor on each record: the address sanitizer sees a column that leads outside.
std::size_t read_all(const Batch& batch) {
  const RecordBatch& records = *batch.delivery.batch;
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    require(i == 0 || records.offset(i) > records.offset(i - 1));
    require(records.timestamp(i) >= -1);
    if (const auto key = records.key(i)) bytes += key->size();
    if (const auto value = records.value(i)) bytes += value->size();
    for (const HeaderView& header : records.headers(i))
      bytes += header.name.size() + (header.value ? header.value->size() : 0);
  }
  require(bytes == records.bytes());
  return bytes;
}
template <typename T>
std::size_t read_all(const T&) {
  return 0;
}

template <typename T>
bool same(const T& a, const T& b) {
  return a == b;
}
bool same(const Batch& a, const Batch& b) { return again(a) == again(b); }

void check(const Frame& frame) {
  const auto message = parse(frame);
  if (!message) return;
  std::visit(
      [](const auto& value) {
        read_all(value);
        const std::string bytes = again(value);
        FrameDecoder decoder(kMaxDaemonPayload);
        for (std::size_t at = 0; at < bytes.size();) {
          const auto room = decoder.prepare();
          const std::size_t count = std::min(room.size(), bytes.size() - at);
          std::memcpy(room.data(), bytes.data() + at, count);
          decoder.commit(count);
          at += count;
        }
        const auto next = decoder.next();
        require(next && *next);
        const auto second = parse(**next);
        require(second.has_value());
        require(same(value, std::get<std::decay_t<decltype(value)>>(*second)));
      },
      *message);
}

}  // namespace
}  // namespace triggerd::wire

// The first byte says how large the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace triggerd::wire;
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  FrameDecoder decoder(kSmallFrames);
  for (std::size_t at = 1; at < size;) {
    const auto room = decoder.prepare();
    require(!room.empty());
    const std::size_t count = std::min({piece, room.size(), size - at});
    std::memcpy(room.data(), data + at, count);
    decoder.commit(count);
    at += count;
    auto next = decoder.next();
    for (; next && *next; next = decoder.next()) check(**next);
    if (!next) return 0;
  }
  return 0;
}
