#include "wire/json_parse.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include <boost/json/parse.hpp>

#include "wire/layout.hpp"
#include "wire/text.hpp"

namespace triggerd::wire {

namespace {

namespace json = boost::json;

constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMax63 = std::numeric_limits<std::int64_t>::max();

// Reads the members of one frame's object. The first broken rule is kept; reading goes on with empty values.
class Members {
 public:
  Members(const char* frame, std::string_view payload) : frame_(frame) {
    json::parse_options options;
    options.max_depth = 8;
    json::error_code error;
    json::value root = json::parse(payload, error, {}, options);
    if (error) {
      fail("the payload is not JSON: " + error.message());
    } else if (!root.is_object()) {
      fail("the payload must be a JSON object");
    } else {
      root_ = std::move(root.get_object());
    }
  }

  std::string text(const char* name) {
    const json::value* member = find(root_, name, name);
    if (member == nullptr) return {};
    if (!member->is_string()) return fail(std::string(name) + " must be a string"), std::string();
    return std::string(member->get_string());
  }
  std::string text(const char* name, std::initializer_list<std::string_view> allowed) {
    std::string value = text(name);
    if (problem_.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
      fail(std::string(name) + " has an unknown value");
    }
    return value;
  }
  std::uint64_t number(const char* name, std::uint64_t least, std::uint64_t most) {
    return number(root_, name, name, least, most);
  }
  // Member `inner` of object `outer`.
  std::uint64_t number(const char* outer, const char* inner, std::uint64_t least, std::uint64_t most) {
    const json::value* object = find(root_, outer, outer);
    if (object == nullptr) return least;
    if (!object->is_object()) return fail(std::string(outer) + " must be an object"), least;
    return number(object->get_object(), inner, std::string(outer) + "." + inner, least, most);
  }
  std::uint32_t number32(const char* name, std::uint64_t least, std::uint64_t most = kMax32) {
    return static_cast<std::uint32_t>(number(name, least, most));
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    const json::value* member = find(root_, name, name);
    if (member == nullptr) return out;
    const bool strings =
        member->is_array() && std::all_of(member->get_array().begin(), member->get_array().end(),
                                          [](const json::value& item) { return item.is_string(); });
    if (!strings) return fail(std::string(name) + " must be a list of strings"), out;
    for (const json::value& item : member->get_array()) out.emplace_back(item.get_string());
    return out;
  }

  bool has(const char* name) const { return root_.contains(name); }
  // A count, or -1.
  std::int64_t count_or_endless(const char* name) {
    const json::value* member = find(root_, name, name);
    if (member != nullptr && member->is_int64() && member->get_int64() == -1) return -1;
    return static_cast<std::int64_t>(number(name, 0, kMax63));
  }

  void fail(const std::string& problem) {
    if (problem_.empty()) problem_ = std::string(frame_) + ": " + problem;
  }
  template <typename T>
  Result<T> done(T value) {
    if (!problem_.empty()) return Error{"frame_malformed", problem_};
    return value;
  }

 private:
  const json::value* find(const json::object& object, const char* name, const std::string& path) {
    const json::value* member = object.if_contains(name);
    if (member == nullptr) fail(path + " is missing");
    return member;
  }
  std::uint64_t number(const json::object& object, const char* name, const std::string& path,
                       std::uint64_t least, std::uint64_t most) {
    const json::value* member = find(object, name, path);
    if (member == nullptr) return least;
    const bool positive = member->is_uint64() || (member->is_int64() && member->get_int64() >= 0);
    const std::uint64_t value = !positive             ? 0
                                : member->is_uint64() ? member->get_uint64()
                                                      : static_cast<std::uint64_t>(member->get_int64());
    if (positive && value >= least && value <= most) return value;
    fail(path + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return least;
  }

  const char* frame_;
  json::object root_;
  std::string problem_;
};

}  // namespace

Result<Hello> parse_hello(std::string_view payload) {
  Members members("hello", payload);
  Hello hello;
  hello.protocol_min = static_cast<std::uint32_t>(members.number("protocol", "min", 1, kMax32));
  hello.protocol_max = static_cast<std::uint32_t>(members.number("protocol", "max", 1, kMax32));
  if (hello.protocol_max < hello.protocol_min) members.fail("protocol.max must not be below protocol.min");
  hello.sdk = members.text("sdk");
  hello.pid = static_cast<std::int64_t>(members.number("pid", 0, kMax63));
  hello.concurrency = members.number32("concurrency", 1, 65536);
  hello.credit.records = static_cast<std::uint32_t>(members.number("credit", "records", 1, kMax32));
  hello.credit.bytes = members.number("credit", "bytes", 1, kMax63);
  hello.features = members.texts("features");
  return members.done(std::move(hello));
}

Result<Welcome> parse_welcome(std::string_view payload) {
  Members members("welcome", payload);
  Welcome welcome;
  welcome.protocol = members.number32("protocol", 1);
  welcome.daemon = members.text("daemon");
  welcome.trigger = members.text("trigger");
  welcome.group = members.text("group");
  welcome.worker = members.number32("worker", 0);
  welcome.cardinality = members.text("cardinality", {"one", "many"});
  welcome.data_type = members.text("dataType", {"string", "binary"});
  welcome.ordering = members.text("ordering", {"partition", "key", "none"});
  welcome.max_batch_size = members.number32("maxBatchSize", 1);
  welcome.timeout_ms = members.number("timeoutMs", 1, kMax63);
  welcome.features = members.texts("features");
  if (members.has("payload") && members.text("payload", {"azure"}) == "azure") {
    welcome.azure = {members.text("keyDataType", {"string", "int", "long", "binary"}),
                     members.count_or_endless("maxRetryCount"), members.texts("outputs")};
  }
  return members.done(std::move(welcome));
}

Result<Log> parse_log(std::string_view payload) {
  Members members("log", payload);
  Log log{members.text("level", {"debug", "info", "warn", "error"}), members.text("message")};
  log.message = clean_text(log.message, kMaxTextBytes);
  return members.done(std::move(log));
}

Result<Bye> parse_bye(std::string_view payload) {
  Members members("bye", payload);
  Bye bye{members.text("code"), members.text("message")};
  bye.message = clean_text(bye.message, kMaxTextBytes);
  return members.done(std::move(bye));
}

}  // namespace triggerd::wire
