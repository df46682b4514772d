// What goes in and out of the admin listener's pages, and what they share. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace triggerd::admin {

struct Request {
  std::string method;  // as sent
  std::string target;  // path and query, as sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer = {};   // who asks: an address, a user or a certificate's subject
  bool from_afar = false;  // came by an address that other machines reach
};

// A body that is made while it is sent: each call appends the next piece; false: that was the last.
using Pieces = std::function<bool(std::string& piece)>;

struct Response {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // all but Content-Length and Connection
  std::string body;                                          // of the GET; HEAD sends its length only
  Pieces pieces = {};  // in place of `body`: its length is not known, so it goes out in chunks
  bool act = false;    // something was asked for that a person may want to find in the log
};

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kText = "text/plain; charset=utf-8";

// With every header that forbids what a browser could be tricked into.
Response response(unsigned status, std::string_view type, std::string body);
// Makes all of the body now: for who takes no chunks.
void gather(Response& response);
// Also for what is wrong before there is a request: 400, 413, 431.
Response error_response(unsigned status, std::string_view code, std::string_view message);

std::string_view path_of(const Request& request);
std::string_view header_of(const Request& request, std::string_view name);  // empty: there is none
std::optional<std::string> percent_decoded(std::string_view text);          // nullopt: a broken escape
// Of ?name=value; decoded.
std::optional<std::string> query_of(const Request& request, std::string_view name);

// The request carries the key. Takes as long for a wrong one as for the right one.
bool carries_key(const Request& request, const std::string& key);

}  // namespace triggerd::admin
