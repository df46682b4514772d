#include "config/diagnostic.hpp"

#include <gtest/gtest.h>

namespace triggerd::config {
namespace {

using Severity = Diagnostic::Severity;

TEST(Diagnostic, Text) {
  EXPECT_EQ(to_string(Diagnostic{Severity::error, {"f.yaml", 3, 5}, "triggers.a", "is required"}),
            "f.yaml:3:5: triggers.a: is required");
  EXPECT_EQ(to_string(Diagnostic{Severity::warning, {"f.yaml", 3, 5}, "a", "odd"}),
            "f.yaml:3:5: a: warning: odd");
  EXPECT_EQ(to_string(Diagnostic{Severity::error, {"f.yaml", 0, 0}, "", "is empty"}), "f.yaml: is empty");
}

TEST(Diagnostic, SortedAsOneMendsThem) {
  std::vector<Diagnostic> list{
      {Severity::error, {"b", 1, 1}, "", "5"},    {Severity::error, {"a", 10, 1}, "", "4"},
      {Severity::error, {"a", 2, 9}, "", "3"},    {Severity::error, {"a", 2, 1}, "y", "2"},
      {Severity::warning, {"a", 2, 1}, "x", "1"}, {Severity::error, {"a", 2, 9}, "", "3"}};
  sort(list);
  std::string order;
  for (const Diagnostic& diagnostic : list) order += diagnostic.message;
  EXPECT_EQ(order, "12345") << "the same finding twice is one";
}

TEST(Diagnostic, QuotedTextIsSafeAndShort) {
  EXPECT_EQ(in_quotes("plain"), "\"plain\"");
  EXPECT_EQ(in_quotes("a\"b\\c\nd\x01\x7f\x1b[31m"), "\"a\\\"b\\\\c\\nd\\x01\\x7f\\x1b[31m\"");
  EXPECT_EQ(in_quotes(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), "\"" + std::string(80, 'x') + "…\"");
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "éé"), "\"" + std::string(79, 'x') + "…\"")
      << "not within a character";
}

TEST(Diagnostic, PathsStayReadable) {
  EXPECT_EQ(join_path("", "triggers"), "triggers");
  EXPECT_EQ(join_path("triggers", "orders.v2"), "triggers.orders.v2");
  EXPECT_EQ(join_path("triggers", "a b"), "triggers.\"a b\"");
  EXPECT_EQ(join_path("triggers", ""), "triggers.\"\"");
}

TEST(Findings, KnowWhereErrorsAre) {
  Findings findings;
  findings.warning({"f", 1, 1}, "a.warned", "w");
  findings.error({"f", 1, 1}, "a.b.c", "e");
  findings.error({"f", 1, 1}, "a.list[2]", "e");
  for (const char* path : {"a.b.c", "a.b", "a", "a.list", "a.list[2]"})
    EXPECT_TRUE(findings.failed(path)) << path;
  for (const char* path : {"a.b.c.d", "a.bb", "a.warned", "a.l", "b", "a.list[1]"})
    EXPECT_FALSE(findings.failed(path)) << path;
  EXPECT_TRUE(findings.failed_at("a.b.c"));
  EXPECT_FALSE(findings.failed_at("a.b"));
}

TEST(Findings, RememberTheFirstPlace) {
  Findings findings;
  findings.saw("a", {"f", 1, 2});
  findings.saw("a", {"f", 3, 4});
  ASSERT_NE(findings.find("a"), nullptr);
  EXPECT_EQ(*findings.find("a"), (Position{"f", 1, 2}));
  EXPECT_EQ(findings.find("b"), nullptr);
}

TEST(Findings, StopListingAtSomePoint) {
  Findings findings;
  for (int i = 0; i < static_cast<int>(Findings::kMost) + 7; ++i) findings.error({"f", i + 1, 1}, "", "bad");
  const std::vector<Diagnostic> list = findings.take();
  ASSERT_EQ(list.size(), Findings::kMost + 1);
  EXPECT_EQ(to_string(list.back()), "f: and 7 more");
}

}  // namespace
}  // namespace triggerd::config
