// Where the admin listener listens: an address or a Unix socket's path. For server.cpp.
#pragma once

#include <string>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/server.hpp"
#include "base/result.hpp"

namespace triggerd::admin {

// Where to listen, and whether other machines reach it. Of two arguments, for an endpoint takes anything
// for itself, an Error too.
struct Place {
  Place(boost::asio::generic::stream_protocol::endpoint where, bool afar)
      : endpoint(std::move(where)), from_afar(afar) {}
  boost::asio::generic::stream_protocol::endpoint endpoint;
  bool from_afar;
};

// The address of `localhost` is written out: a resolver would ask the network.
inline Result<Place> place_of(const Options& options) {
  const auto refused = [](std::string why) {
    return Error{"admin_address", "admin.listen: " + std::move(why)};
  };
  if (!options.path.empty()) {
    if (options.path.size() >= sizeof(sockaddr_un::sun_path))
      return refused("the path is longer than a socket's may be");
    return Place(boost::asio::local::stream_protocol::endpoint(options.path), false);
  }
  boost::system::error_code failed;
  const auto address =
      boost::asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, failed);
  if (failed) return refused("\"" + options.host + "\" is not an IP address or localhost");
  if (!address.is_loopback() && options.tls == nullptr)
    return refused(options.host + " is not a loopback address, and there is no TLS");
  return Place(boost::asio::ip::tcp::endpoint(address, options.port), !address.is_loopback());
}

// A socket that nobody listens on any more. One that somebody does is left to fail in bind.
inline void remove_stale(boost::asio::io_context& loop, const std::string& path) {
  boost::system::error_code refused;
  boost::asio::local::stream_protocol::socket probe(loop);
  probe.connect(boost::asio::local::stream_protocol::endpoint(path), refused);
  struct stat file{};
  if (refused == boost::asio::error::connection_refused && lstat(path.c_str(), &file) == 0 &&
      S_ISSOCK(file.st_mode))
    unlink(path.c_str());
}

}  // namespace triggerd::admin
