// What a client that is slow, greedy or talks nonsense may cost: bounded memory, bounded time, nobody else.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/admin/client.hpp"

namespace triggerd::admin {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

View view() {
  View view;
  view.version = "0.1.0";
  view.metrics = [] {
    return Pieces([](std::string& piece) {
      piece += "triggerd_build_info 1\n";
      return false;
    });
  };
  return view;
}

Pieces mebibytes(int count) {
  return [left = count](std::string& piece) mutable {
    piece.append(1 << 20, 'm');
    return --left > 0;
  };
}

// A request whose header is so many bytes long.
std::string header_of(std::size_t size) {
  const std::string begin = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Padding: ";
  return begin + std::string(size - begin.size() - 4, 'p') + "\r\n\r\n";
}

std::string post(std::size_t size, const std::string& body) {
  return "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body;
}

TEST(ServerLimits, GarbageIsRefusedAndTheConnectionClosed) {
  const std::string binary("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client says hello\r\n\r\n",
                           40);
  const std::string rows[] = {
      binary,
      "hello\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / FTP/1.1\r\n\r\n",
      "GET /a b HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nno colon here\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 27),
      "\r\n\r\n\r\n\r\n",
  };
  RunningServer server({}, view);
  for (const std::string& row : rows) {
    Client client(server.port());
    client.send(row);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 400u) << row;
    EXPECT_NE(answer.body.find("\"error\":\"bad_request\""), std::string::npos) << row;
    EXPECT_EQ(answer.headers.at("connection"), "close") << row;
    EXPECT_TRUE(client.closed()) << row;
  }
  Client client(server.port());
  client.get("/healthz");
  EXPECT_EQ(client.answer().status, 200u);
}

TEST(ServerLimits, Header) {
  RunningServer server({}, view);
  {
    Client client(server.port());
    client.send(header_of(8000));
    EXPECT_EQ(client.answer().status, 200u);
    client.send(header_of(8192));
    EXPECT_EQ(client.answer().status, 200u);
  }
  for (const std::size_t size : {9000, 20'000, 1'000'000}) {
    Client client(server.port());
    client.send(header_of(size));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 431u) << size;
    EXPECT_EQ(answer.headers.at("connection"), "close") << size;
  }
}

