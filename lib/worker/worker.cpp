#include "worker/worker.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <signal.h>

#include "base/log.hpp"
#include "worker/environment.hpp"
#include "worker/guard.hpp"
#include "worker/rights.hpp"

namespace triggerd::worker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kAzureFeature = "azure";  // PROTOCOL.md §11

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string seconds_text(Duration duration) {
  const std::int64_t ms = milliseconds(duration);
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

Worker::Worker(boost::asio::io_context& loop, std::shared_ptr<const PoolSpec> spec, WorkerId id, Sink sink)
    : loop_(loop), spec_(std::move(spec)), id_(id), sink_(std::move(sink)), exit_(loop), deadline_(loop) {}

void Worker::start() {
  started_ = Clock::now();
  Result<Process> process = spawn_process();
  if (process) return adopt(std::move(*process));
  step_ = process.error().code;
  reason_ = process.error().message;
  state_ = State::ending;
  boost::asio::post(loop_, [self = shared_from_this()] {
    if (self->state_ != State::gone) self->finish("");
  });
}

Result<Process> Worker::spawn_process() {
  const config::WorkerSpec& worker = spec_->worker;
  if (spec_->cgroups != nullptr && needs_cgroup(worker.limits)) {
    TRY(cgroup_, spec_->cgroups->make(spec_->trigger + "." + std::to_string(id_.value), worker.limits));
  }
  return spawn({.command = worker.command,
                .environment =
                    worker_environment(own_environment(), worker.account, worker.env, spec_->sdk_python_path),
                .working_directory = worker.working_directory,
                .account = worker.account && !is_own(*worker.account) ? worker.account : std::nullopt,
                .limits = worker.limits,
                .cgroup_procs = cgroup_ ? cgroup_->procs() : -1});
}

void Worker::adopt(Process process) {
  pid_ = process.pid;
  exit_.assign(process.pidfd.release());
  lines_ = std::make_shared<LineLog>(spec_->trigger, id_, pid_);
  out_ = read_output(std::move(process.out), "stdout");
  err_ = read_output(std::move(process.err), "stderr");
  session_ = std::make_shared<Session>(loop_, std::move(process.socket), spec_->timings,
                                       [weak = weak_from_this()](SessionEvent event) {
                                         if (const auto self = weak.lock())
                                           self->on_session(std::move(event));
                                       });
  session_->start();
  wait_for_exit();
  arm(spec_->worker.start_timeout, &Worker::start_timed_out);
  log::info("worker_started", {{"trigger", spec_->trigger}, {"worker", id_.value}, {"pid", pid_}});
}

std::shared_ptr<Output> Worker::read_output(Fd pipe, const char* stream) {
  auto output = std::make_shared<Output>(
      loop_, std::move(pipe),
      [lines = lines_, stream](std::string_view line, bool cut) { lines->output(stream, line, cut); });
  output->start();
  return output;
}

void Worker::wait_for_exit() {
  exit_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](const boost::system::error_code& error) {
                     if (!error) self->exited();
                   });
}

void Worker::on_session(SessionEvent event) {
  if (auto* ack = std::get_if<wire::Ack>(&event))
    return sink_.event(pipeline::Answered{id_, std::move(*ack)});
  if (auto* window = std::get_if<wire::Window>(&event))
    return sink_.event(pipeline::WorkerCredit{id_, *window});
  if (auto* line = std::get_if<wire::Log>(&event)) return lines_->frame(*line);
  if (auto* hello = std::get_if<wire::Hello>(&event)) return welcome(*hello);
  if (auto* end = std::get_if<SessionEnd>(&event)) session_ended(*end);
}

