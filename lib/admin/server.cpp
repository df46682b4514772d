#include "admin/server.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <unistd.h>

#include "admin/channel.hpp"
#include "admin/peer.hpp"
#include "admin/place.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"

namespace triggerd::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kLingerBytes = 256u << 10;
constexpr auto kRefusedAgain = std::chrono::seconds(10);

using Protocol = asio::generic::stream_protocol;

// One client. Everything a coroutine may still touch after the server is gone lives here or in Impl.
struct Connection {
  Connection(Protocol::socket socket, std::shared_ptr<asio::ssl::context> speaks, std::size_t buffer_limit)
      : tls(std::move(speaks)), stream(std::move(socket), tls.get()), buffer(buffer_limit) {}
  std::shared_ptr<asio::ssl::context> tls;  // nullptr: plain
  Channel stream;
  beast::flat_buffer buffer;  // what was read and not yet parsed; pipelined requests wait here
  std::string peer;
  bool idle = false;  // has been answered, and nothing has come since
  std::uint64_t idle_since = 0;
};

Request request_of(http::request<http::string_body>&& message) {
  Request request{.method = std::string(message.method_string()),
                  .target = std::string(message.target()),
                  .headers = {},
                  .body = std::move(message.body())};
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return request;
}

// What to say to a client whose request could not be read; nothing to one that has gone, or that was too
// slow: its stream is closed by then.
std::optional<Response> answer_to(const error_code& failed) {
  if (failed == http::error::header_limit || failed == http::error::buffer_overflow) {
    return error_response(431, "headers_too_large", "the request's header is too large");
  }
  if (failed == http::error::body_limit) {
    return error_response(413, "body_too_large", "the request's body is too large");
  }
  if (failed == http::error::end_of_stream || failed == http::error::partial_message) return std::nullopt;
  if (failed.category() == http::make_error_code(http::error::bad_method).category()) {
    return error_response(400, "bad_request", "this is not HTTP/1.1: " + failed.message());
  }
  return std::nullopt;
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& loop, Options options, Viewer viewer)
      : loop_(loop), options_(std::move(options)), viewer_(std::move(viewer)), acceptor_(loop), room_(loop) {}

  std::optional<Error> open();
  void start() { run(accept(shared_from_this())); }
  void stop();
  std::size_t connections() const { return connections_.size(); }
  std::uint16_t port() const { return port_; }

 private:
  using Self = std::shared_ptr<Impl>;
  using Client = std::shared_ptr<Connection>;

  void run(asio::awaitable<void> job);
  static asio::awaitable<void> accept(Self self);
  static asio::awaitable<void> serve(Self self, Client client);
  static asio::awaitable<void> requests(Self self, Client client);
  static asio::awaitable<bool> first_byte(Self self, Client client, bool first);
  static asio::awaitable<error_code> send_pieces(Client client, Pieces pieces);
  static asio::awaitable<error_code> send(Client client, Response response, bool head, bool keep_alive);
  static asio::awaitable<void> linger(Self self, Client client);
  static asio::awaitable<bool> greet(Self self, Client client);
  void tell(const Request& request, const Response& response);
  void make_room();
  bool full() const { return connections_.size() >= options_.max_connections; }

  asio::io_context& loop_;
  const Options options_;
  Viewer viewer_;
  asio::basic_socket_acceptor<Protocol> acceptor_;
  asio::steady_timer room_;  // waited for while the house is full; cancelled by each client that leaves
  std::vector<Client> connections_;
  std::uint64_t idle_count_ = 0;
  std::uint16_t port_ = 0;
  bool from_afar_ = false;
  TimePoint refused_at_{};  // when a request without the key was last told of
  bool waiting_ = false;    // a client stands at the door
  bool stopped_ = false;
};

std::optional<Error> Server::Impl::open() {
  const Result<Place> place = place_of(options_);
  if (!place) return place.error();
  from_afar_ = place->from_afar;
  const bool local = !options_.path.empty();
  if (local) remove_stale(loop_, options_.path);
  error_code failed;
  acceptor_.open(place->endpoint.protocol(), failed);
  if (!failed && !local) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
  // Nobody may connect before the mode is right.
  const mode_t mask = local ? umask(0117) : 0;
  if (!failed) acceptor_.bind(place->endpoint, failed);
  if (local) umask(mask);
  if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  if (!failed && !local) port_ = port_of(acceptor_.local_endpoint(failed).data());
  if (!failed) return std::nullopt;
  const std::string host =
      options_.host.find(':') != std::string::npos ? "[" + options_.host + "]" : options_.host;
  return Error{"admin_listen", "cannot listen on " +
                                   (local ? options_.path : host + ":" + std::to_string(options_.port)) +
                                   ": " + failed.message()};
}

