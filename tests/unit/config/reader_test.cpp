#include "config/reader.hpp"

#include <gtest/gtest.h>

#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

std::string at(const Mark& mark) { return std::to_string(mark.line) + ":" + std::to_string(mark.column); }

// The whole tree on one line, each key and item with its place.
std::string dump(const NodePtr& node) {
  if (!node) return "(none)";
  std::string text;
  switch (node->kind) {
    case Node::Kind::null: return "~";
    case Node::Kind::scalar: return "'" + node->text + "'";
    case Node::Kind::sequence:
      for (const Item& item : node->items)
        text += (text.empty() ? "" : " ") + at(item.mark) + "=" + dump(item.value);
      return "[" + text + "]";
    case Node::Kind::map:
      for (const Entry& entry : node->entries)
        text += (text.empty() ? "" : " ") + entry.key + "@" + at(entry.mark) + "=" + dump(entry.value);
      return "{" + text + "}";
  }
  return text;
}

struct Outcome {
  std::string tree;
  std::string problems;
};
Outcome read_text(const std::string& text, const ReadLimits& limits = {}) {
  Findings findings;
  const NodePtr root = read("f", text, findings, limits);
  return {dump(root), lines(findings.take())};
}

TEST(Reader, KeysAndItemsKeepTheirPlaces) {
  struct Row {
    const char *text, *tree;
  };
  for (const Row& row : std::vector<Row>{
           {"a: 1\nb:\n  c: x\n  d: [y, {e: z}]\n",
            "{a@1:1='1' b@2:1={c@3:3='x' d@4:3=[4:7='y' 4:10={e@4:11='z'}]}}"},
           {"a:\n- x\n- - y\n", "{a@1:1=[2:3='x' 3:3=[3:5='y']]}"},
           {"# c\n\n  a: 1", "{a@3:3='1'}"},
           {"'a b': \"c\\td\"\n", "{a b@1:1='c\td'}"},
           {"a:\nb: ~\nc: null\nd: \"null\"\ne: ''\n", "{a@1:1=~ b@2:1=~ c@3:1=~ d@4:1='null' e@5:1=''}"},
           {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a@1:1='x\ny\n' b@4:1='x y'}"},
           {"a: |+\n  x\n\n", "{a@1:1='x\n\n'}"},
           {"a: 017\nb: yes\nc: 0x1F\nd: 1_000\n", "{a@1:1='017' b@2:1='yes' c@3:1='0x1F' d@4:1='1_000'}"},
           {"é: ü\nb: [ü, x]\n", "{é@1:1='ü' b@2:1=[2:5='ü' 2:9='x']}"},
           {"a: 1\r\nb: 2\r\n", "{a@1:1='1' b@2:1='2'}"},
           {"\xef\xbb\xbf"
            "a: 1\n",
            "{a@1:1='1'}"},
           {"%YAML 1.2\n---\na: 1\n...\n", "{a@3:1='1'}"},
           {"? a\n: b\n", "{a@1:3='b'}"},
           {"a: ${env:X}\n", "{a@1:1='${env:X}'}"},
           {"[]", "[]"},
           {"{}", "{}"},
           {"x", "'x'"},
           {"", "(none)"},
           {"\n\n", "(none)"},
           {"# only words\n", "(none)"},
           {"---\n", "(none)"},
           {"~", "(none)"}}) {
    const Outcome outcome = read_text(row.text);
    EXPECT_EQ(outcome.tree, row.tree) << row.text;
    EXPECT_EQ(outcome.problems, "") << row.text;
  }
}

// yaml-cpp's own tree gives an alias its anchor's place.
TEST(Reader, AliasesShareTheNodeAndKeepTheirOwnPlace) {
  Findings findings;
  const NodePtr root = read("f", "a: &x [1, 2]\nb: *x\nc:\n  - *x\n", findings);
  EXPECT_EQ(dump(root), "{a@1:1=[1:8='1' 1:11='2'] b@2:1=[1:8='1' 1:11='2'] c@3:1=[4:5=[1:8='1' 1:11='2']]}");
  EXPECT_EQ(root->entries[0].value, root->entries[1].value);
  EXPECT_EQ(root->weight, 11u) << "the list counts each time: 1 + 3 + 3 + (1 + 3)";
}

