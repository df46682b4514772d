// The admin listener: HTTP/1.1 on an address or a Unix socket. Shell: routes.hpp says what is answered.
//
// Thread: everything on the loop it is given, the view function included; construct and destroy it there, or
// while nobody runs the loop. A client costs at most a bounded buffer and a bounded time whatever it sends or
// does not read: limits below. At the limit of connections the one that has been idle longest makes room, and
// where none is idle the next client waits in the backlog until one has ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "admin/certificate.hpp"
#include "admin/routes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace boost::asio {
class io_context;
}

namespace triggerd::admin {

struct Options {
  std::string host = "127.0.0.1";         // an IP address, or localhost; not loopback: only with `tls`
  std::uint16_t port = 7071;              // 0: any free one
  std::string path;                       // of a Unix socket, mode 0660, in place of host and port
  std::shared_ptr<Certificate> tls = {};  // nullptr: plain
  std::uint32_t header_limit = 8 * 1024;
  std::uint64_t body_limit = 64u << 10;
  std::size_t max_connections = 64;
  Duration request_timeout = std::chrono::seconds(10);  // from a request's first byte to its answer's last
  Duration idle_timeout =
      std::chrono::seconds(30);  // between two requests; before the first, request_timeout
  Duration linger_timeout = std::chrono::seconds(1);  // after the answer, for the client to read it and close
};

class Server {
 public:
  using Viewer = std::function<View()>;  // must not block

  // Listens before it returns, so that a port in use is an Error and not a log line. A Unix socket that a
  // daemon left behind is replaced.
  static Result<std::unique_ptr<Server>> start(boost::asio::io_context& loop, Options options, Viewer viewer);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Closes every connection at once; the viewer is not called any more. Again: nothing.
  void stop();
  std::uint16_t port() const;  // 0: a Unix socket
  std::size_t connections() const;

 private:
  class Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace triggerd::admin