void Server::Impl::stop() {
  stopped_ = true;
  viewer_ = nullptr;
  error_code ignored;
  if (acceptor_.is_open() && !options_.path.empty()) unlink(options_.path.c_str());
  acceptor_.close(ignored);
  room_.cancel();
  for (const Client& client : connections_) client->stream.close();
}

void Server::Impl::run(asio::awaitable<void> job) {
  asio::co_spawn(loop_, std::move(job), [](const std::exception_ptr& leaked) {
    TRIGGERD_INVARIANT(leaked == nullptr, "an exception left a coroutine of the admin listener");
  });
}

// Closes the connection that has been idle longest, if there is one.
void Server::Impl::make_room() {
  const Client* longest = nullptr;
  for (const Client& client : connections_) {
    if (client->idle && (longest == nullptr || client->idle_since < (*longest)->idle_since))
      longest = &client;
  }
  if (longest == nullptr) return;
  (*longest)->idle = false;  // it leaves on the next turn; the next arrival is to choose another
  (*longest)->stream.close();
}

asio::awaitable<void> Server::Impl::accept(Self self) {
  while (!self->stopped_) {
    auto [failed, socket] = co_await self->acceptor_.async_accept(kTuple);
    if (self->stopped_) co_return;
    if (failed) {
      // Out of descriptors, most likely: they come back as clients leave.
      log::warn("admin_accept_failed", {{"reason", failed.message()}});
      self->room_.expires_after(std::chrono::seconds(1));
      co_await self->room_.async_wait(kTuple);
      continue;
    }
    while (self->full() && !self->stopped_) {
      self->waiting_ = true;
      self->make_room();
      self->room_.expires_after(self->options_.request_timeout);
      co_await self->room_.async_wait(kTuple);
    }
    self->waiting_ = false;
    if (self->stopped_) co_return;
    // The buffer holds a whole header and what came with it, and one read before it is known to be one.
    const std::size_t buffer_limit = self->options_.header_limit + 2 * kReadBytes;
    auto tls = self->options_.tls ? self->options_.tls->current() : nullptr;
    auto client = std::make_shared<Connection>(std::move(socket), std::move(tls), buffer_limit);
    self->connections_.push_back(client);
    self->run(serve(self, client));
  }
}

// The handshake, where there is one, and who it is. False: it is nobody we speak with.
asio::awaitable<bool> Server::Impl::greet(Self self, Client client) {
  client->peer = peer_of(client->stream.socket().native_handle());
  if (!client->stream.secure()) co_return true;
  client->stream.expires_after(self->options_.request_timeout);
  auto [failed] = co_await client->stream.tls().async_handshake(asio::ssl::stream_base::server, kTuple);
  if (failed) {
    log::debug("admin_handshake_failed", {{"peer", client->peer}, {"reason", failed.message()}});
    co_return false;
  }
  if (const std::string subject = subject_of(client->stream.tls().native_handle()); !subject.empty())
    client->peer += " " + subject;
  co_return true;
}

asio::awaitable<void> Server::Impl::serve(Self self, Client client) {
  const bool known = co_await greet(self, client);
  if (known && !self->stopped_) co_await requests(self, client);
  client->stream.close();
  std::erase(self->connections_, client);
  self->room_.cancel();
}

// Waits for the next request to begin; false: the client has nothing more to say.
asio::awaitable<bool> Server::Impl::first_byte(Self self, Client client, bool first) {
  if (client->buffer.size() > 0) co_return true;
  client->stream.expires_after(first ? self->options_.request_timeout : self->options_.idle_timeout);
  client->idle = !first;
  client->idle_since = ++self->idle_count_;
  auto [failed, bytes] = co_await client->stream.async_read_some(client->buffer.prepare(kReadBytes), kTuple);
  client->idle = false;
  if (failed) co_return false;
  client->buffer.commit(bytes);
  co_return true;
}

