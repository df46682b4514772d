#include "payload/base64.hpp"

#include <gtest/gtest.h>

namespace triggerd::payload {
namespace {

std::string base64(std::string_view bytes) {
  std::string out = ">";
  append_base64(out, bytes);
  return out.substr(1);
}

TEST(Base64, Rfc4648Vectors) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"},
                                                      {"python", "cHl0aG9u"}};
  for (const auto& [bytes, text] : rows) EXPECT_EQ(base64(bytes), text);
  EXPECT_EQ(base64(std::string_view("\0\xff\xfe", 3)), "AP/+");
}

}  // namespace
}  // namespace triggerd::payload
