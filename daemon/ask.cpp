#include "daemon/ask.hpp"

#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <pwd.h>
#include <unistd.h>

#include "daemon/admin_client.hpp"
#include "daemon/check.hpp"
#include "daemon/exit_code.hpp"

namespace triggerd::daemon {
namespace {

namespace json = boost::json;

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kStartPatience = std::chrono::seconds(1);
constexpr auto kLookAgain = std::chrono::milliseconds(100);

// Nothing where the daemon does not answer; that was said.
std::optional<AdminAnswer> ask(const config::Admin& admin, const std::string& request,
                               const std::string& body = {}) {
  auto answer = ask_admin(admin, request, body);
  if (answer) return *std::move(answer);
  std::fprintf(stderr, "triggerd: no daemon answers: %s\n", answer.error().message.c_str());
  return std::nullopt;
}

struct Counts {
  std::int64_t skipped = 0, refused = 0;
};

// A trigger that has just started is not told of yet, for a quarter of a second.
std::optional<Counts> counts(const config::Admin& admin, const std::string& trigger) {
  for (const auto end = std::chrono::steady_clock::now() + kStartPatience;;) {
    const auto answer = ask(admin, "GET /api/triggers/" + trigger);
    if (!answer) return std::nullopt;
    boost::system::error_code error;
    const json::value value = json::parse(answer->body, error);
    const json::object* object = error ? nullptr : value.if_object();
    if (answer->status == 200 && object != nullptr && object->contains("skipsRefused")) {
      return Counts{object->at("settled").at("skip").to_number<std::int64_t>(),
                    object->at("skipsRefused").to_number<std::int64_t>()};
    }
    if (std::chrono::steady_clock::now() >= end) {
      std::fprintf(stderr, "triggerd: the daemon has no trigger %s\n", trigger.c_str());
      return std::nullopt;
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

std::string user() {
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : "uid " + std::to_string(getuid());
}

}  // namespace

int ask_skip(const std::string& fleet_path, const SkipOptions& options) {
  const auto fleet = load_fleet(fleet_path);
  if (!fleet) return kConfig;
  const auto before = counts(fleet->admin, options.trigger);
  if (!before) return kUnavailable;
  const json::object body{{"topic", options.topic},
                          {"partition", options.partition},
                          {"offset", options.offset},
                          {"by", options.by.empty() ? user() : options.by}};
  const auto answer =
      ask(fleet->admin, "POST /api/triggers/" + options.trigger + "/skip", json::serialize(body));
  if (!answer) return kUnavailable;
  if (answer->status != 202) {
    std::fprintf(stderr, "triggerd: refused: %s", answer->body.c_str());
    return kUnavailable;
  }
  const std::string record =
      options.topic + "[" + std::to_string(options.partition) + "]@" + std::to_string(options.offset);
  for (const auto end = std::chrono::steady_clock::now() + kPatience;
       std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(kLookAgain);
    const auto now = counts(fleet->admin, options.trigger);
    if (!now) return kUnavailable;
    if (now->skipped > before->skipped) {
      std::printf("%s: %s is skipped\n", options.trigger.c_str(), record.c_str());
      return kOk;
    }
    if (now->refused > before->refused) {
      std::fprintf(stderr, "triggerd: %s holds up no lane of %s, here and now\n", record.c_str(),
                   options.trigger.c_str());
      return kUnavailable;
    }
  }
  std::fprintf(stderr, "triggerd: asked, and no answer yet; the daemon's log says what came of it\n");
  return kUnavailable;
}

}  // namespace triggerd::daemon
