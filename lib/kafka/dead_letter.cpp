#include "kafka/dead_letter.hpp"

#include <charconv>
#include <cstdint>

#include "wire/text.hpp"

namespace triggerd::kafka {
namespace {

constexpr std::string_view kPrefix = "triggerd.dlq.";
constexpr std::string_view kReplayed = "triggerd.dlq.replayed";
constexpr std::size_t kMostReasonBytes = 4096;

std::string ours(const char* name) { return std::string(kPrefix) + name; }

const char* text(pipeline::DeadLetter::Cause cause) {
  return cause == pipeline::DeadLetter::Cause::rejected ? "rejected" : "retries_used_up";
}

// A count of replays stays with the record: it is how a record that fails for ever is told from one that
// failed once.
void add_own(std::span<const wire::HeaderView> headers, bool with_replayed, std::vector<Header>& out) {
  for (const wire::HeaderView& header : headers) {
    const bool keep = !header.name.starts_with(kPrefix) || (with_replayed && header.name == kReplayed);
    if (keep) out.push_back({std::string(header.name), std::optional<std::string>(header.value)});
  }
}

// The last one: ours stand behind the record's own.
std::optional<std::string_view> value_of(std::span<const wire::HeaderView> headers, std::string_view name) {
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (header->name == name) return header->value;
  }
  return std::nullopt;
}

template <typename Int>
std::optional<Int> number_of(std::span<const wire::HeaderView> headers, std::string_view name) {
  const auto value = value_of(headers, name);
  if (!value) return std::nullopt;
  Int number{};
  const char* const end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::vector<Header> headers_of(const pipeline::DeadLetter& letter, std::string_view group,
                               std::string_view trigger) {
  std::vector<Header> out;
  add_own(letter.batch->headers(letter.index), true, out);
  out.push_back({ours("topic"), letter.source.topic.name()});
  out.push_back({ours("partition"), std::to_string(letter.source.partition.value)});
  out.push_back({ours("offset"), std::to_string(letter.batch->offset(letter.index).value)});
  out.push_back({ours("group"), std::string(group)});
  out.push_back({ours("trigger"), std::string(trigger)});
  out.push_back({ours("attempts"), std::to_string(letter.attempts)});
  out.push_back({ours("error"), text(letter.cause)});
  out.push_back({ours("reason"), wire::clean_text(letter.reason, kMostReasonBytes)});
  return out;
}

std::optional<Origin> origin_of(std::span<const wire::HeaderView> headers) {
  const auto topic = value_of(headers, ours("topic"));
  const auto partition = number_of<std::int32_t>(headers, ours("partition"));
  const auto offset = number_of<std::int64_t>(headers, ours("offset"));
  if (!topic || topic->empty() || !partition || !offset) return std::nullopt;
  return Origin{{Topic(std::string(*topic)), Partition{*partition}}, Offset{*offset}};
}

std::vector<Header> replayed_headers(std::span<const wire::HeaderView> headers) {
  std::vector<Header> out;
  add_own(headers, false, out);
  const std::int64_t before = number_of<std::int64_t>(headers, kReplayed).value_or(0);
  out.push_back({std::string(kReplayed), std::to_string(before + 1)});
  return out;
}

}  // namespace triggerd::kafka
