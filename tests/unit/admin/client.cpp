#include "unit/admin/client.hpp"

#include <algorithm>
#include <cctype>
#include <future>

#include <arpa/inet.h>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace triggerd::admin {

Client::Client(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval deadline{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
  EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

Client::~Client() {
  if (fd_ >= 0) close(fd_);
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Client::fill() {
  char buffer[65536];
  const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
  if (size <= 0) return false;
  read_.append(buffer, static_cast<std::size_t>(size));
  return true;
}

Answer Client::answer(bool head) {
  std::size_t end = read_.find("\r\n\r\n");
  for (; end == std::string::npos; end = read_.find("\r\n\r\n")) {
    if (!fill()) return {};
  }
  Answer answer;
  answer.status = static_cast<unsigned>(std::stoul(read_.substr(read_.find(' ') + 1, 3)));
  for (std::size_t at = read_.find("\r\n") + 2; at < end + 2; at = read_.find("\r\n", at) + 2) {
    const std::string line = read_.substr(at, read_.find("\r\n", at) - at);
    std::string name = line.substr(0, line.find(':'));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = line.substr(line.find(':') + 2);
  }
  read_.erase(0, end + 4);
  if (!head && answer.headers.contains("transfer-encoding")) {
    answer.body = chunks();
    return answer.body.empty() ? Answer{} : answer;
  }
  const std::size_t length = head ? 0 : std::stoul(answer.headers.at("content-length"));
  while (read_.size() < length) {
    if (!fill()) return {};
  }
  answer.body = read_.substr(0, length);
  read_.erase(0, length);
  return answer;
}

// Empty: they did not come to their end.
std::string Client::chunks() {
  std::string body;
  for (;;) {
    std::size_t line = read_.find("\r\n");
    for (; line == std::string::npos; line = read_.find("\r\n")) {
      if (!fill()) return {};
    }
    const std::size_t size = std::stoul(read_.substr(0, line), nullptr, 16);
    while (read_.size() < line + 2 + size + 2) {
      if (!fill()) return {};
    }
    body += read_.substr(line + 2, size);
    read_.erase(0, line + 2 + size + 2);
    if (size == 0) return body;
  }
}

bool Client::closed(std::chrono::milliseconds patience) {
  if (!read_.empty()) return false;
  pollfd waited{.fd = fd_, .events = POLLIN, .revents = 0};
  if (poll(&waited, 1, static_cast<int>(patience.count())) != 1) return false;
  char byte;
  return recv(fd_, &byte, 1, 0) <= 0;
}

bool Client::ends_in_order() {
  char byte;
  return read_.empty() && recv(fd_, &byte, 1, 0) == 0;
}

void Client::finish() { shutdown(fd_, SHUT_WR); }

RunningServer::RunningServer(Options options, Server::Viewer viewer) {
  options.port = 0;
  auto server = Server::start(loop_, std::move(options), std::move(viewer));
  EXPECT_TRUE(server) << server.error().message;
  server_ = std::move(*server);
  port_ = server_->port();
  thread_ = std::thread([this] { loop_.run(); });
}

// The server ends, and so must every coroutine of it: the thread only returns when nothing is left to do.
RunningServer::~RunningServer() {
  run([](Server& server) { server.stop(); });
  work_.reset();
  thread_.join();
}

void RunningServer::run(const std::function<void(Server&)>& job) {
  std::promise<void> done;
  boost::asio::post(loop_, [&] {
    job(*server_);
    done.set_value();
  });
  done.get_future().wait();
}

std::size_t RunningServer::connections() {
  std::size_t count = 0;
  run([&](Server& server) { count = server.connections(); });
  return count;
}

}  // namespace triggerd::admin
