// What a dead letter says of itself, in headers beside the record's own, and how a replay reads it. Pure.
//
//   triggerd.dlq.topic .partition .offset   where the record was read
//   triggerd.dlq.group .trigger             who read it
//   triggerd.dlq.attempts                   how often its handler ran
//   triggerd.dlq.error                      retries_used_up | rejected
//   triggerd.dlq.reason                     the last attempt's, for people: UTF-8, at most 4 KiB
//   triggerd.dlq.replayed                   how often it has been replayed; the one that a replay leaves on
//   it
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"
#include "pipeline/action.hpp"
#include "wire/record_batch.hpp"

namespace triggerd::kafka {

struct Header {
  std::string name;
  std::optional<std::string> value;  // nullopt: null, which is not empty
  bool operator==(const Header&) const = default;
};

// The record's own headers in their order, then ours. Those of an earlier dead letter are replaced.
std::vector<Header> headers_of(const pipeline::DeadLetter& letter, std::string_view group,
                               std::string_view trigger);

struct Origin {
  TopicPartition source;
  Offset offset;
  bool operator==(const Origin&) const = default;
};

// nullopt: no dead letter of ours.
std::optional<Origin> origin_of(std::span<const wire::HeaderView> headers);

// Those of the record when it goes back to its origin.
std::vector<Header> replayed_headers(std::span<const wire::HeaderView> headers);

}  // namespace triggerd::kafka
