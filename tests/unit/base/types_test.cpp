#include "base/types.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/result.hpp"

namespace triggerd {
namespace {

TEST(TopicPartition, OrdersByTopicThenPartition) {
  const Topic a("a");
  const Topic b("b");
  const std::set<TopicPartition> set{
      {b, Partition{0}}, {a, Partition{2}}, {a, Partition{1}}, {Topic("a"), Partition{1}}};
  std::string order;
  for (const TopicPartition& tp : set) order += to_string(tp) + " ";
  EXPECT_EQ(order, "a[1] a[2] b[0] ");
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error{"odd", "odd number"};
  return n / 2;
}
Result<int> quarter(int n) {
  TRY(const int h, half(n));
  return half(h);
}

TEST(Result, TryPassesTheFirstErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().code, "odd");
  EXPECT_EQ(in_context("six", quarter(6).error()).message, "six: odd number");
}

}  // namespace
}  // namespace triggerd
