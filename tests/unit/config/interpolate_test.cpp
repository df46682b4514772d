#include "config/interpolate.hpp"

#include <gtest/gtest.h>

#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

World world() {
  return {{{"/etc/t/secret", "hunter2\n"},
           {"/etc/t/two", "a\n\n"},
           {"/etc/t/windows", "a\r\n"},
           {"/etc/t/return", "a\r"},
           {"/etc/t/none", ""},
           {"/etc/t/reference", "${env:NAME}"},
           {"/run/absolute", "abs"}},
          {{"NAME", "value"}, {"_n2", "x"}, {"EMPTY", ""}, {"REFERENCE", "${env:NAME}"}}};
}

TEST(Interpolate, Table) {
  struct Row {
    const char* scalar;
    const char* text;
    bool referred = true;
  };
  const World w = world();
  for (const Row& row : std::vector<Row>{{"", "", false},
                                         {"plain", "plain", false},
                                         {"a$b $ $$ $", "a$b $ $$ $", false},
                                         {"{env:NAME}", "{env:NAME}", false},
                                         {"$${env:NAME}", "${env:NAME}", false},
                                         {"$$${env:NAME}", "$${env:NAME}", false},
                                         {"${env:NAME}", "value"},
                                         {"<${env:NAME}|${env:_n2}>", "<value|x>"},
                                         {"${env:EMPTY}", ""},
                                         {"${env:EMPTY:-other}", "other"},
                                         {"${env:ABSENT:-other}", "other"},
                                         {"${env:ABSENT:-}", ""},
                                         {"${env:ABSENT:-a:-b$c}", "a:-b$c"},
                                         {"${env:NAME:-other}", "value"},
                                         {"${env:REFERENCE}", "${env:NAME}"},
                                         {"${file:secret}", "hunter2"},
                                         {"${file:/run/absolute}", "abs"},
                                         {"${file:two}", "a\n"},
                                         {"${file:windows}", "a"},
                                         {"${file:return}", "a\r"},
                                         {"${file:none}", ""},
                                         {"${file:reference}", "${env:NAME}"}}) {
    const auto result = interpolate(row.scalar, "/etc/t/fleet.yaml", w.sources());
    ASSERT_TRUE(result) << row.scalar << ": " << result.error().message;
    EXPECT_EQ(result->text, row.text) << row.scalar;
    EXPECT_EQ(result->referred, row.referred) << row.scalar;
  }
}

TEST(Interpolate, Refuses) {
  struct Row {
    const char* scalar;
    const char* message;
  };
  const std::string kHow =
      "is no reference: write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}, or $${ for a plain ${";
  const World w = world();
  for (const Row& row :
       std::vector<Row>{{"${env:ABSENT}", "the environment variable ABSENT is not set"},
                        {"${env:}", "\"\" is not the name of a variable"},
                        {"${env:1A}", "\"1A\" is not the name of a variable"},
                        {"${env:A B}", "\"A B\" is not the name of a variable"},
                        {"${env:A=B:-x}", "\"A=B\" is not the name of a variable"},
                        {"${file:}", "${file:} names no file"},
                        {"${file:absent}", "cannot read /etc/t/absent: No such file or directory"},
                        {"x ${env:NAME", "\"${env:NAME\" lacks its closing }"}}) {
    const auto result = interpolate(row.scalar, "/etc/t/fleet.yaml", w.sources());
    ASSERT_FALSE(result) << row.scalar;
    EXPECT_EQ(result.error().message, row.message);
  }
  for (const char* scalar : {"${HOME}", "${}", "${ENV:NAME}", "${env}", "${ env:NAME}"})
    EXPECT_NE(interpolate(scalar, "f", w.sources()).error().message.find(kHow), std::string::npos) << scalar;
}

TEST(Interpolate, RelativePaths) {
  EXPECT_EQ(relative_to("/etc/t/fleet.yaml", "x/y"), "/etc/t/x/y");
  EXPECT_EQ(relative_to("/etc/t/fleet.yaml", "/x"), "/x");
  EXPECT_EQ(relative_to("fleet.yaml", "x"), "x");
  EXPECT_EQ(relative_to("dir/fleet.yaml", "../x"), "dir/../x");
  EXPECT_EQ(relative_to("/fleet.yaml", "x"), "/x");
}

}  // namespace
}  // namespace triggerd::config
