#include "dispatch/worker_table.hpp"

#include <algorithm>
#include <limits>

#include "base/invariant.hpp"

namespace triggerd::dispatch {
bool WorkerTable::done_soon(const WorkerLoad& load) const {
  if (ahead_ == kAnyWork) return true;
  return load.per_record && *load.per_record * static_cast<Duration::rep>(load.records) <= ahead_;
}

void WorkerTable::add(WorkerId worker, std::uint32_t concurrency, wire::Window window) {
  WorkerLoad load;
  load.concurrency = std::max(concurrency, 1U);
  load.window = window;
  TRIGGERD_INVARIANT(workers_.emplace(worker, load).second, "a worker id is never reused");
}

void WorkerTable::remove(WorkerId worker, TimePoint now) {
  counted(worker, now);
  workers_.erase(worker);
}

Duration WorkerTable::busy_since_counted(const WorkerLoad& load, TimePoint now) const {
  const std::uint64_t taken = frames_run_whole_ ? load.frames : load.records;
  const std::uint64_t places = std::min<std::uint64_t>(taken, load.concurrency);
  return places == 0 ? Duration{}
                     : (now - load.counted) * static_cast<Duration::rep>(places) / load.concurrency;
}

// Before anything about its work changes.
WorkerLoad& WorkerTable::counted(WorkerId worker, TimePoint now) {
  WorkerLoad& load = workers_.at(worker);
  busy_ += busy_since_counted(load, now);
  load.counted = now;
  return load;
}

Duration WorkerTable::busy(TimePoint now) const {
  Duration sum = busy_;
  for (const auto& [id, load] : workers_) sum += busy_since_counted(load, now);
  return sum;
}

void WorkerTable::set_window(WorkerId worker, wire::Window window) {
  if (auto found = workers_.find(worker); found != workers_.end()) found->second.window = window;
}

std::uint32_t WorkerTable::frames_allowed(const WorkerLoad& load) const {
  return load.concurrency == 1 ? depth_ : std::max(depth_, load.concurrency);
}

WorkerTable::Room WorkerTable::room(WorkerId worker) const {
  const WorkerLoad& load = workers_.at(worker);
  if (load.doomed || load.draining || load.reserved) return {};
  if (load.frames == 0) {
    // One batch whatever the window says, of the window's size where it can be.
    return {std::max(load.window.records, 1U), std::max<std::uint64_t>(load.window.bytes, 1)};
  }
  if (load.frames >= load.concurrency && !done_soon(load)) return {};
  if (load.frames >= frames_allowed(load) || load.records >= load.window.records ||
      load.bytes >= load.window.bytes) {
    return {};
  }
  return {static_cast<std::uint32_t>(load.window.records - load.records), load.window.bytes - load.bytes};
}

bool WorkerTable::takes_partial(WorkerId worker, std::uint32_t ahead) const {
  const WorkerLoad& load = workers_.at(worker);
  return load.frames < std::max(ahead, load.concurrency);
}

std::uint32_t WorkerTable::soon_done(WorkerId worker) const {
  const WorkerLoad& load = workers_.at(worker);
  if (ahead_ == kAnyWork) return std::numeric_limits<std::uint32_t>::max();
  // Of a worker that has answered nothing yet no more is known than that it runs so many at once.
  const Duration::rep most = load.per_record ? ahead_ / std::max(*load.per_record, Duration(1)) : 0;
  return static_cast<std::uint32_t>(
      std::clamp<Duration::rep>(most, load.concurrency, std::numeric_limits<std::uint32_t>::max()));
}

std::optional<WorkerId> WorkerTable::least_loaded() const {
  std::optional<WorkerId> best;
  std::uint64_t best_frames = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [id, load] : workers_) {
    if (load.frames < best_frames && room(id).records > 0) {
      best = id;
      best_frames = load.frames;
    }
  }
  return best;
}

void WorkerTable::sent(WorkerId worker, std::uint32_t records, std::uint64_t bytes, TimePoint now) {
  WorkerLoad& load = counted(worker, now);
  if (load.frames == 0) load.heard = now;
  ++load.frames;
  load.records += records;
  load.bytes += bytes;
}

void WorkerTable::answered(WorkerId worker, std::uint32_t records, TimePoint now) {
  WorkerLoad& load = counted(worker, now);
  const Duration each = (now - load.heard) / std::max<std::int64_t>(records, 1);
  load.per_record = load.per_record ? (*load.per_record * 3 + each) / 4 : each;
  load.heard = now;
  load.records -= records;
}

void WorkerTable::finished(WorkerId worker, std::uint64_t bytes, TimePoint sent, TimePoint now) {
  batch_times_.add(now - sent);
  WorkerLoad& load = counted(worker, now);
  --load.frames;
  load.bytes -= bytes;
}

std::vector<WorkerId> WorkerTable::silent(TimePoint now, Duration limit) const {
  std::vector<WorkerId> result;
  for (const auto& [id, load] : workers_) {
    if (load.frames > 0 && !load.doomed && now - load.heard >= limit) result.push_back(id);
  }
  return result;
}

Duration WorkerTable::silence(TimePoint now) const {
  Duration longest{};
  for (const auto& [id, load] : workers_) {
    if (load.frames > 0) longest = std::max(longest, now - load.heard);
  }
  return longest;
}

std::optional<TimePoint> WorkerTable::next_silence(Duration limit) const {
  std::optional<TimePoint> next;
  for (const auto& [id, load] : workers_) {
    if (load.frames == 0 || load.doomed) continue;
    if (!next || load.heard + limit < *next) next = load.heard + limit;
  }
  return next;
}

}  // namespace triggerd::dispatch
