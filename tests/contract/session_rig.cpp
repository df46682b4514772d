#include "contract/session_rig.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/worker/batches.hpp"
#include "worker/fd.hpp"

namespace triggerd::worker {
namespace {

constexpr auto kLongTime = std::chrono::seconds(60);

}  // namespace

PoolSpec SessionRig::stub(const std::vector<std::string>& mode) {
  PoolSpec spec;
  spec.trigger = "orders";
  // -S -E: the stub needs no site packages, and starts twice as fast.
  spec.worker.command = {TRIGGERD_PYTHON, "-S", "-E", TRIGGERD_TESTS_DIR "/support/stub_worker.py"};
  spec.worker.command.insert(spec.worker.command.end(), mode.begin(), mode.end());
  spec.welcome.daemon = "triggerd/test";
  spec.welcome.trigger = "orders";
  spec.welcome.group = "orders";
  spec.welcome.cardinality = "one";
  spec.welcome.data_type = "string";
  spec.welcome.ordering = "partition";
  spec.welcome.max_batch_size = 100;
  spec.welcome.timeout_ms = 300'000;
  spec.timings.restart_first = std::chrono::milliseconds(10);
  spec.timings.restart_most = std::chrono::milliseconds(100);
  spec.timings.exit_after_close = kLongTime;  // a worker that ends is told apart from one that stays
  spec.timings.kill_after_term = std::chrono::milliseconds(300);
  return spec;
}

PoolSpec SessionRig::python(const std::string& handler) {
  PoolSpec spec = stub({});
  spec.worker.command = {TRIGGERD_PYTHON, "-m",
                         "triggerd",      TRIGGERD_TESTS_DIR "/contract/session_handlers.py",
                         "--handler",     handler};
  spec.sdk_python_path = TRIGGERD_TESTS_DIR "/../workers/python";
  return spec;
}

SessionRig::SessionRig(std::vector<std::string> mode) : spec(stub(mode)) {}

void SessionRig::start() {
  pool = std::make_unique<Pool>(
      loop, spec, PoolSink{[this](const pipeline::Event& event) { events.push_back(event); }, nullptr});
  pool->start();
}

bool SessionRig::until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLongTime;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      const std::string log = logs.text();
      ADD_FAILURE() << "waited too long; the end of the log:\n"
                    << log.substr(log.size() - std::min<std::size_t>(log.size(), 4000));
      return false;
    }
    if (loop.stopped()) loop.restart();
    loop.run_one_for(std::chrono::milliseconds(200));
  }
  return true;
}

bool SessionRig::logged(std::string_view part) {
  return until([&] { return logs.has(part); });
}

bool SessionRig::ready(std::size_t workers) {
  return until([&] { return all<pipeline::WorkerReady>().size() >= workers; });
}

bool SessionRig::stopped(Duration grace) {
  bool done = false;
  pool->stop(grace, [&] { done = true; });
  return until([&] { return done; });
}

void SessionRig::send(WorkerId worker, std::uint64_t id, std::uint32_t records) {
  send(worker, delivery_of(id, records));
}

void SessionRig::send(WorkerId worker, wire::Delivery delivery) {
  pool->send({worker, {std::move(delivery)}});
}

std::string SessionRig::field(std::string_view event, std::string_view name) const {
  const auto lines = logs.lines("event=" + std::string(event) + " ");
  if (lines.empty()) return "";
  const std::string start = " " + std::string(name) + "=";
  const std::size_t at = lines[0].find(start);
  if (at == std::string::npos) return "";
  const std::string_view rest = std::string_view(lines[0]).substr(at + start.size());
  const bool quoted = rest.starts_with('"');
  return std::string(quoted ? rest.substr(1, rest.find('"', 1) - 1) : rest.substr(0, rest.find(' ')));
}

pipeline::WorkerLost SessionRig::lost(WorkerId worker) {
  pipeline::WorkerLost found{worker, "it is not", pipeline::WorkerLost::Cause::stopped};
  bool is_lost = false;
  until([&] {
    for (const pipeline::WorkerLost& event : all<pipeline::WorkerLost>()) {
      if (event.worker != worker) continue;
      found = event;
      is_lost = true;
    }
    return is_lost;
  });
  return found;
}

bool SessionRig::answered(std::size_t batches) {
  return until([&] { return all<pipeline::Answered>().size() >= batches; });
}

pid_t SessionRig::pid_of(WorkerId worker) const {
  const std::string start =
      "event=worker_started trigger=orders worker=" + std::to_string(worker.value) + " ";
  const std::string line = logs.lines(start).at(0);
  return std::stoi(line.substr(line.find("pid=") + 4));
}

Flag::Flag() {
  std::string pattern = (std::filesystem::temp_directory_path() / "triggerd-flag-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
}

Flag::~Flag() { std::filesystem::remove_all(folder_); }

void Flag::raise() const { std::ofstream file(path()); }

void Flag::lower() const { std::filesystem::remove(path()); }

bool process_ended(pid_t pid) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return true;
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, 20'000) == 1;
}

}  // namespace triggerd::worker
