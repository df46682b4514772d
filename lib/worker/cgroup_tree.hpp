// The control groups of worker processes, below the daemon's own: limits on what one process, with all it
// starts, may take of memory, processors and tasks. Version 2 (kernel: Documentation/admin-guide/cgroup-v2).
// Shell: makes, writes and removes groups.
//
//   <ours>            handed to the daemon; hands its controllers down, so no process may stay in it
//   ├── daemon        the daemon and its guard
//   └── orders.7      worker 7 of trigger orders
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/worker.hpp"
#include "worker/cgroup.hpp"
#include "worker/fd.hpp"

namespace triggerd::worker {

// Whether it takes a control group to hold these.
bool needs_cgroup(const config::ProcessLimits& limits);

class CgroupTree;

// One process's. Its end kills what is in it and removes it. Outlived by its tree.
class WorkerCgroup {
 public:
  WorkerCgroup(CgroupTree& tree, std::string path, Fd procs);
  ~WorkerCgroup();
  WorkerCgroup(const WorkerCgroup&) = delete;
  WorkerCgroup& operator=(const WorkerCgroup&) = delete;

  // "0" written here moves the writing process in.
  int procs() const { return procs_.get(); }
  // The kernel has ended a process of it for being above memory.max.
  bool ran_out_of_memory() const;

 private:
  CgroupTree& tree_;
  const std::string path_;
  Fd procs_;
};

// Thread: any.
class CgroupTree {
 public:
  // Moves this process into a group `daemon` of its own. Before other processes are started, which would stay
  // where they are. `mount`: as find_cgroup()'s.
  static Result<std::unique_ptr<CgroupTree>> open(const Cgroup& found, const std::string& mount);

  // The controllers that the limits need and the daemon was not given: "memory, pids"; empty: none.
  std::string missing(const config::ProcessLimits& limits) const;
  // With what of the limits missing() does not name. The error names the file that could not be written.
  Result<std::unique_ptr<WorkerCgroup>> make(const std::string& name, const config::ProcessLimits& limits);

 private:
  friend class WorkerCgroup;
  CgroupTree(std::string path, std::vector<std::string_view> handed_down);
  bool hands_down(std::string_view controller) const;
  void remove(std::string path);

  const std::string path_;
  const std::vector<std::string_view> handed_down_;  // controllers
  std::mutex mutex_;
  std::vector<std::string> to_remove_;  // what was in them has not quite ended
};

}  // namespace triggerd::worker
