#include "admin/routes.hpp"

#include <algorithm>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace triggerd::admin {
namespace {

namespace json = boost::json;

View view() {
  View view;
  view.version = "0.1.0";
  view.triggers = {{"orders", [] { return std::string(R"({"trigger":"orders"})"); }},
                   {"payments eu", [] { return std::string(R"({"trigger":"payments eu"})"); }}};
  view.metrics = [] {
    return Pieces([](std::string& piece) {
      piece += "triggerd_build_info 1\n";
      return false;
    });
  };
  return view;
}

Response get(const std::string& target, const View& shown = view()) {
  return route({.method = "GET", .target = target, .headers = {}, .body = {}}, shown);
}

std::string header(const Response& response, std::string_view name) {
  const auto found = std::ranges::find(response.headers, name, [](const auto& field) { return field.first; });
  return found == response.headers.end() ? "" : found->second;
}

TEST(Routes, Table) {
  struct Row {
    const char* target;
    unsigned status;
    const char* type;
  };
  static constexpr const char* kJson = "application/json";
  static constexpr Row kRows[] = {
      {"/", 200, "text/html; charset=utf-8"},
      {"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"},
      {"/metrics?name[]=x", 200, "text/plain; version=0.0.4; charset=utf-8"},
      {"/healthz", 200, kJson},
      {"/readyz", 200, kJson},
      {"/readyz?verbose", 200, kJson},
      {"/api/triggers", 200, kJson},
      {"/api/triggers/orders", 200, kJson},
      {"/api/triggers/orders?x=1", 200, kJson},
      {"/api/triggers/payments%20eu", 200, kJson},
      {"/api/triggers/%6frders", 200, kJson},
      {"/api/triggers/%6Frders", 200, kJson},
      {"/api/triggers/", 404, kJson},
      {"/api/triggers/nobody", 404, kJson},
      {"/api/triggers/orders/", 404, kJson},
      {"/api/triggers/orders%2", 400, kJson},
      {"/api/triggers/orders%", 400, kJson},
      {"/api/triggers/orders%zz", 400, kJson},
      {"/api/triggers/orders%0", 400, kJson},
      {"/api", 404, kJson},
      {"/metricsx", 404, kJson},
      {"/metrics/", 404, kJson},
      {"/METRICS", 404, kJson},
      {"//metrics", 404, kJson},
      {"", 404, kJson},
      {"*", 404, kJson},
      {"?", 404, kJson},
      {"http://localhost/metrics", 404, kJson},
      {"/../etc/passwd", 404, kJson},
  };
  for (const Row& row : kRows) {
    const Response response = get(row.target);
    EXPECT_EQ(response.status, row.status) << row.target;
    EXPECT_EQ(header(response, "Content-Type"), row.type) << row.target;
  }
}

TEST(Routes, OtherMethodsAreRefused) {
  for (const char* target :
       {"/", "/metrics", "/healthz", "/readyz", "/api/triggers", "/api/triggers/orders"}) {
    for (const char* method :
         {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "", "BREW"}) {
      const Response response =
          route({.method = method, .target = target, .headers = {}, .body = {}}, view());
      EXPECT_EQ(response.status, 405u) << method << " " << target;
      EXPECT_EQ(header(response, "Allow"), "GET, HEAD") << method << " " << target;
      EXPECT_EQ(json::parse(response.body).at("error"), "method_not_allowed");
    }
  }
  EXPECT_EQ(route({.method = "POST", .target = "/nowhere", .headers = {}, .body = {}}, view()).status, 404u);
}

TEST(Skip, IsAskedWithFourMembersAndNoOthers) {
  View shown = view();
  std::vector<SkipRequest> asked;
  shown.skip = [&asked](const SkipRequest& r) {
    asked.push_back(r);
    return r.trigger == "orders";
  };
  const auto post = [&shown](const std::string& target, const std::string& body,
                             const std::string& type = "application/json") {
    return route({.method = "POST", .target = target, .headers = {{"content-type", type}}, .body = body},
                 shown);
  };
  const std::string good = R"({"topic":"t","partition":3,"offset":4711,"by":"me"})";
  EXPECT_EQ(post("/api/triggers/orders/skip", good).status, 202u);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].topic, "t");
  EXPECT_EQ(asked[0].partition, 3);
  EXPECT_EQ(asked[0].offset, 4711);
  EXPECT_EQ(asked[0].by, "me");
  EXPECT_EQ(post("/api/triggers/none/skip", good).status, 404u);
  asked.clear();
  for (const char* bad : {"", "[]", "{}", R"({"topic":"t","partition":3,"offset":4711})",
                          R"({"topic":"","partition":3,"offset":1,"by":"me"})",
                          R"({"topic":"t","partition":-1,"offset":1,"by":"me"})",
                          R"({"topic":"t","partition":4294967296,"offset":1,"by":"me"})",
                          R"({"topic":"t","partition":3,"offset":-1,"by":"me"})",
                          R"({"topic":"t","partition":3,"offset":1.5,"by":"me"})",
                          R"({"topic":"t","partition":3,"offset":1,"by":""})",
                          R"({"topic":"t","partition":3,"offset":1,"by":"me","more":1})"}) {
    EXPECT_EQ(post("/api/triggers/orders/skip", bad).status, 400u) << bad;
  }
  EXPECT_EQ(post("/api/triggers/orders/skip", good, "text/plain").status, 415u)
      << "what a form of another site sends";
  EXPECT_EQ(get("/api/triggers/orders/skip", shown).status, 405u);
  EXPECT_TRUE(asked.empty());
}