// It has more to send than is read of it; were the socket closed at once, that would reset the connection.
TEST(ServerLimits, ARefusedClientGetsItsAnswerAndAnOrderlyEnd) {
  RunningServer server({}, view);
  Client client(server.port());
  client.send(header_of(200'000));
  EXPECT_EQ(client.answer().status, 431u);
  EXPECT_TRUE(client.ends_in_order());
}

TEST(ServerLimits, AHeaderWithoutAnEnd) {
  const std::string rows[] = {std::string(100'000, 'A'), "GET /" + std::string(100'000, 'a'),
                              "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a')};
  RunningServer server({}, view);
  for (const std::string& row : rows) {
    Client client(server.port());
    client.send(row);
    const Answer answer = client.answer();
    EXPECT_TRUE(answer.status == 431 || answer.status == 400) << answer.status << " " << row.substr(0, 20);
  }
  Client fields(server.port());
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  fields.send(many);
  EXPECT_EQ(fields.answer().status, 431u);
}

TEST(ServerLimits, Body) {
  RunningServer server({}, view);
  {
    Client client(server.port());
    client.send(post(65536, std::string(65536, 'b')));
    EXPECT_EQ(client.answer().status, 405u) << "a body of the limit is read, and the next request found";
    client.get("/healthz");
    EXPECT_EQ(client.answer().status, 200u);
  }
  {
    Client client(server.port());
    client.send(post(65537, ""));
    EXPECT_EQ(client.answer().status, 413u) << "not one byte of it is waited for";
    EXPECT_TRUE(client.closed());
  }
  {
    Client client(server.port());
    std::string chunks = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 5; ++i) chunks += "4000\r\n" + std::string(0x4000, 'c') + "\r\n";
    client.send(chunks);
    EXPECT_EQ(client.answer().status, 413u);
  }
  {
    Client client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                std::string(100'000, 'e'));
    EXPECT_EQ(client.answer().status, 431u) << "a chunk extension without an end";
  }
}

TEST(ServerLimits, ASlowRequestIsCutOff) {
  Options options;
  options.request_timeout = 200ms;
  options.idle_timeout = 10min;
  RunningServer server(options, view);
  for (const char* begin :
       {"", "GET /healthz HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"}) {
    Client client(server.port());
    const auto before = Clock::now();
    client.send(begin);
    EXPECT_TRUE(client.closed()) << begin;
    EXPECT_GE(Clock::now() - before, 150ms) << begin;
  }
}

// The time runs from the first byte: more bytes do not buy more of it.
TEST(ServerLimits, ATrickleIsCutOff) {
  Options options;
  options.request_timeout = 300ms;
  RunningServer server(options, view);
  Client client(server.port());
  client.send("GET /healthz HTTP/1.1\r\nX: ");
  const auto before = Clock::now();
  while (!client.closed(10ms)) {
    client.send("x");
    ASSERT_LT(Clock::now() - before, 10s);
  }
  EXPECT_GE(Clock::now() - before, 250ms);
}

TEST(ServerLimits, AnIdleConnectionIsClosed) {
  Options options;
  options.request_timeout = 10min;
  options.idle_timeout = 200ms;
  RunningServer server(options, view);
  Client client(server.port());
  client.get("/healthz");
  EXPECT_EQ(client.answer().status, 200u);
  EXPECT_TRUE(client.closed());
}

// A page larger than all socket buffers, to a client that does not read: the next client waits for its end.
TEST(ServerLimits, AClientThatDoesNotReadIsCutOff) {
  Options options;
  options.max_connections = 1;
  options.request_timeout = 300ms;
  RunningServer server(options, [] {
    View large = view();
    large.metrics = [] { return mebibytes(64); };
    return large;
  });
  Client greedy(server.port());
  greedy.get("/metrics");
  Client next(server.port());
  next.get("/healthz");
  EXPECT_EQ(next.answer().status, 200u);
  EXPECT_EQ(greedy.answer().status, 0u) << "it ended before its length";
}

TEST(ServerLimits, ALargePageArrivesWhole) {
  RunningServer server({}, [] {
    View large = view();
    large.metrics = [] { return mebibytes(64); };
    return large;
  });
  Client client(server.port());
  client.get("/metrics");
  EXPECT_EQ(client.answer().body.size(), std::size_t{64 << 20});
}

// More clients than there is room for, none of which closes: idle ones make room.
TEST(ServerLimits, AHundredConnectionsAreAllAnswered) {
  RunningServer server({}, view);
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().get("/healthz"));
    if (i < 64) {
      EXPECT_EQ(clients.back().answer().status, 200u);
    }
  }
  for (std::size_t i = 64; i < clients.size(); ++i) EXPECT_EQ(clients[i].answer().status, 200u) << i;
  EXPECT_LE(server.connections(), Options{}.max_connections);
}

// A client that has not sent its request yet is not idle: it is not closed to make room, it has its time.
TEST(ServerLimits, OnlyAnsweredConnectionsMakeRoom) {
  Options options;
  options.max_connections = 2;
  RunningServer server(options, view);
  Client fresh(server.port()), answered(server.port());
  answered.get("/healthz");
  EXPECT_EQ(answered.answer().status, 200u);
  Client third(server.port());
  third.get("/healthz");
  EXPECT_EQ(third.answer().status, 200u);
  EXPECT_TRUE(answered.closed());
  fresh.get("/healthz");
  EXPECT_EQ(fresh.answer().status, 200u);
}

// Without an idle one the newcomer waits, and gets its turn when a busy client is done, which is let go.
TEST(ServerLimits, WhereNoneIsIdleTheNextWaits) {
  Options options;
  options.max_connections = 1;
  RunningServer server(options, view);
  Client busy(server.port());
  busy.send("GET /healthz HTTP/1.1\r\n");
  Client waiting(server.port());
  waiting.get("/healthz");
  EXPECT_FALSE(waiting.closed(100ms)) << "it is neither answered nor turned away";
  busy.send("Host: x\r\n\r\n");
  const Answer answer = busy.answer();
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(waiting.answer().status, 200u);
}

// It costs its connection for request_timeout, as one does that begins a request and stops.
TEST(ServerLimits, WhoDoesNotShakeHandsIsLetGo) {
  const std::string files = TRIGGERD_TESTS_DIR "/vectors/config/files/";
  auto certificate = Certificate::load({files + "client.pem", files + "client.key", ""});
  ASSERT_TRUE(certificate) << certificate.error().message;
  Options options;
  options.request_timeout = 100ms;
  options.tls = std::move(*certificate);
  RunningServer server(options, view);
  for (const char* said : {"", "\x16\x03\x01"}) {
    Client client(server.port());
    client.send(said);
    EXPECT_TRUE(client.closed(5s)) << said;
  }
}

}  // namespace
}  // namespace triggerd::admin
