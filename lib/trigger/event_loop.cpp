#include "trigger/event_loop.hpp"

#include <csignal>
#include <exception>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>

#include "base/invariant.hpp"

namespace triggerd::trigger {
namespace {

void run(boost::asio::io_context& context, const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  try {
    context.run();
  } catch (const std::exception& e) {
    invariant_failed("no exception leaves a handler", __FILE__, __LINE__, e.what());
  }
}

}  // namespace

class EventLoop::Impl {
 public:
  explicit Impl(const std::string& name) : guard(context.get_executor()) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits it
    thread = std::thread([this, name] { run(context, name); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~Impl() {
    context.stop();
    thread.join();
  }

  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  std::thread thread;
};

EventLoop::EventLoop(const std::string& name) : impl_(std::make_unique<Impl>(name)) {}
EventLoop::~EventLoop() = default;
boost::asio::io_context& EventLoop::context() { return impl_->context; }
void EventLoop::post(std::function<void()> job) { boost::asio::post(impl_->context, std::move(job)); }

}  // namespace triggerd::trigger