TEST(Routes, HeadIsAnsweredAsGet) {
  for (const char* target : {"/", "/metrics", "/healthz", "/nowhere"}) {
    const Response head = route({.method = "HEAD", .target = target, .headers = {}, .body = {}}, view());
    EXPECT_EQ(head.status, get(target).status);
    EXPECT_EQ(head.body, get(target).body) << "its length is what HEAD tells";
  }
}

TEST(Routes, EveryAnswerForbidsWhatABrowserCouldBeTrickedInto) {
  for (const char* target : {"/", "/metrics", "/healthz", "/api/triggers", "/nowhere", "/api/triggers/%"}) {
    const Response response = get(target);
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff") << target;
    EXPECT_EQ(header(response, "Cache-Control"), "no-store") << target;
    EXPECT_EQ(header(response, "X-Frame-Options"), "DENY") << target;
    EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer") << target;
    EXPECT_TRUE(header(response, "Content-Security-Policy").starts_with("default-src 'none'")) << target;
    EXPECT_EQ(header(response, "Content-Security-Policy").find("unsafe"), std::string::npos) << target;
    EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "") << target;
  }
}

TEST(Routes, ReadinessGivesItsReasons) {
  EXPECT_EQ(get("/readyz").body, "{\"ready\":true}\n");
  View waiting = view();
  waiting.not_ready = {"orders: no worker is ready", "a \"quoted\" reason"};
  const Response response = get("/readyz", waiting);
  EXPECT_EQ(response.status, 503u);
  const json::value body = json::parse(response.body);
  EXPECT_EQ(body.at("ready"), false);
  EXPECT_EQ(body.at("reasons"), (json::array{"orders: no worker is ready", "a \"quoted\" reason"}));
}

// A daemon that waits for its broker is healthy: restarting it would not help.
TEST(Routes, HealthIsNotReadiness) {
  View waiting = view();
  waiting.not_ready = {"orders: has not joined"};
  EXPECT_EQ(get("/healthz", waiting).status, 200u);
  EXPECT_EQ(get("/healthz", waiting).body, "{\"healthy\":true}\n");
  View stuck = view();
  stuck.unhealthy = {"loop-1 does not turn"};
  const Response response = get("/healthz", stuck);
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(json::parse(response.body).at("reasons").at(0), "loop-1 does not turn");
  EXPECT_EQ(get("/readyz", stuck).status, 200u);
}

TEST(Routes, TriggersByNameAndTogether) {
  EXPECT_EQ(json::parse(get("/api/triggers/payments%20eu").body).at("trigger"), "payments eu");
  const json::value all = json::parse(get("/api/triggers").body);
  ASSERT_EQ(all.at("triggers").as_array().size(), 2u);
  EXPECT_EQ(all.at("triggers").at(0).at("trigger"), "orders");
  EXPECT_EQ(all.at("triggers").at(1).at("trigger"), "payments eu");
  EXPECT_EQ(get("/api/triggers", View{}).body, "{\"triggers\":[]}\n");
}

TEST(Routes, OnlyThePageThatShowsItRendersIt) {
  int rendered = 0, described = 0;
  View counted = view();
  counted.metrics = [&] { return ++rendered, Pieces(); };
  counted.triggers = {{"a", [&] { return ++described, std::string("{}"); }},
                      {"b", [&] { return ++described, std::string("{}"); }}};
  get("/healthz", counted);
  get("/readyz", counted);
  get("/", counted);
  EXPECT_EQ(rendered + described, 0);
  get("/api/triggers/a", counted);
  EXPECT_EQ(described, 1);
  get("/metrics", counted);
  EXPECT_EQ(rendered, 1);
  EXPECT_EQ(described, 1);
}

TEST(Routes, TheIndexNamesEveryPageAndHasNoScript) {
  const std::string body = get("/").body;
  for (const char* path : {"/api/triggers", "/metrics", "/healthz", "/readyz"}) {
    EXPECT_NE(body.find("href=\"" + std::string(path) + "\""), std::string::npos) << path;
    EXPECT_EQ(get(path).status, 200u) << path;
  }
  EXPECT_NE(body.find("0.1.0"), std::string::npos);
  EXPECT_EQ(body.find("<script"), std::string::npos);
  EXPECT_EQ(body.find("style"), std::string::npos);
}

// The caller's text never comes back unquoted.
TEST(Routes, ErrorsAreJson) {
  for (const char* target : {"/<script>", "/api/triggers/\"", "/api/triggers/%22%0a"}) {
    const Response response = get(target);
    EXPECT_EQ(response.status, 404u);
    EXPECT_EQ(json::parse(response.body).at("error"), "not_found");
    EXPECT_EQ(response.body.find("script"), std::string::npos);
  }
  const Response refused = error_response(431, "headers_too_large", "with \"quotes\"");
  EXPECT_EQ(refused.status, 431u);
  EXPECT_EQ(json::parse(refused.body).at("message"), "with \"quotes\"");
}

}  // namespace
}  // namespace triggerd::admin
