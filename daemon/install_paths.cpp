#include "daemon/install_paths.hpp"

#include <filesystem>
#include <system_error>

namespace triggerd::daemon {

std::string share_directory() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  return (self.parent_path().parent_path() / "share" / "triggerd").string();
}

}  // namespace triggerd::daemon
