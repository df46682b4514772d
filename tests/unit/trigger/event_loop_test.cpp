#include "trigger/event_loop.hpp"

#include <csignal>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace triggerd::trigger {
namespace {

TEST(EventLoop, RunsJobsInOrderOnOneThreadThatTakesNoSignals) {
  EventLoop loop("loop-test");
  std::promise<std::pair<std::thread::id, bool>> first;
  std::promise<std::thread::id> second;
  loop.post([&] {
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    first.set_value({std::this_thread::get_id(), sigismember(&blocked, SIGTERM) == 1});
  });
  loop.post([&] { second.set_value(std::this_thread::get_id()); });
  const auto [thread, blocks_term] = first.get_future().get();
  EXPECT_EQ(second.get_future().get(), thread);
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_TRUE(blocks_term);
}

}  // namespace
}  // namespace triggerd::trigger
