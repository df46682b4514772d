// The log lines of one trigger's state changes. Failures come per record, so they are limited; the rest is
// not.
#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "pipeline/action.hpp"
#include "pipeline/event.hpp"

namespace triggerd::trigger {

class Notices {
 public:
  explicit Notices(std::string trigger) : trigger_(std::move(trigger)) {}

  void write(const pipeline::Notice& notice, TimePoint now);
  void assigned(const pipeline::Assigned& event) const;
  void revoked(const pipeline::Revoked& event) const;
  void committed(const pipeline::CommitDone& event) const;

 private:
  bool allowed(TimePoint now);

  std::string trigger_;
  // At most so many record_failed lines a second; the first line of the next second says how many were left
  // out.
  static constexpr unsigned kFailuresPerSecond = 10;
  TimePoint second_{};
  unsigned in_second_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace triggerd::trigger
