// Progress as GoogleTest and RapidCheck print it: "4711 settled 4713-4720 attempts 4711x2 journal 7/3".
#pragma once

#include <ostream>

#include "checkpoint/progress.hpp"

namespace triggerd::checkpoint {

inline std::ostream& operator<<(std::ostream& out, const JournalRef& ref) {
  return out << ref.id << '/' << ref.sequence;
}

inline std::ostream& operator<<(std::ostream& out, const Progress& progress) {
  out << progress.base.value;
  if (!progress.settled.empty()) out << " settled";
  for (const Interval& run : progress.settled) out << ' ' << run.first.value << '-' << run.end.value;
  if (!progress.attempts.empty()) out << " attempts";
  for (const Attempts& attempts : progress.attempts)
    out << ' ' << attempts.offset.value << 'x' << attempts.failed;
  if (progress.journal) out << " journal " << *progress.journal;
  return out;
}

}  // namespace triggerd::checkpoint
