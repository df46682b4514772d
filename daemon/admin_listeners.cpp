#include "daemon/admin_listeners.hpp"

#include "base/log.hpp"

namespace triggerd::daemon {

Result<std::vector<std::unique_ptr<admin::Server>>> listen(boost::asio::io_context& loop,
                                                           const config::Admin& admin,
                                                           const admin::Server::Viewer& viewer) {
  std::shared_ptr<admin::Certificate> tls;
  if (!admin.ssl_certificate_location.empty()) {
    auto read = admin::Certificate::load(
        {admin.ssl_certificate_location, admin.ssl_key_location, admin.ssl_ca_location});
    if (!read) return read.error();
    tls = *std::move(read);
  }
  std::vector<std::unique_ptr<admin::Server>> servers;
  for (const config::Admin::Listener& listener : admin.listen) {
    admin::Options options;
    options.host = listener.host;
    options.port = listener.port;
    options.path = listener.path;
    if (listener.path.empty()) options.tls = tls;
    auto server = admin::Server::start(loop, std::move(options), viewer);
    if (!server) return server.error();
    servers.push_back(*std::move(server));
    if (!listener.path.empty())
      log::info("admin_listening", {{"path", listener.path}});
    else
      log::info("admin_listening",
                {{"address", listener.host}, {"port", servers.back()->port()}, {"tls", tls != nullptr}});
  }
  return servers;
}

}  // namespace triggerd::daemon
