// Every address and socket of the fleet file's admin section, listened on.
//
// Thread: admin::Server's.
#pragma once

#include <memory>
#include <vector>

#include "admin/server.hpp"
#include "base/result.hpp"
#include "config/schema.hpp"

namespace triggerd::daemon {

// All of them, or none and why.
Result<std::vector<std::unique_ptr<admin::Server>>> listen(boost::asio::io_context& loop,
                                                           const config::Admin& admin,
                                                           const admin::Server::Viewer& viewer);

}  // namespace triggerd::daemon
