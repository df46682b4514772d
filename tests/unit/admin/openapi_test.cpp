#include "admin/openapi.hpp"

#include <set>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "admin/routes.hpp"

namespace triggerd::admin {
namespace {

namespace json = boost::json;

// What a line says: "GET /healthz", and "with key" where one is asked for.
std::set<std::string> served() {
  std::set<std::string> lines;
  for (const KnownRoute& route : known_routes()) {
    const std::string end = " " + route.path;
    if (route.get) lines.insert("get" + end + (route.key ? " with key" : ""));
    if (route.post) lines.insert("post" + end + (route.key ? " with key" : ""));
  }
  return lines;
}

TEST(OpenApi, NamesEachRouteAndNoOther) {
  const json::value document = json::parse(openapi_document("1.2.3"));
  EXPECT_EQ(document.at("info").at("version").as_string(), "1.2.3");
  std::set<std::string> lines;
  for (const auto& [path, item] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : item.as_object()) {
      if (method == "parameters") continue;
      const bool key = operation.as_object().contains("security");
      lines.insert(std::string(method) + " " + std::string(path) + (key ? " with key" : ""));
      EXPECT_FALSE(operation.at("summary").as_string().empty()) << path;
    }
  }
  EXPECT_EQ(lines, served());
}

void check_references(const json::value& document, const json::value& value) {
  if (const json::array* array = value.if_array())
    for (const json::value& item : *array) check_references(document, item);
  const json::object* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [key, member] : *object) {
    if (key != "$ref") {
      check_references(document, member);
      continue;
    }
    boost::system::error_code missing;
    document.find_pointer(std::string(member.as_string()).substr(1), missing);
    EXPECT_FALSE(missing) << member;
  }
}

TEST(OpenApi, EveryReferenceIsThere) {
  const json::value document = json::parse(openapi_document("1.2.3"));
  check_references(document, document);
}

}  // namespace
}  // namespace triggerd::admin
