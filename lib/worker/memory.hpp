// What workers take of the machine's memory, read from /proc. Shell.
//
// One thread of its own, whoever asks: a look at /proc takes milliseconds, and a worker's page tables, which
// the kernel walks for an exact answer, tens of them. It sleeps while nobody asks.
//
// What is counted is the proportional set (PSS) of the worker and all it has started: a page that n processes
// share counts 1/n for each, so the sum is what would be free without them. Resident sets (RSS) would count a
// model that a worker loaded before it forked eight children nine times. But RSS costs almost nothing to read
// and is never less: so PSS is read only where the sum of RSS is beyond what the caller cares about.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace triggerd::worker {

// Bytes that could still be had without swapping: of the machine (MemAvailable), or of our own control group
// (memory.max) where that is less. Nothing where /proc does not say. Any thread; some 50 µs.
std::optional<std::uint64_t> free_memory();

class MemoryReader {
 public:
  MemoryReader();
  ~MemoryReader();  // answers what was asked, joins
  MemoryReader(const MemoryReader&) = delete;
  MemoryReader& operator=(const MemoryReader&) = delete;

  // Bytes of each of these workers, in their order; 0: it is gone. At most `exact_above` where it is known
  // only that it is not more. `answer` is called on the reader's thread. Any thread.
  using Answer = std::function<void(std::vector<std::uint64_t>)>;
  void read(std::vector<pid_t> leaders, std::uint64_t exact_above, Answer answer);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace triggerd::worker
