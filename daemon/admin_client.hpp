// One request to the admin listener of a running daemon, by the fleet file it runs with. Blocks.
#pragma once

#include <string>

#include "base/result.hpp"
#include "config/schema.hpp"

namespace triggerd::daemon {

struct AdminAnswer {
  unsigned status = 0;
  std::string body;
};

// `request`: "GET /api/triggers". A Unix socket is preferred to an address; with TLS the certificate must be
// the one that the fleet file names.
Result<AdminAnswer> ask_admin(const config::Admin& admin, const std::string& request,
                              const std::string& body = {});

}  // namespace triggerd::daemon
