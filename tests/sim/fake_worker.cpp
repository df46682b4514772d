#include "sim/fake_worker.hpp"

#include <algorithm>

namespace triggerd::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Code = wire::Answer::Code;
constexpr auto kCrashed = pipeline::WorkerLost::Cause::crashed;

template <typename F>
void FakeWorker::through(TimePoint& pipe, Duration delay, F step) {
  pipe = std::max(pipe, world_.now() + delay);
  world_.schedule.at(pipe, [weak = weak_from_this(), step] {
    if (const auto self = weak.lock()) step(*self);
  });
}

void FakeWorker::hello() {
  world_.feed(pipeline::WorkerReady{id_, world_.scenario.concurrency, world_.scenario.window});
}

void FakeWorker::send(const pipeline::Send& send) {
  through(in_, world_.upto(milliseconds(2)), [send](FakeWorker& self) { self.receive(send); });
}

void FakeWorker::cancel(const pipeline::CancelPartition& cancel) {
  through(in_, world_.upto(milliseconds(2)), [cancel](FakeWorker& self) { self.receive(cancel); });
}

void FakeWorker::kill(pipeline::WorkerLost::Cause cause) {
  // Now and then a process stands in the kernel and dies long after SIGKILL.
  const Duration delay = world_.random.chance(20) ? Duration(seconds(20)) : world_.upto(milliseconds(5));
  through(in_, delay, [cause](FakeWorker& self) { self.crash(cause); });
}

const LogRecord& FakeWorker::record(const Item& item) const {
  return world_.scenario.logs[item.lane.partition].records[item.index];
}

const TopicPartition& FakeWorker::source(const Item& item) const {
  return world_.scenario.logs[item.lane.partition].source;
}

std::uint64_t FakeWorker::lane_number(const LogRecord& record, std::size_t index) const {
  return lane_of(world_.scenario.policy.ordering, record, index);
}

void FakeWorker::receive(const pipeline::Send& send) {
  if (!alive_) return;
  Invocation invocation;
  for (const wire::Delivery& delivery : send.deliveries) {
    const std::size_t partition = world_.oracle.partition_of(delivery.source);
    const Log& log = world_.scenario.logs[partition];
    Frame& frame = frames_[delivery.id];
    frame.open = delivery.count;
    frame.replies.resize(delivery.count);
    for (std::uint32_t i = 0; i < delivery.count; ++i) {
      const std::size_t index = log.index_of(delivery.batch->offset(delivery.first + i));
      const Lane lane{partition, lane_number(log.records[index], index)};
      invocation.push_back({delivery.id, i, lane, delivery.epoch, delivery.run, index});
      if (!world_.scenario.many()) pending_.push_back(std::exchange(invocation, {}));
    }
  }
  if (!invocation.empty()) pending_.push_back(std::move(invocation));
  if (world_.fault(8))
    through(in_, world_.upto(milliseconds(50)), [](FakeWorker& self) { self.crash(kCrashed); });
  if (world_.fault(20)) {
    const wire::Window window{world_.random.between(1, 60), world_.random.between(1, 3000)};
    through(out_, {},
            [window](FakeWorker& self) { self.world_.feed(pipeline::WorkerCredit{self.id_, window}); });
  }
  pump();
}

void FakeWorker::receive(const pipeline::CancelPartition& cancel) {
  if (!alive_) return;
  const std::size_t partition = world_.oracle.partition_of(cancel.source);
  Epoch& epoch = cancelled_[partition];
  epoch = std::max(epoch, cancel.epoch);
  for (Invocation& invocation : pending_) {
    std::erase_if(invocation, [&](const Item& item) {
      if (item.lane.partition != partition || item.epoch > epoch) return false;
      reply(item, Code::release);
      return true;
    });
  }
  std::erase_if(pending_, [](const Invocation& invocation) { return invocation.empty(); });
  answer();
  pump();
}

