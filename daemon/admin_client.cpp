#include "daemon/admin_client.hpp"

#include <algorithm>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

#include "config/summary.hpp"

namespace triggerd::daemon {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// The whole answer, until the daemon closes. A text that has come is an answer, however the stream ended.
template <typename Stream>
std::string exchange(Stream& stream, const std::string& request, error_code& failed) {
  std::string text;
  asio::write(stream, asio::buffer(request), failed);
  if (!failed) asio::read(stream, asio::dynamic_buffer(text), failed);
  return text;
}

std::string over_unix(const std::string& path, const std::string& request, error_code& failed) {
  asio::io_context context;
  asio::local::stream_protocol::socket socket(context);
  socket.connect(asio::local::stream_protocol::endpoint(path), failed);
  return failed ? std::string() : exchange(socket, request, failed);
}

// The certificate is known; which of its names the address has does not matter.
std::string over_tls(tcp::socket& socket, const std::string& certificate, const std::string& request,
                     error_code& failed) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(certificate, failed);
  if (failed) return {};
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls.native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
  asio::ssl::stream<tcp::socket&> stream(socket, tls);
  stream.set_verify_mode(asio::ssl::verify_peer, failed);
  stream.handshake(asio::ssl::stream_base::client, failed);
  return failed ? std::string() : exchange(stream, request, failed);
}

std::string over_tcp(const config::Admin& admin, const config::Admin::Listener& listener,
                     const std::string& request, error_code& failed) {
  asio::io_context context;
  tcp::socket socket(context);
  auto address = asio::ip::make_address(listener.host, failed);
  if (failed) return {};
  if (address == asio::ip::address_v4::any()) address = asio::ip::address_v4::loopback();
  if (address == asio::ip::address_v6::any()) address = asio::ip::address_v6::loopback();
  socket.connect({address, listener.port}, failed);
  if (failed) return {};
  return admin.ssl_certificate_location.empty()
             ? exchange(socket, request, failed)
             : over_tls(socket, admin.ssl_certificate_location, request, failed);
}

}  // namespace

Result<AdminAnswer> ask_admin(const config::Admin& admin, const std::string& request,
                              const std::string& body) {
  const auto local = std::ranges::find_if(admin.listen, [](const auto& l) { return !l.path.empty(); });
  const config::Admin::Listener& listener = local != admin.listen.end() ? *local : admin.listen.front();
  const std::string key = admin.key.empty() ? "" : "x-functions-key: " + admin.key.reveal() + "\r\n";
  const std::string sent =
      request + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + key +
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  error_code failed;
  const std::string text = !listener.path.empty() ? over_unix(listener.path, sent, failed)
                                                  : over_tcp(admin, listener, sent, failed);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) {
    std::string where = to_string(listener);
    if (!admin.ssl_ca_location.empty() && listener.path.empty())
      where += ", which asks for a certificate; a unix: listener beside it needs none";
    return Error{"unreachable", where + ": " + failed.message()};
  }
  return AdminAnswer{static_cast<unsigned>(std::strtoul(text.c_str() + 9, nullptr, 10)),
                     text.substr(end + 4)};
}

}  // namespace triggerd::daemon
