// /admin/host as the Azure Functions host serves it: one case per rule of the original's HostController, with
// what is ours named as such.
#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "admin/routes.hpp"

namespace triggerd::admin {
namespace {

namespace json = boost::json;

constexpr const char* kKey = "0123456789abcdef";
using Headers = std::vector<std::pair<std::string, std::string>>;

View running() {
  View view;
  view.version = "0.1.0";
  view.key = kKey;
  view.host.state = HostView::State::running;
  view.host.scale_status = [](std::int64_t workers) {
    HostScaleStatus status;
    status.vote = workers < 4 ? 1 : 0;
    status.target_workers = 4;
    status.targets = {{"KafkaTrigger", 4}, {"orders", 0}};
    return std::optional(status);
  };
  return view;
}

Response ask(const View& view, const std::string& method, const std::string& target,
             const std::string& body = {}, const Headers& headers = {{"x-functions-key", kKey}}) {
  return route({.method = method, .target = target, .headers = headers, .body = body}, view);
}

std::string header(const Response& response, std::string_view name) {
  const auto found = std::ranges::find(response.headers, name, [](const auto& field) { return field.first; });
  return found == response.headers.end() ? "" : found->second;
}

TEST(HostScale, TargetsAreAnsweredByteForByte) {
  const Response response = ask(running(), "POST", "/admin/host/scale/status", R"({"workerCount":3})");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(
      response.body,
      R"({"vote":1,"targetWorkerCount":4,"functionScaleStatuses":{},"functionTargetScalerResults":)"
      R"({"Host.Functions.KafkaTrigger":{"targetWorkerCount":4},"Host.Functions.orders":{"targetWorkerCount":0}}})"
      "\n");
  EXPECT_EQ(header(response, "Content-Type"), "application/json");
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
}

TEST(HostScale, VotesComeWithoutATarget) {
  View view = running();
  view.host.scale_status = [](std::int64_t) {
    return std::optional(
        HostScaleStatus{.vote = -1, .target_workers = {}, .votes = {{"orders", -1}}, .targets = {}});
  };
  EXPECT_EQ(
      ask(view, "POST", "/admin/host/scale/status", R"({"workerCount":3})").body,
      R"({"vote":-1,"targetWorkerCount":null,"functionScaleStatuses":{"Host.Functions.orders":{"vote":-1}},)"
      R"("functionTargetScalerResults":{}})"
      "\n");
}

TEST(HostScale, TheBodySaysHowManyWorkersThereAre) {
  View view = running();
  std::vector<std::int64_t> asked;
  view.host.scale_status = [&asked](std::int64_t workers) {
    asked.push_back(workers);
    return std::optional(HostScaleStatus{});
  };
  for (const char* body : {R"({"workerCount":3})", R"({"WorkerCount":4,"metrics":[{"x":1}]})", "{}"})
    EXPECT_EQ(ask(view, "POST", "/admin/host/scale/status", body).status, 200u) << body;
  EXPECT_EQ(asked, (std::vector<std::int64_t>{3, 4, 0}));
  for (const char* body :
       {"", "[]", "3", R"({"workerCount":-1})", R"({"workerCount":"3"})", R"({"workerCount":1.5})"})
    EXPECT_EQ(ask(view, "POST", "/admin/host/scale/status", body).status, 400u) << body;
  EXPECT_EQ(asked.size(), 3u);
}

TEST(HostScale, OffIs400WithASentence) {
  View view = running();
  view.host.scale_monitoring = false;
  const Response response = ask(view, "POST", "/admin/host/scale/status", R"({"workerCount":3})");
  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(response.body, "Runtime scale monitoring is not enabled.");
  EXPECT_EQ(header(response, "Content-Type"), "text/plain; charset=utf-8");
}

TEST(HostScale, NotRunningIs503) {
  for (const auto state : {HostView::State::starting, HostView::State::draining, HostView::State::drained}) {
    View view = running();
    view.host.state = state;
    EXPECT_EQ(ask(view, "POST", "/admin/host/scale/status", R"({"workerCount":3})").status, 503u);
  }
  View unknown = running();  // ours: the original reads an error as no lag, and asks for no workers
  unknown.host.scale_status = [](std::int64_t) { return std::optional<HostScaleStatus>(); };
  EXPECT_EQ(ask(unknown, "POST", "/admin/host/scale/status", R"({"workerCount":3})").status, 503u);
}

TEST(HostKey, IsTakenAsHeaderQueryOrBearerToken) {
  struct Row {
    const char* target;
    Headers headers;
    unsigned status;
  };
  const std::string key = kKey;
  const Row rows[] = {
      {"/admin/host/status", {{"x-functions-key", key}}, 200},
      {"/admin/host/status", {{"X-Functions-Key", key}}, 200},
      {"/admin/host/status", {{"Authorization", "Bearer " + key}}, 200},
      {"/admin/host/status?code=0123456789abcdef", {}, 200},
      {"/admin/host/status?a=b&code=%30123456789abcdef&c", {}, 200},
      {"/admin/host/status", {}, 401},
      {"/admin/host/status", {{"x-functions-key", key + "0"}}, 401},
      {"/admin/host/status", {{"x-functions-key", key.substr(1)}}, 401},
      {"/admin/host/status", {{"x-functions-key", ""}}, 401},
      {"/admin/host/status", {{"Authorization", key}}, 401},
      {"/admin/host/status", {{"Authorization", "Basic " + key}}, 401},
      {"/admin/host/status?code=", {}, 401},
      {"/admin/host/status?code", {}, 401},
      {"/admin/host/status?xcode=0123456789abcdef", {}, 401},
      {"/admin/host/status?code=0123456789abcde%", {}, 401},
  };
  for (const Row& row : rows)
    EXPECT_EQ(ask(running(), "GET", row.target, "", row.headers).status, row.status)
        << row.target << " " << (row.headers.empty() ? "" : row.headers[0].second);
}

TEST(HostKey, GuardsWhatIsAskedAndNotWhatIsShown) {
  for (const char* target : {"/admin/host/scale/status", "/admin/host/drain", "/admin/host/resume",
                             "/api/triggers/orders/skip", "/api/triggers/orders/scale"})
    EXPECT_EQ(ask(running(), "POST", target, "{}", {{"Content-Type", "application/json"}}).status, 401u)
        << target;
  for (const char* target : {"/admin/host/status", "/admin/host/drain/status"})
    EXPECT_EQ(ask(running(), "GET", target, "", {}).status, 401u) << target;
  for (const char* target : {"/metrics", "/healthz", "/readyz", "/api/triggers", "/admin/host/ping"}) {
    View view = running();
    view.metrics = [] { return Pieces(); };
    EXPECT_EQ(ask(view, "GET", target, "", {}).status, 200u) << target;
  }
}

// Ours: the listener is on loopback, where a page of another site can send forms.
TEST(HostKey, WithoutOneAPostMustBeOfJson) {
  View view = running();
  view.key.clear();
  bool drained = false;
  view.host.drain = [&drained] { drained = true; };
  EXPECT_EQ(ask(view, "POST", "/admin/host/drain", "", {}).status, 415u);
  EXPECT_EQ(ask(view, "POST", "/admin/host/drain", "", {{"Content-Type", "text/plain"}}).status, 415u);
  EXPECT_FALSE(drained);
  EXPECT_EQ(ask(view, "POST", "/admin/host/drain", "", {{"Content-Type", "application/json; charset=utf-8"}})
                .status,
            202u);
  EXPECT_TRUE(drained);
  EXPECT_EQ(ask(view, "GET", "/admin/host/status", "", {}).status, 200u);
}

TEST(Host, PingIsAnonymousAndEmpty) {
  for (const char* method : {"GET", "POST", "HEAD"}) {
    const Response response = ask(running(), method, "/admin/host/ping", "", {});
    EXPECT_EQ(response.status, 200u) << method;
    EXPECT_EQ(response.body, "");
  }
}

TEST(Host, StatusSaysHowItStands) {
  View view = running();
  view.host.version = "0.1.0";
  view.host.instance = "vm1";
  view.host.uptime_ms = 1234;
  const json::value status = json::parse(ask(view, "GET", "/admin/host/status").body);
  EXPECT_EQ(status.at("state"), "Running");
  EXPECT_EQ(status.at("version"), "0.1.0");
  EXPECT_EQ(status.at("id"), "vm1");
  EXPECT_EQ(status.at("processUptime").to_number<int>(), 1234);
}

TEST(Host, DrainIsAcceptedAndTold) {
  View view = running();
  int drains = 0;
  int resumes = 0;
  view.host.drain = [&drains] { ++drains; };
  view.host.resume = [&resumes] { ++resumes; };
  EXPECT_EQ(json::parse(ask(view, "GET", "/admin/host/drain/status").body).at("state"), "Disabled");
  const Response accepted = ask(view, "POST", "/admin/host/drain");
  EXPECT_EQ(accepted.status, 202u);
  EXPECT_EQ(drains, 1);
  view.host.state = HostView::State::draining;
  view.host.outstanding_invocations = 7;
  view.host.outstanding_retries = 2;
  EXPECT_EQ(ask(view, "GET", "/admin/host/drain/status").body,
            "{\"state\":\"InProgress\",\"outstandingInvocations\":7,\"outstandingRetries\":2}\n");
  EXPECT_EQ(ask(view, "POST", "/admin/host/resume").status, 409u) << "not while it drains";
  EXPECT_EQ(resumes, 0);
  view.host.state = HostView::State::drained;
  EXPECT_EQ(json::parse(ask(view, "GET", "/admin/host/drain/status").body).at("state"), "Completed");
  EXPECT_EQ(ask(view, "POST", "/admin/host/resume").body, "{\"state\":\"Running\"}\n");
  EXPECT_EQ(resumes, 1);
}

TEST(Host, MethodsAreThoseOfThePage) {
  EXPECT_EQ(ask(running(), "GET", "/admin/host/scale/status").status, 405u);
  EXPECT_EQ(ask(running(), "GET", "/admin/host/drain").status, 405u);
  EXPECT_EQ(ask(running(), "POST", "/admin/host/drain/status").status, 405u);
  EXPECT_EQ(ask(running(), "POST", "/admin/host/status").status, 405u);
  EXPECT_EQ(ask(running(), "DELETE", "/admin/host/ping").status, 405u);
  EXPECT_EQ(ask(running(), "GET", "/admin/host").status, 404u);
}

TEST(Scale, TheTargetOfATriggerIsShown) {
  View view = running();
  view.targets = {{"orders", [] { return std::string(R"({"trigger":"orders","target":4})"); }}};
  view.decisions = {{"orders", [] { return std::string(R"({"decisions":[]})"); }}};
  EXPECT_EQ(ask(view, "GET", "/scale/orders", "", {}).body, "{\"trigger\":\"orders\",\"target\":4}\n");
  EXPECT_EQ(ask(view, "GET", "/api/triggers/orders/decisions", "", {}).body, "{\"decisions\":[]}\n");
  EXPECT_EQ(ask(view, "GET", "/scale/nobody", "", {}).status, 404u);
  EXPECT_EQ(ask(view, "GET", "/scale/", "", {}).status, 404u);
  EXPECT_EQ(ask(view, "GET", "/scale/orders/x", "", {}).status, 404u);
}

TEST(Scale, AnOverrideIsAskedWithTwoMembers) {
  View view = running();
  std::vector<ScaleRequest> asked;
  view.scale = [&asked](const ScaleRequest& r) {
    asked.push_back(r);
    return r.trigger == "orders";
  };
  EXPECT_EQ(ask(view, "POST", "/api/triggers/orders/scale", R"({"target":3,"by":"me"})").status, 202u);
  EXPECT_EQ(ask(view, "POST", "/api/triggers/orders/scale", R"({"target":null,"by":"me"})").status, 202u);
  EXPECT_EQ(ask(view, "POST", "/api/triggers/nobody/scale", R"({"target":0,"by":"me"})").status, 404u);
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0].target, 3u);
  EXPECT_EQ(asked[0].by, "me");
  EXPECT_EQ(asked[1].target, std::nullopt);
  EXPECT_EQ(asked[2].target, 0u);
  for (const char* bad :
       {"", "[]", "{}", R"({"target":3})", R"({"by":"me"})", R"({"target":-1,"by":"me"})",
        R"({"target":1.5,"by":"me"})", R"({"target":"3","by":"me"})", R"({"target":3,"by":""})",
        R"({"target":100001,"by":"me"})", R"({"target":3,"by":"me","more":1})"})
    EXPECT_EQ(ask(view, "POST", "/api/triggers/orders/scale", bad).status, 400u) << bad;
  EXPECT_EQ(asked.size(), 3u);
}

}  // namespace
}  // namespace triggerd::admin
