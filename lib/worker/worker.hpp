// One worker process from spawn to its end: process, socket and output together. Shell.
//
//   starting → ready → draining ↘
//        ↘       ↘______________ ending → gone
//
// Thread: the trigger's event loop. Facts are reported from handlers only, never from inside a call, so the
// owner may call anything while it is being told something. WorkerLost comes when the process has ended, not
// before: until then its handler may still run. `gone` comes last, once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "worker/cgroup_tree.hpp"
#include "worker/line_log.hpp"
#include "worker/output.hpp"
#include "worker/pool.hpp"
#include "worker/process.hpp"
#include "worker/session.hpp"

namespace triggerd::worker {

class Worker : public std::enable_shared_from_this<Worker> {
 public:
  enum class State { starting, ready, draining, ending, gone };
  using Cause = pipeline::WorkerLost::Cause;
  struct Ending {
    bool was_ready = false;
    Cause cause = Cause::crashed;
    bool protocol_error = false;
    Duration lifetime{};      // from spawn
    std::string reason;       // in a few words
    std::string stderr_line;  // the last it wrote; empty: none
    std::uint64_t ignored_answers = 0;
  };
  struct Sink {
    std::function<void(const pipeline::Event&)> event;
    std::function<void()> ready;  // after the WorkerReady
    std::function<void(const Ending&)> gone;
  };

  Worker(boost::asio::io_context& loop, std::shared_ptr<const PoolSpec> spec, WorkerId id, Sink sink);

  void start();
  void send(const std::vector<wire::Delivery>& deliveries);
  void cancel(const TopicPartition& source, Epoch epoch);
  // At once, the whole process group.
  void kill(const std::string& reason, Cause cause);
  // For what it did: TERM, so that it may say where it hangs, and KILL a moment later.
  void terminate(const std::string& reason);
  // Drain frame, TERM after `grace`, KILL a moment later. A second call takes the first one's place.
  // `overdue`: the cause of its loss where it took TERM.
  void drain(Duration grace, Cause overdue);
  // Kills without a word; nothing is reported any more.
  void abandon();

  WorkerId id() const { return id_; }
  pid_t pid() const { return pid_; }  // -1: it was never started
  State state() const { return state_; }
  Duration age() const;  // from spawn
  std::uint64_t handled() const { return session_ ? session_->handled() : 0; }
  std::uint64_t ignored_answers() const { return session_ ? session_->ignored_answers() : 0; }

 private:
  Result<Process> spawn_process();
  void adopt(Process process);
  std::shared_ptr<Output> read_output(Fd pipe, const char* stream);
  void wait_for_exit();
  void on_session(SessionEvent event);
  void welcome(const wire::Hello& hello);
  void session_ended(const SessionEnd& end);
  void signal(int number) const;
  void force(const std::string& reason, Cause cause);
  Cause cause() const;
  void arm(Duration after, void (Worker::*step)());
  void start_timed_out();
  void close_timed_out();
  void drain_timed_out();
  void kill_now();
  void give_up();
  void exited();
  void finish(const std::string& how);
  void log_end(const std::string& how) const;

  boost::asio::io_context& loop_;
  std::shared_ptr<const PoolSpec> spec_;
  const WorkerId id_;
  Sink sink_;
  State state_ = State::starting;
  TimePoint started_{};
  pid_t pid_ = -1;
  std::unique_ptr<WorkerCgroup> cgroup_;  // null: it is in ours
  bool collected_ = false;
  boost::asio::posix::stream_descriptor exit_;  // the pidfd
  boost::asio::steady_timer deadline_;          // of the current state
  std::uint64_t deadline_number_ = 0;           // a handler already queued for an earlier one does nothing
  std::shared_ptr<Session> session_;
  std::shared_ptr<LineLog> lines_;
  std::shared_ptr<Output> out_, err_;
  std::string step_ = "hello";  // that failed, where it never became ready
  bool asked_ = false;          // it was told to leave, whatever then happened
  bool said_drained_ = false;
  bool killed_ = false;
  Cause overdue_ = Cause::stopped;
  std::optional<Cause> forced_;  // a signal of ours has ended it, or will
  std::string reason_;           // why we ended it, or what it said last; empty: it just ended
  Ending ending_;
};

}  // namespace triggerd::worker
