// A raw HTTP client and a server on a loop of its own, for the tests of the admin listener.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "admin/server.hpp"

namespace triggerd::admin {

struct Answer {
  unsigned status = 0;  // 0: the connection ended before an answer
  std::map<std::string, std::string> headers;
  std::string body;
};

// Blocking, with a deadline of ten seconds on each read and write.
class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}
  Client& operator=(Client&&) = delete;

  // False: the server has closed the connection.
  bool send(std::string_view bytes);
  bool get(std::string_view target) {
    return send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  Answer answer(bool head = false);
  // True once the server has closed; false where bytes come, or nothing for `patience`.
  bool closed(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // True where the server's end comes as an end, not as a reset, which may cost a client the answer.
  bool ends_in_order();
  // Nothing more will be sent.
  void finish();

 private:
  bool fill();
  std::string chunks();

  int fd_ = -1;
  std::string read_;
};

class RunningServer {
 public:
  RunningServer(Options options, Server::Viewer viewer);
  ~RunningServer();

  std::uint16_t port() const { return port_; }
  // On the loop.
  void run(const std::function<void(Server&)>& job);
  std::size_t connections();

 private:
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace triggerd::admin
