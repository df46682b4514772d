#include "kafka/janitor.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace triggerd::kafka {
namespace {

TEST(Janitor, RunsJobsInOrderOnOneThreadOfItsOwn) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  {
    Janitor janitor;
    for (int i = 0; i < 100; ++i) {
      janitor.post([&, i] {
        order.push_back(i);
        threads.push_back(std::this_thread::get_id());
      });
    }
  }  // runs what was posted, then joins
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  for (const auto& id : threads) {
    EXPECT_EQ(id, threads.front());
    EXPECT_NE(id, std::this_thread::get_id());
  }
}

TEST(Janitor, TakesJobsFromAnyThreadAndFromItsJobs) {
  std::atomic<int> done = 0;
  {
    Janitor janitor;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) janitor.post([&] { ++done; });
      });
    }
    janitor.post([&] { janitor.post([&] { ++done; }); });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(done, 201);
}

TEST(Janitor, EndsWhatAJobHoldsBeforeTheNextJob) {
  bool gone = false;
  bool gone_in_next = false;
  {
    Janitor janitor;
    auto held = std::shared_ptr<int>(new int(1), [&](const int* p) {
      delete p;
      gone = true;
    });
    janitor.post([held = std::move(held)] {});
    janitor.post([&] { gone_in_next = gone; });
  }
  EXPECT_TRUE(gone_in_next);
}

}  // namespace
}  // namespace triggerd::kafka
