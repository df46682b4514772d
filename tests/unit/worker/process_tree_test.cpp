#include "worker/process_tree.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace triggerd::worker {
namespace {

const std::string kRest =
    " 28480 17586 0 -1 4194304 99 0 0 0 1 2 3 4 20 0 1 0 121700 3133440 410 18446744073709551615 1";

TEST(ParseStat, FindsItsFieldsWhateverTheProgramIsCalled) {
  const ProcessSample expected{28483, 28470, 28480, 410};
  for (const std::string name : {"cat", "", "a b", "a) R 1 2 3", ") (", "(sd-pam)", "\n"}) {
    EXPECT_EQ(parse_stat("28483 (" + name + ") S 28470" + kRest + "\n"), expected) << name;
  }
}

TEST(ParseStat, RefusesWhatIsNotOne) {
  const std::string whole = "28483 (cat) S 28470" + kRest;
  for (const std::string& text : {std::string(), std::string("cat"), std::string("1"), std::string("1 (cat)"),
                                  std::string("x (cat) S 1"), whole.substr(0, 60)}) {
    EXPECT_EQ(parse_stat(text), std::nullopt) << text;
  }
}

TEST(ParsePss, ReadsKibibytes) {
  const std::string rollup =
      "5633258f7000-7ffc3ca12000 ---p 00000000 00:00 0      [rollup]\nRss:       1776 kB\n"
      "Pss:                 232 kB\nPss_Dirty:           112 kB\n";
  EXPECT_EQ(parse_pss(rollup), 232U << 10);
  EXPECT_EQ(parse_pss("x\nPss: 99999999 kB\n"), 99999999ULL << 10);
  EXPECT_EQ(parse_pss(""), std::nullopt);
  EXPECT_EQ(parse_pss("x\nPss_Dirty: 112 kB\n"), std::nullopt);
  EXPECT_EQ(parse_pss("x\nPss: many"), std::nullopt);
}

std::set<pid_t> pids(const std::vector<ProcessSample>& processes) {
  std::set<pid_t> result;
  for (const ProcessSample& p : processes) result.insert(p.pid);
  EXPECT_EQ(result.size(), processes.size()) << "each once";
  return result;
}

TEST(Family, IsTheGroupAndAllDescendants) {
  const ProcessSample all[] = {
      {1, 0, 1, 1},                     // init
      {9, 60, 60, 1},                   // a grandchild whose number is lower than its parent's
      {10, 1, 10, 1},                   // the daemon
      {20, 10, 20, 1},                  // the worker
      {21, 20, 20, 1},                  // its child
      {22, 21, 20, 1},                  // and grandchild
      {60, 22, 60, 1},                  // in a group of its own
      {23, 1, 20, 1},                   // an orphan of its group
      {24, 23, 24, 1},                  // and what that started
      {30, 10, 30, 1},                  // another worker
      {31, 30, 30, 1}, {40, 1, 40, 1},  // somebody else
  };
  EXPECT_EQ(pids(family(all, 20)), (std::set<pid_t>{20, 21, 22, 60, 9, 23, 24}));
  EXPECT_EQ(pids(family(all, 30)), (std::set<pid_t>{30, 31}));
  EXPECT_TRUE(family(all, 50).empty());
  EXPECT_TRUE(family({}, 20).empty());
}

}  // namespace
}  // namespace triggerd::worker