bool FakeWorker::must_release(const Item& item) const {
  const auto cancelled = cancelled_.find(item.lane.partition);
  if (cancelled != cancelled_.end() && item.epoch <= cancelled->second) return true;
  if (world_.scenario.policy.ordering == config::Ordering::none) return false;
  const auto failed = failed_runs_.find({item.lane, item.epoch});
  return failed != failed_runs_.end() && item.run <= failed->second;
}

void FakeWorker::fail_lane(const Item& item) {
  std::uint32_t& run = failed_runs_[{item.lane, item.epoch}];
  run = std::max(run, item.run);
}

// Starts what may start: in order, one at a time in a lane, `concurrency` side by side.
void FakeWorker::pump() {
  std::set<Lane> taken = occupied_;  // and the lanes of what waits further ahead
  for (auto it = pending_.begin(); it != pending_.end() && running_.size() < world_.scenario.concurrency;) {
    const bool free =
        std::none_of(it->begin(), it->end(), [&](const Item& item) { return taken.contains(item.lane); });
    if (!free) {
      for (const Item& item : *it) taken.insert(item.lane);
      ++it;
      continue;
    }
    Invocation invocation = std::move(*it);
    it = pending_.erase(it);
    for (const Lane& lane : start(std::move(invocation))) taken.insert(lane);
  }
  answer();
}

// The lanes it occupies now: none where all of it was released.
std::vector<FakeWorker::Lane> FakeWorker::start(Invocation invocation) {
  std::erase_if(invocation, [this](const Item& item) {
    if (!must_release(item)) return false;
    reply(item, Code::release);
    return true;
  });
  if (invocation.empty()) return {};
  if (world_.trouble() && !world_.scenario.calm() && world_.random.chance(5)) {  // it has its reasons
    for (const Item& item : invocation) {
      fail_lane(item);
      reply(item, Code::release);
    }
    return {};
  }
  std::vector<Lane> lanes;
  const std::uint64_t number = ++world_.invocations;
  for (const Item& item : invocation) {
    world_.oracle.started(source(item), item.epoch, item.index, number);
    occupied_.insert(item.lane);
    lanes.push_back(item.lane);
  }
  const bool poison =
      std::ranges::any_of(invocation, [this](const Item& item) { return record(item).poison; });
  running_.emplace(number, std::move(invocation));
  if (poison) {
    through(in_, world_.upto(milliseconds(3)), [](FakeWorker& self) { self.crash(kCrashed); });
    return lanes;
  }
  if (world_.fault(4)) return lanes;  // hangs
  const Duration most = world_.random.chance(50) ? world_.scenario.slowest : Duration(milliseconds(3));
  world_.schedule.after(world_.upto(most), [weak = weak_from_this(), number] {
    if (const auto self = weak.lock()) self->complete(number);
  });
  return lanes;
}

bool FakeWorker::fails(const Invocation& invocation) {
  bool failed = world_.fault(10);
  for (const Item& item : invocation) {
    std::uint32_t& left = world_.scenario.logs[item.lane.partition].records[item.index].failures_left;
    if (left == 0) continue;
    --left;
    failed = true;
  }
  return failed;
}

void FakeWorker::complete(std::uint64_t number) {
  const auto found = running_.find(number);
  if (!alive_ || found == running_.end()) return;
  const Invocation invocation = std::move(found->second);
  running_.erase(found);
  const bool failed = fails(invocation);
  const std::uint32_t retry_after = failed && world_.random.chance(200) ? world_.random.between(1, 500) : 0;
  // Now and then the handler says which records of its batch failed.
  const bool some = failed && world_.random.chance(300);
  for (const Item& item : invocation) {
    occupied_.erase(item.lane);
    const bool this_failed = failed && (!some || world_.random.chance(500));
    const LogRecord::Wish wish = record(item).wish;
    const Code code = this_failed                            ? Code::retry
                      : wish == LogRecord::Wish::dead_letter ? Code::dead_letter
                      : wish == LogRecord::Wish::drop        ? Code::drop
                                                             : Code::ok;
    world_.oracle.finished(source(item), item.epoch, item.index, code);
    if (this_failed) fail_lane(item);
    reply(item, code, this_failed ? retry_after : 0);
  }
  pump();
}

