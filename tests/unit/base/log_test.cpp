#include "base/log.hpp"

#include <gtest/gtest.h>

namespace triggerd::log {
namespace {

TEST(LogLine, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(
      format_line(
          Format::logfmt, Level::info, "worker_lost",
          {{"trigger", "orders"}, {"reason", "exit status 1"}, {"pid", 42}, {"ratio", 0.5}, {"ok", true}}),
      "level=info event=worker_lost trigger=orders reason=\"exit status 1\" pid=42 ratio=0.5 ok=true");
}

TEST(LogLine, ValuesCannotForgeALineOrAField) {
  EXPECT_EQ(format_line(Format::logfmt, Level::warn, "x",
                        {{"a", "1 b=2"}, {"c", "x\ny"}, {"d", ""}, {"e", "\x1b[2J"}}),
            "level=warn event=x a=\"1 b=2\" c=\"x\\ny\" d=\"\" e=\"\\u001b[2J\"");
}

TEST(LogLine, Json) {
  EXPECT_EQ(format_line(Format::json, Level::error, "x", {{"text", "say \"hi\""}, {"n", -1}}),
            R"({"level":"error","event":"x","text":"say \"hi\"","n":-1})");
}

}  // namespace
}  // namespace triggerd::log
