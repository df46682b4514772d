#include "worker/memory.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "worker/fd.hpp"
#include "worker/process_tree.hpp"

namespace triggerd::worker {
namespace {

using Clock = std::chrono::steady_clock;

// Triggers that ask at about the same time get the same look.
constexpr auto kFresh = std::chrono::milliseconds(100);

// Empty where it cannot be read, as that of a process that has just ended.
std::string read_proc(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(4096, '\0');
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : 0;
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::vector<ProcessSample> read_processes() {
  std::vector<ProcessSample> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return result;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    const auto sample = parse_stat(read_proc("/proc/" + std::string(entry->d_name) + "/stat"));
    if (sample) result.push_back(*sample);
  }
  return result;
}

std::uint64_t resident_bytes(const ProcessSample& process) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return process.resident_pages * page;
}

// Of a process that is not ours to look into (it changed its user), the resident set.
std::uint64_t proportional_bytes(const ProcessSample& process) {
  return parse_pss(read_proc("/proc/" + std::to_string(process.pid) + "/smaps_rollup"))
      .value_or(resident_bytes(process));
}

std::uint64_t bytes_of(std::span<const ProcessSample> all, pid_t leader, std::uint64_t exact_above) {
  const std::vector<ProcessSample> members = family(all, leader);
  std::uint64_t resident = 0;
  for (const ProcessSample& member : members) resident += resident_bytes(member);
  if (resident <= exact_above) return resident;
  std::uint64_t proportional = 0;
  for (const ProcessSample& member : members) proportional += proportional_bytes(member);
  return proportional;
}

// The number in a file of one; nothing where there is none, as of "max".
std::optional<std::uint64_t> number_in(const std::string& path) {
  const std::string text = read_proc(path);
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return std::nullopt;
  return value;
}

// What the control group of our own may still take; nothing where there is no limit.
std::optional<std::uint64_t> free_in_group() {
  const std::string text = read_proc("/proc/self/cgroup");  // "0::/system.slice/triggerd.service\n"
  const std::size_t begin = text.find("0::/");
  if (begin == std::string::npos) return std::nullopt;
  const std::string path = "/sys/fs/cgroup" + text.substr(begin + 3, text.find('\n', begin) - begin - 3);
  const auto most = number_in(path + "/memory.max"), now = number_in(path + "/memory.current");
  if (!most || !now) return std::nullopt;
  // Files that were read count, but give way.
  constexpr std::string_view kFiles = "\ninactive_file ";
  const std::string stat = read_proc(path + "/memory.stat");
  const std::size_t files = stat.find(kFiles);
  const std::uint64_t gives_way =
      files == std::string::npos ? 0 : std::strtoull(stat.c_str() + files + kFiles.size(), nullptr, 10);
  const std::uint64_t taken = *now - std::min(*now, gives_way);
  return *most - std::min(taken, *most);
}

}  // namespace

std::optional<std::uint64_t> free_memory() {
  const std::string text = read_proc("/proc/meminfo");
  constexpr std::string_view kName = "MemAvailable:";
  const std::size_t begin = text.find(kName);
  if (begin == std::string::npos) return free_in_group();
  std::uint64_t kib = std::strtoull(text.c_str() + begin + kName.size(), nullptr, 10);
  return std::min(kib * 1024, free_in_group().value_or(UINT64_MAX));
}

class MemoryReader::Impl {
 public:
  Impl() {
    // Signals are the main thread's.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { work(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "memory");
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  struct Question {
    std::vector<pid_t> leaders;
    std::uint64_t exact_above = 0;
    Answer answer;
  };
  void ask(Question question) {
    {
      const std::lock_guard lock(mutex_);
      questions_.push_back(std::move(question));
    }
    wake_.notify_one();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return ending_ || !questions_.empty(); });
      if (questions_.empty()) return;
      const Question question = std::move(questions_.front());
      questions_.pop_front();
      lock.unlock();
      answer(question);
      lock.lock();
    }
  }

  void answer(const Question& question) {
    if (const auto now = Clock::now(); !looked_ || now - *looked_ > kFresh) {
      processes_ = read_processes();
      looked_ = now;
    }
    std::vector<std::uint64_t> bytes;
    for (const pid_t leader : question.leaders) {
      bytes.push_back(bytes_of(processes_, leader, question.exact_above));
    }
    question.answer(std::move(bytes));
  }

  std::vector<ProcessSample> processes_;     // of the thread
  std::optional<Clock::time_point> looked_;  // of the thread
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question> questions_;  // guarded by mutex_
  bool ending_ = false;             // guarded by mutex_
  std::thread thread_;
};

MemoryReader::MemoryReader() : impl_(std::make_unique<Impl>()) {}
MemoryReader::~MemoryReader() = default;
void MemoryReader::read(std::vector<pid_t> leaders, std::uint64_t exact_above, Answer answer) {
  impl_->ask({std::move(leaders), exact_above, std::move(answer)});
}

}  // namespace triggerd::worker
