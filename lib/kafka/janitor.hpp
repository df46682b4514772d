// One thread for what may block: making, and above all destroying, librdkafka clients (design §3, threads).
#pragma once

#include <functional>
#include <memory>

namespace triggerd::kafka {

// Jobs run one after the other in the order posted. The destructor runs what was posted, then joins. Any
// thread.
class Janitor {
 public:
  Janitor();
  ~Janitor();
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;
  void post(std::function<void()> job);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace triggerd::kafka
