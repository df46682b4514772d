#include "config/suggest.hpp"

#include <gtest/gtest.h>

namespace triggerd::config {
namespace {

TEST(Suggest, EditDistance) {
  struct Row {
    const char *a, *b;
    std::size_t distance;
  };
  for (const Row& row : std::vector<Row>{{"", "", 0},
                                         {"", "abc", 3},
                                         {"abc", "", 3},
                                         {"topic", "topic", 0},
                                         {"topic", "TOPIC", 0},
                                         {"topics", "topic", 1},
                                         {"tpoic", "topic", 1},
                                         {"topik", "topic", 1},
                                         {"kitten", "sitting", 3},
                                         {"ca", "abc", 3}}) {
    EXPECT_EQ(edit_distance(row.a, row.b), row.distance) << row.a << " " << row.b;
    EXPECT_EQ(edit_distance(row.b, row.a), row.distance) << row.b << " " << row.a;
  }
}

TEST(Suggest, OnlyWhatIsNear) {
  const std::vector<std::string_view> known{"topic", "maxBatchSize", "maxBatchWait", "env", "min", "max"};
  struct Row {
    const char *word, *meant;
  };
  for (const Row& row : std::vector<Row>{{"topics", "topic"},
                                         {"maxBatchsize", "maxBatchSize"},
                                         {"batchSize", "maxBatchSize"},
                                         {"max_batch_wait", "maxBatchWait"},
                                         {"evn", "env"},
                                         {"mx", "max"},
                                         {"colour", ""},
                                         {"e", ""},
                                         {"", ""}})
    EXPECT_EQ(nearest(row.word, known), row.meant) << row.word;
}

TEST(Suggest, TheNearestNotTheFirst) {
  EXPECT_EQ(nearest("maxBatchWai", {"maxBatchSize", "maxBatchWait"}), "maxBatchWait");
  EXPECT_EQ(nearest("aab", {"aaa", "aaab"}), "aaa") << "of two as near, the first";
}

TEST(Suggest, NothingLongIsCompared) {
  const std::string longest(64, 'x');
  EXPECT_EQ(nearest(longest, {longest}), longest);
  EXPECT_EQ(nearest(longest + "x", {longest}), "");
}

TEST(Suggest, Sentence) {
  EXPECT_EQ(did_you_mean("topics", {"topic"}), ", did you mean \"topic\"?");
  EXPECT_EQ(did_you_mean("colour", {"topic"}), "");
  EXPECT_EQ(did_you_mean("colour", {}), "");
}

}  // namespace
}  // namespace triggerd::config
