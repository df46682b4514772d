// `triggerd demo`: a trigger at work on a machine without Kafka. librdkafka's mock cluster in this process, a
// steady producer, one Python worker, and a screen that says what flows.
#pragma once

namespace triggerd::daemon {

struct DemoOptions {
  double seconds = 0;  // 0: until Ctrl-C
  int rate = 2000;     // records a second
  bool verbose = false;
};

// Exit code.
int run_demo(const DemoOptions& options);

}  // namespace triggerd::daemon
