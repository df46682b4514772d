// What is delivered, and what comes of it.
#include "sim/oracle.hpp"

#include <algorithm>
#include <cmath>

namespace triggerd::sim {
namespace {

constexpr const char* kDied = "the worker died of it";

}  // namespace

Oracle::Oracle(const Scenario& scenario, std::vector<Log>& logs)
    : scenario_(scenario), logs_(logs), current_(logs.size()) {
  for (std::size_t p = 0; p < logs.size(); ++p) index_.emplace(logs[p].source, p);
}

std::size_t Oracle::partition_of(const TopicPartition& source) const { return index_.at(source); }

std::string Oracle::name(const Ownership& owner, std::size_t index) const {
  const Log& log = logs_[owner.partition];
  return to_string(log.source) + "@" + std::to_string(log.records[index].offset);
}

void Oracle::assigned(const pipeline::PartitionStart& start) {
  const std::size_t p = partition_of(start.source);
  Log& log = logs_[p];
  auto owner = std::make_shared<Ownership>();
  owner->partition = p;
  owner->start = start.position;
  owner->last_commit = start.committed;
  owner->first = log.index_of(start.position);
  owner->fed = owner->prefix = owner->covered = owner->first;
  owner->records.resize(log.records.size());
  // What the commit says besides its offset; a journal of another daemon is not at hand.
  if (start.committed) {
    if (!start.journaled) {
      const auto said = checkpoint::decode(start.metadata, start.position);
      if (said) log.progress = *said;
    }
    for (std::size_t i = owner->first; i < log.records.size(); ++i)
      owner->records[i].settled = owner->records[i].done = log.done(log.records[i]);
    for (const checkpoint::Attempts& attempts : log.progress.attempts) {
      const std::size_t i = log.index_of(attempts.offset);
      require(i < log.records.size() && log.records[i].offset == attempts.offset.value,
              "attempts of no record");
      owner->records[i].failures = attempts.failed;
    }
  }
  current_[p] = std::move(owner);
}

void Oracle::fed(const TopicPartition& source, std::size_t end) {
  const auto& owner = current_[partition_of(source)];
  if (!owner || owner->revoking || drain_deadline_) return;
  owner->fed = std::max(owner->fed, end);
  while (owner->prefix < owner->fed && owner->records[owner->prefix].settled) ++owner->prefix;
}

void Oracle::caught_up(const pipeline::CaughtUp& event) {
  const auto& owner = current_[partition_of(event.source)];
  if (owner && !owner->revoking && !drain_deadline_) owner->passed = std::max(owner->passed, event.position);
}

void Oracle::worker_ready(WorkerId worker, wire::Window window) { workers_[worker].window = window; }
void Oracle::worker_window(WorkerId worker, wire::Window window) {
  if (const auto found = workers_.find(worker); found != workers_.end()) found->second.window = window;
}
void Oracle::killed(const pipeline::KillWorker& kill) {
  require(workers_.contains(kill.worker), "a worker that is not there is killed");
  require(!workers_[kill.worker].doomed, "a worker is killed twice");
  workers_[kill.worker].doomed = true;
  workers_[kill.worker].timed_out = kill.blame;
}

void Oracle::set_in_flight(RecordFate& record, bool in_flight) {
  if (record.in_flight == in_flight) return;
  record.in_flight = in_flight;
  in_flight ? ++in_flight_ : --in_flight_;
}

void Oracle::check_shape(const pipeline::Send& send) const {
  require(!send.deliveries.empty(), "an empty Send");
  std::uint64_t records = 0, bytes = 0;
  for (std::size_t i = 0; i < send.deliveries.size(); ++i) {
    const wire::Delivery& d = send.deliveries[i];
    require(d.count > 0 && d.first + d.count <= d.batch->size(), "a delivery outside its batch");
    require(d.more == (i + 1 < send.deliveries.size()),
            "MORE is on every delivery of an invocation but its last");
    records += d.count;
    bytes += d.batch->bytes(d.first, d.count);
  }
  require(scenario_.many() || send.deliveries.size() == 1, "single records joined to an invocation");
  require(records <= scenario_.policy.batch.max_batch_size, "more than maxBatchSize records");
  require(records == 1 || bytes <= scenario_.policy.batch.max_batch_bytes, "more than maxBatchBytes");
  const auto found = workers_.find(send.worker);
  require(found != workers_.end(), "sent to a worker that is not there");
  const WorkerView& worker = found->second;
  require(!worker.doomed, "sent to a worker that is being killed");
  require(worker.records == 0 || (worker.records + records <= worker.window.records &&
                                  worker.bytes + bytes <= worker.window.bytes),
          "sent beyond the worker's window");
}

// Each lane at one worker at a time and in order: nothing of it goes out past a record that came back, nor in
// a run in which a worker may still hold it.
void Oracle::check_order(Ownership& owner, const wire::Delivery& delivery, WorkerId worker) {
  require(delivery.run >= owner.run, "a run falls");
  owner.run = delivery.run;
  const Log& log = logs_[owner.partition];
  const bool ordered = scenario_.policy.ordering != config::Ordering::none;
  for (std::uint32_t i = 0; i < delivery.count; ++i) {
    const std::size_t index = log.index_of(delivery.batch->offset(delivery.first + i));
    require(index < owner.fed, "delivered what was not read");
    const LogRecord& record = log.records[index];
    require(delivery.batch->value(delivery.first + i) == record.value, "another record's value");
    require(delivery.batch->key(delivery.first + i).has_value() == (record.key != 0), "another record's key");
    const std::uint64_t number = lane(owner.partition, index);
    Ownership::LaneView& view = owner.lanes[number];
    if (ordered) {
      if (view.out > 0 && view.worker != worker)
        violated("the lane of " + name(owner, index) + " at two workers");
      if (view.out > 0 && view.run != delivery.run)
        violated("the lane of " + name(owner, index) + " in two runs");
      if (view.back > 0 && delivery.run <= view.back)
        violated("delivered " + name(owner, index) + " in a run in which its lane came back");
      for (std::size_t before = owner.first; before < index; ++before) {
        const RecordFate& fate = owner.records[before];
        if (!fate.settled && !fate.out && lane(owner.partition, before) == number)
          violated("delivered " + name(owner, index) + " past " + name(owner, before));
      }
    }
    view.worker = worker;
    view.run = delivery.run;
    ++view.out;
    owner.records[index].out = true;
  }
}

void Oracle::check_retry(const Ownership& owner, std::size_t index, const wire::Delivery& delivery,
                         TimePoint now) const {
  const RecordFate& record = owner.records[index];
  if (record.settled || record.out || record.dead_letter)
    violated("delivered " + name(owner, index) + ", which is settled or out");
  if (record.exhausted) violated("delivered " + name(owner, index) + ", whose retries are used up");
  if (delivery.attempt != record.failures + 1)
    violated("attempt " + std::to_string(delivery.attempt) + " of " + name(owner, index) + " after " +
             std::to_string(record.failures) + " failures");
  if (now < record.not_before) violated("retried " + name(owner, index) + " too soon");
}

void Oracle::sent(const pipeline::Send& send, TimePoint now) {
  require(!drain_deadline_, "sent during the drain");
  check_shape(send);
  for (const wire::Delivery& delivery : send.deliveries) {
    const std::size_t p = partition_of(delivery.source);
    const auto owner = current_[p];
    require(owner && !owner->revoking, "delivered records of a partition that is not ours, or is going");
    if (!owner->epoch) {
      owner->epoch = delivery.epoch;
      const auto last = by_epoch_.upper_bound({p, delivery.epoch});
      require(last == by_epoch_.end() || last->first.first != p, "an epoch falls");
      require(by_epoch_.emplace(std::pair(p, delivery.epoch), owner).second, "an epoch is used again");
    }
    require(owner->epoch == delivery.epoch, "the epoch changes within an assignment");
    Sent sent{send.worker, send.deliveries.front().id,        owner,
              {},          std::vector<bool>(delivery.count), delivery.run};
    for (std::uint32_t i = 0; i < delivery.count; ++i)
      check_retry(*owner, logs_[p].index_of(delivery.batch->offset(delivery.first + i)), delivery, now);
    check_order(*owner, delivery, send.worker);
    WorkerView& at = workers_[send.worker];
    require(!at.suspect, "sent to a worker that has a suspect");
    for (std::uint32_t i = 0; i < delivery.count; ++i) {
      const std::size_t index = logs_[p].index_of(delivery.batch->offset(delivery.first + i));
      if (owner->records[index].suspect) {
        require(delivery.count == 1 && send.deliveries.size() == 1 && at.records == 0,
                "a suspect is not alone");
        at.suspect = true;
      }
      set_in_flight(owner->records[index], true);
      sent.records.push_back(index);
    }
    owner->out += delivery.count;
    workers_[send.worker].records += delivery.count;
    workers_[send.worker].bytes += delivery.batch->bytes(delivery.first, delivery.count);
    require(sent_.emplace(delivery.id, std::move(sent)).second, "a batch's id is used again");
  }
  if (in_flight_ > scenario_.policy.limits.max_in_flight)
    violated(std::to_string(in_flight_) + " records in flight");
}

void Oracle::failed(RecordFate& record, const wire::Answer& answer, TimePoint now) {
  const config::RetryPolicy& retry = scenario_.policy.retry;
  ++record.failures;
  if (retry.max_retry_count >= 0 && record.failures > retry.max_retry_count) {
    record.exhausted = true;
    return;
  }
  Duration least = retry.delay_interval;
  if (retry.strategy == config::RetryPolicy::Strategy::exponential_backoff) {
    const double wait =
        static_cast<double>(retry.minimum_interval.count()) * std::exp2(record.failures - 1) * 0.8;
    least = Duration(
        static_cast<Duration::rep>(std::min(wait, static_cast<double>(retry.maximum_interval.count()))));
  }
  record.not_before = now + std::max<Duration>(least, std::chrono::milliseconds(answer.retry_after_ms));
}

void Oracle::settled(Ownership& owner, std::size_t index) {
  owner.records[index].settled = true;
  if (owner.full) set_in_flight(owner.records[index], false);
  while (owner.prefix < owner.fed && owner.records[owner.prefix].settled) ++owner.prefix;
}

// A worker that lives may hold the lane.
void Oracle::came_back(Ownership& owner, std::size_t index) {
  Ownership::LaneView& view = owner.lanes[lane(owner.partition, index)];
  view.back = std::max(view.back, view.run);
}

void Oracle::fate(Sent& sent, std::size_t at, const wire::Answer& answer, TimePoint now) {
  if (sent.answered[at]) return;
  sent.answered[at] = true;
  Ownership& owner = *sent.owner;
  const std::size_t index = sent.records[at];
  RecordFate& record = owner.records[index];
  WorkerView& worker = workers_.at(sent.worker);
  --worker.records;
  worker.bytes -= logs_[owner.partition].records[index].bytes();
  worker.suspect = false;
  record.out = false;
  --owner.out;
  --owner.lanes[lane(owner.partition, index)].out;
  if (owner.removed) return;
  if (answer.code == Code::release) {
    came_back(owner, index);
    return set_in_flight(record, false);
  }
  record.suspect = false;
  if (answer.code != Code::ok && answer.code != Code::drop) set_in_flight(record, false);
  if (answer.code == Code::retry) {
    if (answer.reason != kDied) came_back(owner, index);
    return failed(record, answer, now);
  }
  if (answer.code == Code::dead_letter) {
    ++record.failures;
    record.exhausted = true;
    return;
  }
  if (answer.code != Code::ok) logs_[owner.partition].records[index].given_up = true;
  settled(owner, index);
}

void Oracle::answered(const pipeline::Answered& event, TimePoint now) {
  const auto found = sent_.find(event.ack.id);
  if (found == sent_.end() || found->second.worker != event.worker) return;
  Sent& sent = found->second;
  workers_.at(event.worker).timed_out = false;
  if (event.ack.answers.empty()) {
    for (std::size_t i = 0; i < sent.records.size(); ++i) fate(sent, i, {}, now);
  }
  for (const wire::Answer& answer : event.ack.answers) {
    for (std::size_t i = answer.first; i <= answer.last; ++i) fate(sent, i, answer, now);
  }
}

// What a synchronous worker ran when its time was up counts as failed: of its oldest delivery the first
// record, or the whole invocation.
void Oracle::time_out(WorkerId worker, TimePoint now) {
  std::optional<BatchId> invocation;
  for (auto& [id, sent] : sent_) {
    const auto first = std::find(sent.answered.begin(), sent.answered.end(), false);
    if (sent.worker != worker || first == sent.answered.end() ||
        (invocation && *invocation != sent.invocation))
      continue;
    const bool one = scenario_.policy.batch.cardinality == config::BatchPolicy::Cardinality::one;
    if (one && invocation) return;
    invocation = sent.invocation;
    const auto begin = static_cast<std::size_t>(first - sent.answered.begin());
    for (std::size_t i = begin; i < (one ? begin + 1 : sent.answered.size()); ++i)
      fate(sent, i, {.code = Code::retry, .reason = kDied}, now);
  }
}

// Every record it had may have ended it, unless it had but one, or what it ran took too long.
void Oracle::worker_lost(const pipeline::WorkerLost& event, TimePoint now) {
  const WorkerView& view = workers_.at(event.worker);
  const bool crashed = event.cause == pipeline::WorkerLost::Cause::crashed;
  const bool known = view.timed_out && scenario_.concurrency == 1;
  if (known) time_out(event.worker, now);
  const bool alone = crashed && !known && view.records == 1;
  for (auto& [id, sent] : sent_) {
    if (sent.worker != event.worker) continue;
    for (std::size_t i = 0; i < sent.records.size(); ++i) {
      if (sent.answered[i]) continue;
      if (alone) {
        fate(sent, i, {.code = Code::retry, .reason = kDied}, now);
        continue;
      }
      sent.answered[i] = true;
      RecordFate& record = sent.owner->records[sent.records[i]];
      record.out = false;
      set_in_flight(record, false);
      record.suspect = crashed && !known;
      --sent.owner->out;
      --sent.owner->lanes[lane(sent.owner->partition, sent.records[i])].out;
    }
  }
  workers_.erase(event.worker);
}

}  // namespace triggerd::sim
