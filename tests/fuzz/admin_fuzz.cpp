// A request of any bytes to the admin listener, as its HTTP parser would hand it on: it is answered, what is
// JSON is whole, and only who has the key changes anything or is told of triggers from afar.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "admin/routes.hpp"

namespace triggerd::admin {
namespace {

constexpr const char* kKey = "sixteen-letters-x";
constexpr const char* kTold = R"({"trigger":"orders"})";

void require(bool holds) {
  if (!holds) std::abort();
}

// METHOD TARGET, lines of NAME: VALUE, an empty line, the body. The first byte says whence it comes.
Request request_of(std::string_view input) {
  const auto line = [&input] {
    const std::string_view found = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(found.size() + 1, input.size()));
    return found;
  };
  Request request;
  const std::string_view first = line();
  const std::size_t blank = std::min(first.find(' '), first.size());
  request.method = first.substr(0, blank);
  request.target = first.substr(std::min(blank + 1, first.size()));
  for (std::string_view header = line(); !header.empty(); header = line()) {
    const std::size_t colon = std::min(header.find(": "), header.size());
    request.headers.emplace_back(header.substr(0, colon), header.substr(std::min(colon + 2, header.size())));
  }
  request.body = input;
  return request;
}

View view_with(std::string key, bool& changed) {
  View view;
  view.version = "0";
  view.not_ready = {"orders: has not joined"};
  view.metrics = [] {
    return admin::Pieces([](std::string& piece) {
      piece += "triggerd_build_info 1\n";
      return false;
    });
  };
  view.triggers = view.targets = view.decisions = {{"orders", [] { return std::string(kTold); }}};
  view.skip = [&](const SkipRequest& skip) {
    require(!skip.topic.empty() && !skip.by.empty() && skip.partition >= 0 && skip.offset >= 0);
    return changed = true;
  };
  view.scale = [&](const ScaleRequest& scale) {
    require(!scale.by.empty());
    return changed = true;
  };
  view.key = std::move(key);
  view.host.state = HostView::State::running;
  view.host.drain = view.host.resume = [&] { changed = true; };
  view.host.scale_status = [](std::int64_t workers) {
    require(workers >= 0);
    return HostScaleStatus{1, 3, {{"a", 1}}, {{"orders", 3}}};
  };
  return view;
}

void check(const Request& request, const std::string& key) {
  bool changed = false;
  const Response answer = route(request, view_with(key, changed));
  require(answer.status >= 200 && answer.status < 600);
  for (const auto& [name, value] : answer.headers) {
    require(value.find_first_of("\r\n") == std::string::npos);
    if (name == "Content-Type" && value == kJson) boost::json::parse(answer.body);
  }
  if (changed) require(request.method == "POST" && answer.act && carries_key(request, key));
  if (request.from_afar && answer.body.find("orders") != std::string::npos)
    require(carries_key(request, key));
}

}  // namespace
}  // namespace triggerd::admin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace triggerd::admin;
  if (size == 0) return 0;
  Request request = request_of({reinterpret_cast<const char*>(data) + 1, size - 1});
  request.from_afar = (data[0] & 1) != 0;
  check(request, (data[0] & 2) != 0 ? kKey : "");
  return 0;
}