void Worker::welcome(const wire::Hello& hello) {
  if (state_ != State::starting) return;  // told to stop while it was starting
  if (hello.protocol_min > wire::kProtocolVersion || hello.protocol_max < 1) {
    return session_->refuse("protocol_unsupported", "this daemon speaks versions 1 to " +
                                                        std::to_string(wire::kProtocolVersion) +
                                                        ", the worker " + std::to_string(hello.protocol_min) +
                                                        " to " + std::to_string(hello.protocol_max));
  }
  if (spec_->welcome.azure && std::ranges::count(hello.features, kAzureFeature) == 0) {
    return session_->refuse("payload_unsupported", "the trigger has payload: azure, which " + hello.sdk +
                                                       " does not know (no such feature in Hello)");
  }
  wire::Welcome answer = spec_->welcome;
  answer.protocol = std::min(hello.protocol_max, wire::kProtocolVersion);
  answer.worker = id_.value;
  if (answer.azure) answer.features = {kAzureFeature};
  session_->send(answer);
  state_ = State::ready;
  ending_.was_ready = true;
  ++deadline_number_;
  deadline_.cancel();
  log::info("worker_ready", {{"trigger", spec_->trigger},
                             {"worker", id_.value},
                             {"pid", pid_},
                             {"sdk", hello.sdk},
                             {"after_ms", milliseconds(Clock::now() - started_)}});
  sink_.event(pipeline::WorkerReady{id_, hello.concurrency, hello.credit});
  sink_.ready();
}

void Worker::session_ended(const SessionEnd& end) {
  const Timings& timings = spec_->timings;
  switch (end.kind) {
    case SessionEnd::Kind::closed: break;
    case SessionEnd::Kind::bye:
      said_drained_ = end.code == "drained";
      if (!forced_) reason_ = "said Bye: " + end.code + (end.text.empty() ? "" : ": " + end.text);
      break;
    case SessionEnd::Kind::silent:
      return kill("silent: no Pong within " + seconds_text(timings.pong_within), Cause::crashed);
    case SessionEnd::Kind::violation:
      if (!forced_) reason_ = "protocol error: " + end.text;
      step_ = "protocol";
      ending_.protocol_error = true;
      log::warn("worker_protocol_error",
                {{"trigger", spec_->trigger}, {"worker", id_.value}, {"pid", pid_}, {"rule", end.text}});
      break;
  }
  // A draining worker has its own, longer time to leave, and one that is being ended its own, shorter one.
  if (state_ == State::draining && end.kind != SessionEnd::Kind::violation) return;
  if (state_ == State::ending || state_ == State::gone) return;
  state_ = State::ending;
  arm(timings.exit_after_close, &Worker::close_timed_out);
}

void Worker::send(const std::vector<wire::Delivery>& deliveries) {
  if (state_ == State::ready) session_->send(deliveries);
}

void Worker::cancel(const TopicPartition& source, Epoch epoch) {
  if (state_ == State::ready) session_->send(wire::Cancel{source, epoch});
}

// What was said first is why it ended.
void Worker::force(const std::string& reason, Cause cause) {
  if (forced_) return;
  forced_ = cause;
  if (reason_.empty()) reason_ = reason;
}

void Worker::kill(const std::string& reason, Cause cause) {
  if (state_ == State::gone || pid_ < 0) return;
  force(reason, cause);
  kill_now();
}

void Worker::terminate(const std::string& reason) {
  if (state_ == State::ending || state_ == State::gone || pid_ < 0) return;
  force(reason, Cause::crashed);
  state_ = State::ending;
  signal(SIGTERM);
  arm(spec_->timings.kill_after_term, &Worker::kill_now);
}

void Worker::drain(Duration grace, Cause overdue) {
  asked_ = true;
  overdue_ = overdue;
  if (state_ == State::starting) {
    // It has nothing to finish.
    state_ = State::draining;
    return drain_timed_out();
  }
  if (state_ != State::ready && state_ != State::draining) return;
  if (state_ == State::ready) {
    const std::int64_t ms = std::clamp<std::int64_t>(milliseconds(grace), 0, UINT32_MAX);
    session_->send(wire::Drain{static_cast<std::uint32_t>(ms)});
    state_ = State::draining;
  }
  arm(grace, &Worker::drain_timed_out);
}

