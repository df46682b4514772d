// The JSON text that a handler of an Azure Functions app gets for a record: the original's
// KafkaEventData<string>, written as its serializer writes it, in the same order
// (KafkaEventDataConvertManager). By hand, for speed: a tree of values costs more than twice as much. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::payload {

// function.json's keyDataType. int and long are big-endian, of 4 and 8 bytes, as Kafka's serializers have
// them.
enum class KeyType { string, int32, int64, binary };

// How many bytes such a key has; 0: any number. A key of another length cannot be read: the original loses
// such a record without a word.
std::size_t key_bytes(KeyType type);
bool is_of_type(const std::optional<std::string_view>& key, KeyType type);

// "2022-04-28T11:24:28.961Z", as the original has it: zeros at the end of the fraction are left out, and
// where there is no timestamp (-1) it is the epoch. From the year 1 to 9999; beyond, the nearest.
std::string timestamp_text(WallMillis time);

// Of one partition; its records may come in any order. Keeps what they share.
class EnvelopeEncoder {
 public:
  EnvelopeEncoder(const TopicPartition& source, KeyType key_type);

  // Appends {"Offset":…}. The key must be of the trigger's type.
  void append(std::string& out, const wire::RecordView& record);

  // How many pieces of keys, values and names of headers were not UTF-8 and are U+FFFD to the handler.
  std::uint64_t replaced() const { return replaced_; }

 private:
  std::string_view time(WallMillis time);
  void append_key(std::string& out, const std::optional<std::string_view>& key);
  void append_headers(std::string& out, std::span<const wire::HeaderView> headers);
  void append_text(std::string& out, std::string_view bytes);

  const KeyType key_type_;
  std::string after_offset_;  // ,"Partition":3,"Topic":"orders","Timestamp":"
  WallMillis last_time_ = -1;
  std::string last_text_;
  std::uint64_t replaced_ = 0;
};

}  // namespace triggerd::payload
