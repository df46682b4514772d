// The nouns that would otherwise be bare integers. Regular values. Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace triggerd {

// A number with a name: two kinds never mix, and arithmetic is written out (`Offset{a.value + 1}`).
template <typename Tag, typename Int>
struct Named {
  Int value{};
  auto operator<=>(const Named&) const = default;
};

using Partition = Named<struct PartitionTag, std::int32_t>;
using Offset = Named<struct OffsetTag, std::int64_t>;  // a record's, or (committed, position) the next one's
using Epoch = Named<struct EpochTag, std::uint32_t>;   // of a partition's assignment to us; rises with each
using BatchId = Named<struct BatchIdTag, std::uint64_t>;    // one Batch frame; unique within a trigger's life
using WorkerId = Named<struct WorkerIdTag, std::uint32_t>;  // one worker process's life; never reused

// Topics repeat in every value we pass around; sharing the text makes a copy cheap.
class Topic {
 public:
  Topic() : Topic(std::string()) {}
  explicit Topic(std::string name) : name_(std::make_shared<const std::string>(std::move(name))) {}
  const std::string& name() const { return *name_; }
  bool operator==(const Topic& other) const { return name_ == other.name_ || *name_ == *other.name_; }
  std::strong_ordering operator<=>(const Topic& other) const { return name().compare(other.name()) <=> 0; }

 private:
  std::shared_ptr<const std::string> name_;
};

struct TopicPartition {
  Topic topic;
  Partition partition;
  auto operator<=>(const TopicPartition&) const = default;
  bool operator==(const TopicPartition&) const = default;
};

// "orders[3]", as Kafka's own tools write it.
inline std::string to_string(const TopicPartition& tp) {
  return tp.topic.name() + "[" + std::to_string(tp.partition.value) + "]";
}

}  // namespace triggerd

template <typename Tag, typename Int>
struct std::hash<triggerd::Named<Tag, Int>> {
  std::size_t operator()(const triggerd::Named<Tag, Int>& named) const {
    return std::hash<Int>{}(named.value);
  }
};