void Worker::abandon() {
  if (state_ == State::gone) return;
  state_ = State::gone;
  ++deadline_number_;
  deadline_.cancel();
  if (pid_ < 0) return;
  signal(SIGKILL);
  session_->close();
  out_->close();
  err_->close();
}

// Once the process is collected its number may be somebody else's.
void Worker::signal(int number) const {
  if (!collected_) signal_group(pid_, number);
}

void Worker::arm(Duration after, void (Worker::*step)()) {
  deadline_.expires_after(std::chrono::duration_cast<Clock::duration>(after));
  const std::uint64_t number = ++deadline_number_;
  deadline_.async_wait([self = shared_from_this(), number, step](const boost::system::error_code& error) {
    if (!error && number == self->deadline_number_) (self.get()->*step)();
  });
}

Duration Worker::age() const { return Clock::now() - started_; }

void Worker::start_timed_out() {
  kill("no Hello within " + seconds_text(spec_->worker.start_timeout), Cause::crashed);
}

void Worker::close_timed_out() { kill("closed its socket but did not exit", Cause::crashed); }

void Worker::drain_timed_out() {
  force("did not drain in time", overdue_);
  signal(SIGTERM);
  arm(spec_->timings.kill_after_term, &Worker::kill_now);
}

void Worker::kill_now() {
  if (std::exchange(killed_, true)) return;
  state_ = State::ending;
  signal(SIGKILL);
  arm(spec_->timings.give_up_after, &Worker::give_up);
}

void Worker::give_up() { finish("killed, but the kernel has not ended it"); }

void Worker::exited() {
  signal(SIGKILL);  // what it left running in its group
  forget_group(pid_);
  const std::optional<std::string> how = reap(exit_.native_handle());
  if (!how) return wait_for_exit();
  collected_ = true;
  if (state_ == State::gone) return;
  session_->read_rest();
  if (state_ != State::gone) finish(*how);
}

// One that was asked to leave and says that it does ends well; what it then left unanswered took all the time
// it was given.
Worker::Cause Worker::cause() const {
  if (asked_ && said_drained_) return session_->idle() ? Cause::stopped : overdue_;
  return forced_.value_or(Cause::crashed);
}

void Worker::finish(const std::string& how) {
  state_ = State::gone;
  ++deadline_number_;
  deadline_.cancel();
  if (pid_ >= 0) {
    ending_.ignored_answers = session_->ignored_answers();
    session_->close();
    out_->finish();
    err_->finish();
    lines_->finish();
  }
  ending_.lifetime = age();
  ending_.cause = cause();
  ending_.reason = !reason_.empty() ? reason_ : ending_.was_ready ? how : how + " before Hello";
  if (cgroup_ && cgroup_->ran_out_of_memory()) ending_.reason += "; it was above its limits.memory";
  cgroup_.reset();
  if (err_) ending_.stderr_line = last_line(err_->tail());
  log_end(how);
  if (ending_.was_ready) sink_.event(pipeline::WorkerLost{id_, ending_.reason, ending_.cause});
  sink_.gone(ending_);
}

void Worker::log_end(const std::string& how) const {
  const std::string tail = err_ ? err_->tail() : "";
  if (asked_ && ending_.cause == Cause::stopped && pid_ >= 0) {
    log::info("worker_stopped",
              {{"trigger", spec_->trigger}, {"worker", id_.value}, {"pid", pid_}, {"exit", how}});
  } else if (ending_.was_ready) {
    log::warn("worker_lost", {{"trigger", spec_->trigger},
                              {"worker", id_.value},
                              {"pid", pid_},
                              {"reason", ending_.reason},
                              {"exit", how},
                              {"stderr", tail}});
  } else {
    log::error("worker_start_failed", {{"trigger", spec_->trigger},
                                       {"worker", id_.value},
                                       {"step", step_},
                                       {"error", ending_.reason},
                                       {"stderr", tail}});
  }
}

}  // namespace triggerd::worker
