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
  EXPECT_NE(text.find("event=records_not_logged trigger=orders count=90"), std::string::npos);
}

// What there is of each record is limited; what somebody did or the trigger as a whole has to say is not.
TEST_F(NoticesTest, KindsThatComePerRecordAreLimited) {
  using Kind = pipeline::Notice::Kind;
  const auto logged = [this](Kind kind) {
    testing::internal::CaptureStderr();
    now_ += 2s;
    for (int i = 0; i < 50; ++i) {
      pipeline::Notice notice = failure(i);
      notice.kind = kind;
      notices_.write(notice, now_);
    }
    const std::string text = testing::internal::GetCapturedStderr();
    return lines(text) - (text.find("records_not_logged") == std::string::npos ? 0 : 1);
  };
  for (const Kind kind : {Kind::record_failed, Kind::record_dropped, Kind::lane_blocked, Kind::lane_stuck,
                          Kind::dead_letter_failed, Kind::record_refused})
    EXPECT_EQ(logged(kind), 10U) << static_cast<int>(kind);
  for (const Kind kind :
       {Kind::record_skipped, Kind::skip_refused, Kind::commit_failed, Kind::progress_ignored,
        Kind::progress_full, Kind::revoke_timed_out, Kind::attempt_timed_out})
    EXPECT_EQ(logged(kind), 50U) << static_cast<int>(kind);
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
