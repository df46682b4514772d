#include "sim/simulation.hpp"

#include <algorithm>
#include <variant>

#include "support/pipeline_text.hpp"

namespace triggerd::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void Simulation::run(Tally& tally) {
  world_.feed = [this](const pipeline::Event& event) { feed(event); };
  begin_daemon();
  broker_.begin();
  if (world_.scenario.restart != Scenario::Restart::none) restart_later();
  while (world_.schedule.step()) {
    if (++steps_ > 200'000) throw Violation("it never comes to rest");
    departed_.clear();
  }
  check_over();
  count(tally);
}

void Simulation::begin_daemon() {
  pipeline_ = std::make_unique<pipeline::Pipeline>(world_.scenario.policy, world_.random.next());
  for (std::uint32_t i = 0; i < world_.scenario.workers; ++i) spawn_later();
}

void Simulation::end_daemon() {
  ++life_;
  ++wake_;
  broker_.member_gone();
  for (auto& [id, worker] : workers_) {
    worker->die();
    departed_.push_back(std::move(worker));
  }
  workers_.clear();
  world_.oracle.daemon_ended();
  const pipeline::Stats& stats = pipeline_->stats();
  counted_.retries += stats.attempts_failed;
  counted_.released += stats.released;
  counted_.stale += stats.answers_stale;
  counted_.suspects += stats.suspects_delivered;
  counted_.done_before += stats.records_done_before;
}

void Simulation::restart_later() {
  world_.schedule.after(world_.scenario.trouble / 4 + world_.upto(world_.scenario.trouble / 2), [this] {
    if (world_.scenario.restart == Scenario::Restart::drain)
      return drain(world_.scenario.stormy() ? world_.upto(seconds(5)) : Duration(seconds(30)));
    end_daemon();
    begin_daemon();
    broker_.member_joins();
  });
}

void Simulation::spawn_later() {
  world_.schedule.after(world_.upto(milliseconds(100)), [this, life = life_] {
    if (life != life_ || world_.oracle.drain_deadline()) return;
    const WorkerId id{next_worker_++};
    workers_[id] = std::make_shared<FakeWorker>(world_, id);
    workers_[id]->hello();
  });
}

void Simulation::drain(Duration within) {
  const TimePoint deadline = world_.now() + within;
  feed(pipeline::DrainRequested{deadline});
}

void Simulation::feed(const pipeline::Event& event) {
  if (world_.trace.on()) world_.trace.add(world_.now(), test::text(event));
  world_.oracle.check_deadlines(world_.now());  // first, or an answer that comes late would hide it
  tell_oracle(event);
  pipeline::Actions actions;
  pipeline_->on(event, world_.now(), actions);
  for (const pipeline::Action& action : actions) {
    if (world_.trace.on()) world_.trace.add(world_.now(), "  -> " + test::text(action));
    perform(action);
  }
  if (const auto* lost = std::get_if<pipeline::WorkerLost>(&event)) {
    const auto found = workers_.find(lost->worker);
    if (found == workers_.end()) return;
    departed_.push_back(std::move(found->second));
    workers_.erase(found);
    ++counted_.workers_lost;
    spawn_later();
  }
}

void Simulation::tell_oracle(const pipeline::Event& event) {
  Oracle& oracle = world_.oracle;
  std::visit(
      [&](const auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, pipeline::Assigned>) {
          for (const pipeline::PartitionStart& start : e.partitions) oracle.assigned(start);
        } else if constexpr (std::is_same_v<T, pipeline::Revoked>) {
          oracle.revoked(e, world_.now());
          ++counted_.revokes;
        } else if constexpr (std::is_same_v<T, pipeline::WorkerReady>) {
          oracle.worker_ready(e.worker, e.window);
        } else if constexpr (std::is_same_v<T, pipeline::WorkerCredit>) {
          oracle.worker_window(e.worker, e.window);
        } else if constexpr (std::is_same_v<T, pipeline::WorkerLost>) {
          oracle.worker_lost(e, world_.now());
        } else if constexpr (std::is_same_v<T, pipeline::Answered>) {
          oracle.answered(e, world_.now());
        } else if constexpr (std::is_same_v<T, pipeline::CommitDone>) {
          oracle.commit_done(e);
        } else if constexpr (std::is_same_v<T, pipeline::DeadLettered>) {
          oracle.dead_lettered(e);
        } else if constexpr (std::is_same_v<T, pipeline::DrainRequested>) {
          oracle.drain_requested(e.deadline);
        }
      },
      event);
}