asio::awaitable<void> Server::Impl::requests(Self self, Client client) {
  for (bool first = true, keep_alive = true; keep_alive; first = false) {
    const bool begun = co_await first_byte(self, client, first);
    if (!begun || self->stopped_) co_return;
    client->stream.expires_after(self->options_.request_timeout);
    http::request_parser<http::string_body> parser;
    parser.header_limit(self->options_.header_limit);
    parser.body_limit(self->options_.body_limit);
    auto [failed, read] = co_await http::async_read(client->stream, client->buffer, parser, kTuple);
    if (self->stopped_) co_return;
    if (failed) {
      std::optional<Response> answer = answer_to(failed);
      if (!answer) co_return;
      client->stream.expires_after(self->options_.linger_timeout);
      co_await send(client, std::move(*answer), false, false);
      break;
    }
    // A client that keeps others waiting at the door is answered and let go; so is HTTP/1.0, for simplicity.
    keep_alive = parser.keep_alive() && parser.get().version() == 11 && !self->waiting_;
    const bool head = parser.get().method() == http::verb::head;
    const bool takes_chunks = parser.get().version() == 11;
    Request request = request_of(parser.release());
    request.peer = client->peer;
    request.from_afar = self->from_afar_;
    Response response = route(request, self->viewer_());
    if (!takes_chunks) gather(response);
    self->tell(request, response);
    const error_code unsent = co_await send(client, std::move(response), head, keep_alive);
    if (unsent || self->stopped_) co_return;
  }
  co_await linger(self, client);
}

// Who asked for what. The query is left out: it may carry the key.
void Server::Impl::tell(const Request& request, const Response& response) {
  const auto line = [&](log::Level level, const char* event) {
    log::write(level, event,
               {{"method", request.method},
                {"path", path_of(request)},
                {"status", response.status},
                {"peer", request.peer}});
  };
  if (response.act) line(log::Level::info, "admin_act");
  const TimePoint now = std::chrono::steady_clock::now();
  if (response.status != 401 || now - refused_at_ < kRefusedAgain) return;
  refused_at_ = now;
  line(log::Level::warn, "admin_unauthorized");
}

asio::awaitable<error_code> Server::Impl::send(Client client, Response response, bool head, bool keep_alive) {
  http::response<http::string_body> message{static_cast<http::status>(response.status), 11};
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.body() = std::move(response.body);
  if (response.pieces)
    message.chunked(true);
  else
    message.prepare_payload();
  message.keep_alive(keep_alive);
  http::response_serializer<http::string_body> serializer{message};
  if (head || response.pieces) {
    auto [failed, bytes] = co_await http::async_write_header(client->stream, serializer, kTuple);
    if (head || failed) co_return failed;
    co_return co_await send_pieces(client, std::move(response.pieces));
  }
  auto [failed, bytes] = co_await http::async_write(client->stream, serializer, kTuple);
  co_return failed;
}

// One piece in memory at a time, however slowly it is read.
asio::awaitable<error_code> Server::Impl::send_pieces(Client client, Pieces pieces) {
  std::string piece;
  for (bool more = true; more;) {
    piece.clear();
    more = pieces(piece);
    if (piece.empty()) continue;
    const auto chunk = http::make_chunk(asio::buffer(piece));
    auto [failed, bytes] = co_await asio::async_write(client->stream, chunk, kTuple);
    if (failed) co_return failed;
  }
  const auto end = http::make_chunk_last();
  auto [failed, bytes] = co_await asio::async_write(client->stream, end, kTuple);
  co_return failed;
}

// A socket closed with unread bytes in it resets the connection, and the client may lose the answer: read
// what is on its way first, for a while.
asio::awaitable<void> Server::Impl::linger(Self self, Client client) {
  error_code ignored;
  client->stream.expires_after(self->options_.linger_timeout);
  if (client->stream.secure()) {
    auto [unsaid] = co_await client->stream.tls().async_shutdown(kTuple);
    if (unsaid) co_return;
  }
  client->stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  client->buffer.clear();
  for (std::size_t total = 0; total < kLingerBytes;) {
    auto [failed, bytes] =
        co_await client->stream.async_read_some(client->buffer.prepare(kReadBytes), kTuple);
    if (failed) co_return;
    total += bytes;
  }
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { stop(); }

void Server::stop() { impl_->stop(); }

Result<std::unique_ptr<Server>> Server::start(asio::io_context& loop, Options options, Viewer viewer) {
  auto impl = std::make_shared<Impl>(loop, std::move(options), std::move(viewer));
  if (auto failed = impl->open()) return *std::move(failed);
  impl->start();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port(); }
std::size_t Server::connections() const { return impl_->connections(); }

}  // namespace triggerd::admin