void FakeWorker::reply(const Item& item, Code code, std::uint32_t retry_after_ms) {
  Frame& frame = frames_.at(item.batch);
  frame.replies[item.at] = {Reply::State::unsent, code, retry_after_ms};
  --frame.open;
}

// A finished batch is answered at once, others within 10 ms.
void FakeWorker::answer() {
  bool unsent = false;
  for (auto it = frames_.begin(); it != frames_.end();) {
    Frame& frame = it->second;
    const bool some = std::any_of(frame.replies.begin(), frame.replies.end(),
                                  [](const Reply& reply) { return reply.state == Reply::State::unsent; });
    if (frame.open > 0) {
      unsent = unsent || some;
      ++it;
      continue;
    }
    if (some) send_ack(it->first, frame);
    it = frames_.erase(it);
  }
  if (!unsent || flush_scheduled_) return;
  flush_scheduled_ = true;
  world_.schedule.after(milliseconds(10), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->flush();
  });
}

void FakeWorker::flush() {
  flush_scheduled_ = false;
  if (!alive_) return;
  for (auto& [id, frame] : frames_) {
    if (std::any_of(frame.replies.begin(), frame.replies.end(),
                    [](const Reply& reply) { return reply.state == Reply::State::unsent; }))
      send_ack(id, frame);
  }
}

void FakeWorker::send_ack(BatchId id, Frame& frame) {
  wire::Ack ack{id, {}};
  const bool all_ok =
      frame.open == 0 && std::all_of(frame.replies.begin(), frame.replies.end(), [](const Reply& r) {
        return r.state == Reply::State::sent || r.code == Code::ok;
      });
  const bool repeat = world_.fault(30);  // says again what it said already
  if (!all_ok || world_.random.chance(300)) {
    for (std::uint32_t i = 0; i < frame.replies.size(); ++i) {
      const Reply& reply = frame.replies[i];
      if (reply.state == Reply::State::open || (reply.state == Reply::State::sent && !repeat)) continue;
      wire::Answer* last = ack.answers.empty() ? nullptr : &ack.answers.back();
      if (last != nullptr && last->last + 1 == i && last->code == reply.code &&
          last->retry_after_ms == reply.retry_after_ms) {
        last->last = i;
      } else {
        ack.answers.push_back({i, i, reply.code, reply.retry_after_ms, ""});
      }
    }
  }
  for (Reply& reply : frame.replies) {
    if (reply.state == Reply::State::unsent) reply.state = Reply::State::sent;
  }
  const Duration delay = world_.fault(30) ? Duration(milliseconds(200)) : world_.upto(milliseconds(1));
  const auto say = [ack](FakeWorker& self) { self.world_.feed(pipeline::Answered{self.id_, ack}); };
  through(out_, delay, say);
  if (world_.fault(30)) through(out_, world_.upto(milliseconds(30)), say);
  if (world_.fault(10)) {
    const wire::Ack stray{BatchId{world_.random.next() % 500}, {}};
    const WorkerId other{id_.value + 1000};
    through(out_, {},
            [stray, other](FakeWorker& self) { self.world_.feed(pipeline::Answered{other, stray}); });
  }
}

void FakeWorker::die() {
  if (!std::exchange(alive_, false)) return;
  for (const auto& [number, invocation] : running_) {
    for (const Item& item : invocation) world_.oracle.handler_died(source(item), item.epoch, item.index);
  }
}

void FakeWorker::crash(pipeline::WorkerLost::Cause cause) {
  if (!alive_) return;
  die();
  // What it wrote before still arrives first.
  through(out_, world_.upto(milliseconds(20)),
          [cause](FakeWorker& self) { self.world_.feed(pipeline::WorkerLost{self.id_, "signal 9", cause}); });
}

}  // namespace triggerd::sim
