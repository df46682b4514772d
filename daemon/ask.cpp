#include "daemon/ask.hpp"

#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <pwd.h>
#include <unistd.h>

#include "daemon/check.hpp"
#include "daemon/exit_code.hpp"

namespace triggerd::daemon {
namespace {

namespace json = boost::json;
using boost::asio::ip::tcp;

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kStartPatience = std::chrono::seconds(1);
constexpr auto kLookAgain = std::chrono::milliseconds(100);

struct Answer {
  unsigned status = 0;
  std::string body;
};

std::optional<Answer> unreachable(const std::string& why) {
  std::fprintf(stderr, "triggerd: no daemon answers: %s\n", why.c_str());
  return std::nullopt;
}

// One request on one connection, which the daemon closes. Nothing where it does not answer; that was said.
std::optional<Answer> ask(const config::Admin& admin, const std::string& head, const std::string& body) {
  boost::system::error_code error;
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  const auto where = resolver.resolve(admin.host, std::to_string(admin.port), error);
  tcp::socket socket(context);
  if (!error) boost::asio::connect(socket, where, error);
  if (error) return unreachable(admin.host + ":" + std::to_string(admin.port) + ": " + error.message());
  const std::string key = admin.key.empty() ? "" : "x-functions-key: " + admin.key.reveal() + "\r\n";
  boost::asio::write(socket,
                     boost::asio::buffer(head + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                                         key + "Content-Type: application/json\r\nContent-Length: " +
                                         std::to_string(body.size()) + "\r\n\r\n" + body),
                     error);
  std::string text;
  if (!error) boost::asio::read(socket, boost::asio::dynamic_buffer(text), error);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) return unreachable(error.message());
  return Answer{static_cast<unsigned>(std::strtoul(text.c_str() + 9, nullptr, 10)), text.substr(end + 4)};
}

struct Counts {
  std::int64_t skipped = 0, refused = 0;
};

// A trigger that has just started is not told of yet, for a quarter of a second.
std::optional<Counts> counts(const config::Admin& admin, const std::string& trigger) {
  for (const auto end = std::chrono::steady_clock::now() + kStartPatience;;) {
    const auto answer = ask(admin, "GET /api/triggers/" + trigger, "");
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
