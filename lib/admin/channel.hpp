// A client's stream: TCP or a Unix socket, with TLS over it or without. To Beast and Asio it is one type, so
// that what is said over it is compiled once. For server.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include "base/time.hpp"

namespace triggerd::admin {

class Channel {
 public:
  using Plain = boost::beast::basic_stream<boost::asio::generic::stream_protocol>;
  using executor_type = Plain::executor_type;

  // `tls`: what to speak it with; nullptr: plain. It is referred to by the stream, not kept.
  Channel(boost::asio::generic::stream_protocol::socket socket, boost::asio::ssl::context* tls)
      : plain_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(plain_, *tls);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool secure() const { return tls_.has_value(); }
  auto& tls() { return *tls_; }
  auto& socket() { return plain_.socket(); }
  executor_type get_executor() noexcept { return plain_.get_executor(); }
  void expires_after(Duration time) { plain_.expires_after(time); }
  void close() { plain_.close(); }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return either(token, [buffers](auto& stream, auto handler) {
      stream.async_read_some(buffers, std::move(handler));
    });
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return either(token, [buffers](auto& stream, auto handler) {
      stream.async_write_some(buffers, std::move(handler));
    });
  }

 private:
  template <typename Token, typename Job>
  auto either(Token& token, Job job) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this, job](auto handler) {
          if (tls_)
            job(*tls_, std::move(handler));
          else
            job(plain_, std::move(handler));
        },
        token);
  }

  Plain plain_;
  std::optional<boost::asio::ssl::stream<Plain&>> tls_;
};

}  // namespace triggerd::admin