TEST(Reader, AnAnchorMayBeNamedAgain) {
  EXPECT_EQ(read_text("a: &x 1\nb: &x 2\nc: *x\n").tree, "{a@1:1='1' b@2:1='2' c@3:1='2'}");
}

TEST(Reader, DuplicateKeysNameBothPlacesAndTheFirstStays) {
  const Outcome outcome = read_text("a: 1\nb: {c: 1, d: 2, c: [3, {x: 1, x: 2}]}\na: {e: 1}\n");
  EXPECT_EQ(outcome.tree, "{a@1:1='1' b@2:1={c@2:5='1' d@2:11='2'}}");
  EXPECT_EQ(outcome.problems,
            "f:2:17: b: duplicate key \"c\", first at f:2:5\n"
            "f:2:31: b.c[1]: duplicate key \"x\", first at f:2:25\n"
            "f:3:1: duplicate key \"a\", first at f:1:1\n");
}

TEST(Reader, TheSameKeyInTwoMapsIsNoDuplicate) {
  EXPECT_EQ(read_text("a: {x: 1}\nb: {x: 1, y: {x: 1}}\n").problems, "");
}

TEST(Reader, Limits) {
  struct Row {
    const char* text;
    ReadLimits limits;
    const char* problem;
  };
  for (const Row& row : std::vector<Row>{
           {"a: [b, c]", {.bytes = 9}, ""},
           {"a: [b, c]", {.bytes = 8}, "f: larger than 8 bytes\n"},
           {"a: [[x]]", {.depth = 3}, ""},
           {"a: [[x]]", {.depth = 2}, "f:1:5: a[0]: nested deeper than 2 levels\n"},
           {"a: {b: {c: 1}}", {.depth = 2}, "f:1:8: a.b: nested deeper than 2 levels\n"},
           {"a: [b, c]", {.nodes = 4}, ""},
           {"a: [b, c]", {.nodes = 3}, "f:1:4: a: more than 3 values, aliases counted in full\n"},
           {"a: &x 1\nb: [*x, *x]", {.aliases = 2}, ""},
           {"a: &x 1\nb: [*x, *x]", {.aliases = 1}, "f:2:9: b[1]: more than 1 aliases\n"},
           {"a: &x [1, 1]\nb: *x\nc: *x\n", {.nodes = 10}, ""},
           {"a: &x [1, 1]\nb: *x\nc: *x\n",
            {.nodes = 9},
            "f:3:4: c: more than 9 values, aliases counted in full\n"}})
    EXPECT_EQ(read_text(row.text, row.limits).problems, row.problem) << row.text;
}

TEST(Reader, ManyBracketsEndQuickly) {
  for (const std::size_t depth : {1'000u, 100'000u})
    for (const char bracket : {'[', '{'}) {
      const Outcome outcome = read_text("a: " + std::string(depth, bracket));
      EXPECT_EQ(outcome.tree, "(none)");
      EXPECT_NE(outcome.problems, "");
    }
}

TEST(Reader, OnlyUtf8Text) {
  const auto problem = [](const std::string& bytes) { return read_text("a: \"x" + bytes + "\"").problems; };
  for (const char* good : {"é", "€", "😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80", "\t"})
    EXPECT_EQ(problem(good), "") << good;
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    EXPECT_EQ(problem(bad), "f:1:6: not UTF-8 text\n") << bad;
  EXPECT_EQ(problem(std::string(1, '\0')), "f:1:6: a control character\n");
  EXPECT_EQ(problem("\x1b[31m"), "f:1:6: a control character\n");
  EXPECT_EQ(read_text("a: é\nb: é\xff").problems, "f:2:6: not UTF-8 text\n")
      << "columns count bytes, as yaml-cpp does";
}

// yaml-cpp alone takes the end of the file for the closing quote.
TEST(Reader, AQuoteMustBeClosed) {
  for (const char* text : {"a: \"b", "a: \"b\n", "a: 'b\nc: d\n", "a: [\"b]\n"})
    EXPECT_NE(read_text(text).problems.find("a quote is not closed"), std::string::npos) << text;
  EXPECT_EQ(read_text("a: \"b\n  c\"\n").tree, "{a@1:1='b c'}");
}

}  // namespace
}  // namespace triggerd::config
