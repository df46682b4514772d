#include "admin/server.hpp"

#include <string>

#include <gtest/gtest.h>

#include "unit/admin/client.hpp"

namespace triggerd::admin {
namespace {

View view() {
  View view;
  view.version = "0.1.0";
  view.triggers = {{"orders", [] { return std::string(R"({"trigger":"orders"})"); }}};
  view.metrics = [] {
    return Pieces([](std::string& piece) {
      piece += "triggerd_build_info 1\n";
      return false;
    });
  };
  return view;
}

Options any_port() {
  Options options;
  options.port = 0;
  return options;
}

TEST(Server, AnswersOneRequestAfterTheOther) {
  RunningServer server({}, view);
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.get("/metrics"));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.body, "triggerd_build_info 1\n");
    EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
    EXPECT_FALSE(answer.headers.contains("connection"));
  }
}

TEST(Server, SeesTheViewOfTheMoment) {
  int asked = 0;
  RunningServer server({}, [&asked] {
    View now = view();
    if (asked++ == 0) now.not_ready = {"orders: starting"};
    return now;
  });
  Client client(server.port());
  client.get("/readyz");
  const Answer first = client.answer();
  EXPECT_EQ(first.status, 503u);
  EXPECT_EQ(first.body, "{\"ready\":false,\"reasons\":[\"orders: starting\"]}\n");
  client.get("/readyz");
  EXPECT_EQ(client.answer().status, 200u);
}

// Three pieces, one of them empty, which as a chunk would be the end.
View in_pieces() {
  View pieces = view();
  pieces.metrics = [] {
    return [left = 3](std::string& piece) mutable {
      if (left != 2) piece += "piece " + std::to_string(left) + "\n";
      return --left > 0;
    };
  };
  return pieces;
}

TEST(Server, APageInPiecesIsSentInChunks) {
  RunningServer server({}, in_pieces);
  Client client(server.port());
  client.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const bool head : {true, false}) {
    const Answer answer = client.answer(head);
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
    EXPECT_FALSE(answer.headers.contains("content-length"));
    EXPECT_EQ(answer.body, head ? "" : "piece 3\npiece 1\n");
  }
  client.get("/healthz");
  EXPECT_EQ(client.answer().status, 200u) << "the connection goes on after the last chunk";
}

TEST(Server, WhoTakesNoChunksGetsThePageInOne) {
  RunningServer server({}, in_pieces);
  Client client(server.port());
  client.send("GET /metrics HTTP/1.0\r\n\r\n");
  const Answer answer = client.answer();
  EXPECT_EQ(answer.headers.at("content-length"), "16");
  EXPECT_EQ(answer.body, "piece 3\npiece 1\n");
}

TEST(Server, HeadHasTheLengthAndNoBody) {
  RunningServer server({}, view);
  Client client(server.port());
  client.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer head = client.answer(true);
  EXPECT_EQ(head.status, 200u);
  EXPECT_EQ(head.headers.at("content-length"), "17");
  const Answer next = client.answer();
  EXPECT_EQ(next.status, 200u);
  EXPECT_EQ(next.body, "{\"healthy\":true}\n") << "it begins where the header of HEAD ended";
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  RunningServer server({}, view);
  Client client(server.port());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += "GET /api/triggers/orders HTTP/1.1\r\nHost: x\r\n\r\n";
    requests += "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    requests += "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.answer().status, 200u) << i;
    EXPECT_EQ(client.answer().status, 405u) << i;
    EXPECT_EQ(client.answer().status, 404u) << i;
  }
}

TEST(Server, ARequestMayComeByteByByte) {
  RunningServer server({}, view);
  Client client(server.port());
  const std::string request =
      "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (const char byte : request) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.answer().status, 200u);
}

TEST(Server, ClosesWhereTheClientAsksForIt) {
  for (const char* request :
       {"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}) {
    RunningServer server({}, view);
    Client client(server.port());
    client.send(request);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_TRUE(client.closed());
  }
}

TEST(Server, AClientThatLeavesInTheMiddleIsForgotten) {
  Options options;
  options.max_connections = 1;
  RunningServer server(options, view);
  Client(server.port()).send("GET /heal");
  Client half(server.port());
  half.send("GET /healthz HTTP/1.1\r\n");
  half.finish();
  EXPECT_TRUE(half.closed());
  Client client(server.port());
  client.get("/healthz");
  EXPECT_EQ(client.answer().status, 200u);
}

TEST(Server, AClientThatFinishesAfterItsRequestGetsItsAnswer) {
  RunningServer server({}, view);
  Client client(server.port());
  client.get("/healthz");
  client.finish();
  EXPECT_EQ(client.answer().status, 200u);
  EXPECT_TRUE(client.closed());
}

TEST(Server, APortInUseIsAnError) {
  RunningServer first({}, view);
  boost::asio::io_context loop;
  Options options;
  options.port = first.port();
  const auto second = Server::start(loop, options, view);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "admin_listen");
  EXPECT_EQ(second.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(first.port()) + ": Address already in use");
}

TEST(Server, ListensOnLoopbackOnly) {
  struct Row {
    const char* host;
    const char* error;  // empty: it listens
  };
  static constexpr Row kRows[] = {
      {"127.0.0.1", ""},
      {"localhost", ""},
      {"127.1.2.3", ""},
      {"0.0.0.0", "admin.listen: 0.0.0.0 is not a loopback address, and there is no TLS"},
      {"::", "admin.listen: :: is not a loopback address, and there is no TLS"},
      {"192.0.2.1", "admin.listen: 192.0.2.1 is not a loopback address, and there is no TLS"},
      {"example.org", "admin.listen: \"example.org\" is not an IP address or localhost"},
      {"", "admin.listen: \"\" is not an IP address or localhost"},
  };
  for (const Row& row : kRows) {
    boost::asio::io_context loop;
    Options options = any_port();
    options.host = row.host;
    const auto server = Server::start(loop, options, view);
    EXPECT_EQ(server ? "" : server.error().message, row.error) << row.host;
    EXPECT_TRUE(!server || (*server)->port() != 0) << row.host;
  }
}

TEST(Server, StopEndsEveryConnectionAndTheDoor) {
  RunningServer server({}, view);
  Client idle(server.port()), answered(server.port()), halfway(server.port());
  answered.get("/healthz");
  EXPECT_EQ(answered.answer().status, 200u);
  halfway.send("GET /");
  server.run([](Server& running) {
    running.stop();
    running.stop();
  });
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(answered.closed());
  EXPECT_TRUE(halfway.closed());
}

// The daemon stops its loop and destroys first the server, then the loop, with clients still there.
TEST(Server, MayBeDestroyedOnALoopThatStands) {
  for (const std::size_t turns : {0, 1, 2, 3}) {
    boost::asio::io_context loop;
    auto server = Server::start(loop, any_port(), view);
    ASSERT_TRUE(server);
    Client answered((*server)->port()), halfway((*server)->port()), silent((*server)->port());
    answered.get("/healthz");
    halfway.send("GET /");
    while ((*server)->connections() < 3) ASSERT_EQ(loop.run_one_for(std::chrono::seconds(10)), 1u);
    server->reset();
    for (std::size_t i = 0; i < turns; ++i) loop.poll_one();
  }
}

}  // namespace
}  // namespace triggerd::admin
