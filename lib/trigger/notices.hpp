// The log lines of one trigger's state changes. What may come for every record is limited; the rest is
// not.
#pragma once

#include <map>
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
  bool allowed(pipeline::Notice::Kind kind, TimePoint now);

  std::string trigger_;
  // At most so many lines a second of each kind that there may be one of for every record; the first line of
  // the next second says how many were left out.
  static constexpr unsigned kLinesPerSecond = 10;
  TimePoint second_{};
  std::map<pipeline::Notice::Kind, unsigned> in_second_;
  std::uint64_t left_out_ = 0;
};

}  // namespace triggerd::trigger
