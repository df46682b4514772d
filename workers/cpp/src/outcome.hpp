// How a call of the handler ended, for each record that it was given. Pure, but for the call.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "wire/message.hpp"

namespace triggerd::worker_sdk {

struct Outcome {
  wire::Answer::Code code = wire::Answer::Code::ok;
  std::uint32_t retry_after_ms = 0;
  std::string reason;
  bool operator==(const Outcome&) const = default;
};

struct Attempt {
  Outcome usual;                          // of every record …
  std::map<std::size_t, Outcome> others;  // … but these
  const Outcome& of(std::size_t index) const;
};

// Calls a handler that was given so many records; nothing that it throws comes through.
Attempt attempt(const std::function<void()>& call, std::size_t records);

}  // namespace triggerd::worker_sdk