void Simulation::perform(const pipeline::Action& action) {
  Oracle& oracle = world_.oracle;
  std::visit(
      [&](const auto& a) {
        using T = std::decay_t<decltype(a)>;
        if constexpr (std::is_same_v<T, pipeline::CancelPartition>) {
          if (const auto found = workers_.find(a.worker); found != workers_.end()) found->second->cancel(a);
        } else if constexpr (std::is_same_v<T, pipeline::KillWorker>) {
          oracle.killed(a);
          workers_.at(a.worker)->kill(a.blame ? pipeline::WorkerLost::Cause::crashed
                                              : pipeline::WorkerLost::Cause::stopped);
        } else if constexpr (std::is_same_v<T, pipeline::Commit>) {
          oracle.commit(a);
          broker_.commit(a);
          ++counted_.commits;
        } else if constexpr (std::is_same_v<T, pipeline::Read>) {
          broker_.set_reading(true);
        } else if constexpr (std::is_same_v<T, pipeline::StopReading>) {
          broker_.set_reading(false);
          ++counted_.stops_reading;
        } else if constexpr (std::is_same_v<T, pipeline::FinishRevoke>) {
          oracle.finish_revoke(a, world_.now());
          broker_.finish_revoke(a);
        } else if constexpr (std::is_same_v<T, pipeline::WakeAt>) {
          wake_at(a.time);
        } else if constexpr (std::is_same_v<T, pipeline::Drained>) {
          oracle.drained(world_.now());
          ++counted_.drains;
          world_.schedule.after(milliseconds(1), [this] {
            end_daemon();
            begin_daemon();
            broker_.member_joins();
          });
        } else if constexpr (std::is_same_v<T, pipeline::DeadLetter>) {
          oracle.dead_letter(a);
          broker_.dead_letter(a);
          ++counted_.dead_letters;
        } else if constexpr (std::is_same_v<T, pipeline::Pause> || std::is_same_v<T, pipeline::Resume>) {
          broker_.pause(a.source, std::is_same_v<T, pipeline::Pause>);
          counted_.pauses += std::is_same_v<T, pipeline::Pause> ? 1 : 0;
        } else {
          perform(a);
        }
      },
      action);
}

void Simulation::perform(const pipeline::Send& action) {
  world_.oracle.sent(action, world_.now());
  workers_.at(action.worker)->send(action);
}

void Simulation::perform(const pipeline::Notice& notice) {
  using Kind = pipeline::Notice::Kind;
  counted_.blocked += notice.kind == Kind::lane_blocked ? 1 : 0;
  counted_.dropped += notice.kind == Kind::record_dropped ? 1 : 0;
  counted_.skipped += notice.kind == Kind::record_skipped ? 1 : 0;
  counted_.alarms += notice.kind == Kind::lane_stuck ? 1 : 0;
  counted_.full += notice.kind == Kind::progress_full ? 1 : 0;
  if (notice.kind == Kind::progress_ignored)
    throw Violation("metadata of our own is ignored: " + notice.text);
  if (notice.kind == Kind::record_dropped || notice.kind == Kind::record_skipped)
    world_.oracle.given_up(notice);
  if (notice.kind == Kind::lane_blocked && world_.scenario.operator_skips) {
    world_.schedule.after(world_.upto(seconds(3)), [this, notice, life = life_] {
      if (life == life_) feed(pipeline::Skip{notice.source, notice.offset, "the operator"});
    });
  }
  counted_.revokes_timed_out += notice.kind == Kind::revoke_timed_out ? 1 : 0;
  counted_.attempts_timed_out += notice.kind == Kind::attempt_timed_out ? 1 : 0;
  counted_.commits_failed += notice.kind == Kind::commit_failed ? 1 : 0;
}

void Simulation::wake_at(TimePoint time) {
  world_.schedule.at(time, [this, number = ++wake_] {
    if (number == wake_) feed(pipeline::Tick{});
  });
}

// Nothing is left to happen. Now a drain must end at once, for all that could be done is done, or after a
// commit of the attempts that blocked records have had.
void Simulation::check_over() {
  world_.oracle.check_at_rest(pipeline_->stats());
  pipeline::Actions actions;
  const TimePoint now = world_.now();
  world_.oracle.drain_requested(now);
  pipeline_->on(pipeline::DrainRequested{now}, now, actions);
  pipeline::CommitDone done;
  for (const pipeline::Action& action : actions) {
    const auto* commit = std::get_if<pipeline::Commit>(&action);
    if (commit == nullptr) continue;
    world_.oracle.commit(*commit);
    for (const pipeline::OffsetCommit& c : commit->offsets) done.results.push_back({c.source, c.offset});
  }
  if (!done.results.empty()) pipeline_->on(done, now, actions);
  const bool drained = std::any_of(actions.begin(), actions.end(), [](const pipeline::Action& action) {
    return std::holds_alternative<pipeline::Drained>(action);
  });
  if (!drained) throw Violation("a drain at rest does not end at once");
}

void Simulation::count(Tally& tally) const {
  const pipeline::Stats& stats = pipeline_->stats();
  ++tally.seeds;
  tally.steps += steps_;
  for (const Log& log : world_.scenario.logs) {
    tally.records += log.records.size();
    for (const LogRecord& record : log.records)
      tally.handled_again += record.handled > 1 ? record.handled - 1 : 0;
  }
  tally.retries += counted_.retries + stats.attempts_failed;
  tally.released += counted_.released + stats.released;
  tally.stale += counted_.stale + stats.answers_stale;
  tally.commits += counted_.commits;
  tally.commits_failed += counted_.commits_failed;
  tally.revokes += counted_.revokes;
  tally.revokes_timed_out += counted_.revokes_timed_out;
  tally.workers_lost += counted_.workers_lost;
  tally.attempts_timed_out += counted_.attempts_timed_out;
  tally.drains += counted_.drains;
  tally.blocked += counted_.blocked;
  tally.stops_reading += counted_.stops_reading;
  tally.dead_letters += counted_.dead_letters;
  tally.dropped += counted_.dropped;
  tally.skipped += counted_.skipped;
  tally.alarms += counted_.alarms;
  tally.full += counted_.full;
  tally.pauses += counted_.pauses;
  tally.suspects += counted_.suspects + stats.suspects_delivered;
  tally.done_before += counted_.done_before + stats.records_done_before;
}

}  // namespace triggerd::sim
