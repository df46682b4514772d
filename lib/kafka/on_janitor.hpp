// A job on the janitor whose result comes back to the loop.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "kafka/janitor.hpp"

namespace triggerd::kafka {

// Runs `job` on the janitor, then what it returns on the loop, which does not end before, unless the owner is
// abandoned() by then: its loop may be gone.
template <typename Owner, typename Job>
void on_janitor(Janitor& janitor, boost::asio::io_context& loop, std::shared_ptr<Owner> owner, Job job) {
  auto shared_job = std::make_shared<Job>(std::move(job));
  auto guard = std::make_shared<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>>(
      loop.get_executor());
  janitor.post([&loop, owner = std::move(owner), shared_job, guard]() mutable {
    auto then = std::make_shared<decltype((*shared_job)())>((*shared_job)());
    shared_job.reset();
    if (owner->abandoned()) return;
    // Moved, not copied: the loop may end right after it has run this, and its things must not outlive it
    // here.
    boost::asio::post(loop, [owner = std::move(owner), then = std::move(then), guard = std::move(guard)] {
      (*then)(*owner);
    });
  });
}

}  // namespace triggerd::kafka
