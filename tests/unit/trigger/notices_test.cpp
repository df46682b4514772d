#include "trigger/notices.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/log.hpp"

namespace triggerd::trigger {
namespace {

using namespace std::chrono_literals;

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

pipeline::Notice failure(std::int64_t offset) {
  return {.kind = pipeline::Notice::Kind::record_failed,
          .source = {Topic("t"), Partition{1}},
          .offset = Offset{offset},
          .attempt = 2,
          .delay = 400ms,
          .text = "ValueError: no"};
}

class NoticesTest : public testing::Test {
 protected:
  void SetUp() override { log::configure(log::Level::info, log::Format::logfmt); }
  Notices notices_{"orders"};
  TimePoint now_{1h};
};

TEST_F(NoticesTest, AFailureNamesTheRecordAndWhenItComesAgain) {
  testing::internal::CaptureStderr();
  notices_.write(failure(17), now_);
  EXPECT_NE(testing::internal::GetCapturedStderr().find(
                "level=warn event=record_failed trigger=orders partition=t[1] offset=17 "
                "attempt=2 retry_in_ms=400 reason=\"ValueError: no\""),
            std::string::npos);
}

TEST_F(NoticesTest, FailuresAreLimitedAndTheRestIsCounted) {
  testing::internal::CaptureStderr();
  for (int i = 0; i < 100; ++i) notices_.write(failure(i), now_);
  EXPECT_EQ(lines(testing::internal::GetCapturedStderr()), 10U);

  testing::internal::CaptureStderr();
  notices_.write(failure(100), now_ + 1s);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines(text), 2U);
  EXPECT_NE(text.find("event=record_failures_not_logged trigger=orders count=90"), std::string::npos);
}

TEST_F(NoticesTest, ABlockedLaneIsAlwaysLogged) {
  testing::internal::CaptureStderr();
  for (int i = 0; i < 50; ++i) {
    pipeline::Notice notice = failure(i);
    notice.kind = pipeline::Notice::Kind::lane_blocked;
    notices_.write(notice, now_);
  }
  EXPECT_EQ(lines(testing::internal::GetCapturedStderr()), 50U);
}

TEST_F(NoticesTest, AssignmentsNameWhereReadingBegins) {
  testing::internal::CaptureStderr();
  notices_.assigned({{{{Topic("t"), Partition{0}}, Offset{5}, Offset{5}},
                      {{Topic("t"), Partition{1}}, Offset{0}, std::nullopt}}});
  EXPECT_NE(testing::internal::GetCapturedStderr().find(
                "event=partitions_assigned trigger=orders count=2 partitions=t[0]@5,t[1]@0"),
            std::string::npos);
}

}  // namespace
}  // namespace triggerd::trigger
