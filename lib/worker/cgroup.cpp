#include "worker/cgroup.hpp"

#include <fstream>

#include <unistd.h>

namespace triggerd::worker {
namespace {

std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

}  // namespace

std::string_view unified_path(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.starts_with("0::/")) return line.substr(3);
    begin = end + 1;
  }
  return {};
}

Cgroup find_cgroup(const std::string& proc_self_cgroup, const std::string& mount) {
  Cgroup found;
  std::ifstream file(proc_self_cgroup);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string folder = mount + std::string(unified_path(text));
  // On a machine with version 1 the line is there too, but not the files.
  if (unified_path(text).empty() || ::access((folder + "/cgroup.controllers").c_str(), R_OK) != 0)
    return found;
  found.path = unified_path(text);
  found.controllers = first_line(folder + "/cgroup.controllers");
  // The root's is everybody's; a delegated one lets us write both.
  found.delegated = found.path != "/" && ::access(folder.c_str(), W_OK) == 0 &&
                    ::access((folder + "/cgroup.subtree_control").c_str(), W_OK) == 0 &&
                    ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0;
  return found;
}

}  // namespace triggerd::worker
