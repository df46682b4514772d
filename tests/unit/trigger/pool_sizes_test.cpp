#include "trigger/pool_sizes.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace triggerd::trigger {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kMiB = 1 << 20;

config::Trigger of(const std::string& name) {
  config::Trigger trigger;
  trigger.name = name;
  trigger.ordering = config::Ordering::none;
  trigger.worker.min_processes = 1;
  trigger.worker.max_processes = 16;
  return trigger;
}

// Two pools of two busy processes each, of 100 MiB, with much to do.
class TwoPools : public testing::Test {
 protected:
  void second(std::uint32_t ready_of_a, std::uint32_t ready_of_b) {
    ++now_;
    took("a", ready_of_a);
    took("b", ready_of_b);
  }
  void seconds_pass(int count) {
    for (int i = 0; i < count; ++i) second(2, 2);
  }
  void took(const std::string& name, std::uint32_t ready) {
    Status status;
    status.trigger = name;
    status.state = State::running;
    status.at = TimePoint(seconds(now_));
    status.busy = seconds(2 * now_);
    status.stats.settled_ok = static_cast<std::uint64_t>(10 * now_);
    status.stats.undelivered = 10'000;
    status.pool.wanted = wanted_.at(name);
    status.pool.ready = ready;
    status.pool.largest_bytes = 100 * kMiB;
    sizes_.took(status);
  }

  boost::asio::io_context control_;
  std::map<std::string, std::uint32_t> wanted_{{"a", 2}, {"b", 2}};
  std::optional<std::uint64_t> free_ = 1'000 * kMiB;
  int now_ = 0;
  PoolSizes sizes_{control_,
                   {of("a"), of("b")},
                   {[](const std::string&) {},
                    [this](const std::string& name, std::uint32_t to) { wanted_.at(name) = to; }},
                   [this] { return free_; }};
};

TEST_F(TwoPools, GrowWithWhatIsFree) {
  seconds_pass(8);
  EXPECT_EQ(wanted_, (std::map<std::string, std::uint32_t>{{"a", 4}, {"b", 4}}));
}

TEST_F(TwoPools, TheMemoryOfAProcessThatStartsIsNotPromisedTwice) {
  free_ = 300 * kMiB;
  seconds_pass(8);
  EXPECT_EQ(wanted_, (std::map<std::string, std::uint32_t>{{"a", 4}, {"b", 3}}));
  EXPECT_EQ(sizes_.decision("b")->rule, scale::PoolRule::starting);
}

TEST_F(TwoPools, APromiseIsOverWhenTheProcessIsReady) {
  free_ = 200 * kMiB;
  seconds_pass(8);
  EXPECT_EQ(wanted_, (std::map<std::string, std::uint32_t>{{"a", 4}, {"b", 2}}));
  EXPECT_EQ(sizes_.decision("b")->rule, scale::PoolRule::memory);
  for (int i = 0; i < 3; ++i) second(4, 2);
  EXPECT_EQ(wanted_.at("b"), 4U) << "200 MiB are free still: others gave some back";
}

TEST_F(TwoPools, MemoryThatIsNotKnownIsNoLimit) {
  free_.reset();
  seconds_pass(8);
  EXPECT_EQ(wanted_.at("b"), 4U);
}

}  // namespace
}  // namespace triggerd::trigger
