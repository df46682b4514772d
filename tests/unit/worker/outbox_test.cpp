#include "worker/outbox.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "unit/worker/batches.hpp"
#include "worker/fd.hpp"

namespace triggerd::worker {
namespace {

constexpr std::size_t kPlenty = 1 << 30;

// A socket that takes little, and the frames that came out of it.
struct Pipe {
  Fd ours, theirs;
  wire::FrameDecoder decoder{wire::kMaxDaemonPayload};
  std::vector<wire::Message> messages;

  Pipe() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
    const int small = 4096;
    setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  }
  // At most `limit` bytes out of the socket; false once it is empty.
  bool read(std::size_t limit) {
    const auto room = decoder.prepare();
    const ssize_t got = recv(theirs.get(), room.data(), std::min(limit, room.size()), MSG_DONTWAIT);
    if (got <= 0) return false;
    decoder.commit(static_cast<std::size_t>(got));
    for (auto frame = decoder.next(); frame.value(); frame = decoder.next()) {
      messages.push_back(wire::parse(**frame).value());
    }
    return true;
  }
};

TEST(Outbox, SmallFramesOfOneTurnLeaveInOneWrite) {
  Pipe pipe;
  Outbox outbox;
  for (std::uint64_t i = 0; i < 5; ++i) outbox.add(wire::Ping{i});
  EXPECT_EQ(outbox.size(), 5 * wire::kFrameHeaderBytes);
  EXPECT_EQ(outbox.flush(pipe.ours.get(), kPlenty), Outbox::Progress::empty);
  EXPECT_EQ(outbox.size(), 0U);
  EXPECT_TRUE(pipe.read(5 * wire::kFrameHeaderBytes));
  ASSERT_EQ(pipe.messages.size(), 5U);
  EXPECT_EQ(std::get<wire::Ping>(pipe.messages[4]).id, 4U);
}

TEST(Outbox, KeepsTheOrderOfFramesAndBatches) {
  Pipe pipe;
  Outbox outbox;
  outbox.add(wire::Ping{1});
  outbox.add(delivery_of(10, 2));
  outbox.add(delivery_of(11, 3));
  outbox.add(wire::Ping{2});
  outbox.add(wire::Drain{5});
  EXPECT_EQ(outbox.flush(pipe.ours.get(), kPlenty), Outbox::Progress::empty);
  while (pipe.read(100000)) continue;
  ASSERT_EQ(pipe.messages.size(), 5U);
  EXPECT_EQ(std::get<wire::Ping>(pipe.messages[0]).id, 1U);
  EXPECT_EQ(std::get<wire::Batch>(pipe.messages[1]).delivery.id, BatchId{10});
  EXPECT_EQ(std::get<wire::Batch>(pipe.messages[2]).delivery.count, 3U);
  EXPECT_EQ(std::get<wire::Ping>(pipe.messages[3]).id, 2U);
  EXPECT_EQ(std::get<wire::Drain>(pipe.messages[4]).deadline_ms, 5U);
}

TEST(Outbox, ALargeBatchGoesThroughASocketThatTakesLittle) {
  Pipe pipe;
  Outbox outbox;
  std::vector<std::string> values(100);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i].assign(80'000 + i, static_cast<char>('a' + i % 26));
  auto batch = batch_of(values);
  outbox.add(wire::Ping{1});
  outbox.add(delivery_of(1, batch));
  outbox.add(wire::Ping{2});
  int blocked = 0;
  for (auto progress = Outbox::Progress::more; progress != Outbox::Progress::empty;) {
    progress = outbox.flush(pipe.ours.get(), kPlenty);
    ASSERT_NE(progress, Outbox::Progress::closed);
    blocked += progress == Outbox::Progress::blocked ? 1 : 0;
    if (progress == Outbox::Progress::blocked) {
      EXPECT_GT(batch.use_count(), 1) << "held until it is written";
    }
    while (pipe.read(1777)) continue;
  }
  EXPECT_GT(blocked, 100);
  EXPECT_EQ(outbox.size(), 0U);
  EXPECT_EQ(batch.use_count(), 1) << "let go once it is written";
  ASSERT_EQ(pipe.messages.size(), 3U);
  const auto& delivery = std::get<wire::Batch>(pipe.messages[1]).delivery;
  ASSERT_EQ(delivery.count, 100U);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(delivery.batch->value(i) == std::string_view(values[i])) << "record " << i;
  }
  EXPECT_EQ(std::get<wire::Ping>(pipe.messages[2]).id, 2U);
}

TEST(Outbox, ManyBatchesThroughTheSameEncoders) {
  Pipe pipe;
  Outbox outbox;
  std::uint64_t id = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) {
      ++id;
      outbox.add(delivery_of(id, batch_of({std::to_string(id), std::string(300, 'x')})));
    }
    while (outbox.flush(pipe.ours.get(), kPlenty) != Outbox::Progress::empty) {
      while (pipe.read(5000)) continue;
    }
  }
  while (pipe.read(100000)) continue;
  ASSERT_EQ(pipe.messages.size(), id);
  for (std::size_t i = 0; i < id; ++i) {
    const auto& delivery = std::get<wire::Batch>(pipe.messages[i]).delivery;
    EXPECT_EQ(delivery.id.value, i + 1);
    EXPECT_EQ(delivery.batch->value(0).value(), std::to_string(i + 1));
  }
}

TEST(Outbox, StopsWhenTheTurnsBudgetIsSpent) {
  Pipe pipe;
  const int large = 200'000;
  setsockopt(pipe.ours.get(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
  Outbox outbox;
  for (std::uint64_t i = 1; i <= 40; ++i) outbox.add(delivery_of(i, batch_of({std::string(2000, 'x')})));
  EXPECT_EQ(outbox.flush(pipe.ours.get(), 10'000), Outbox::Progress::more);
  EXPECT_GT(outbox.size(), 0U);
  EXPECT_EQ(outbox.flush(pipe.ours.get(), kPlenty), Outbox::Progress::empty);
}

TEST(Outbox, AWorkerThatIsGoneEndsIt) {
  Pipe pipe;
  auto batch = batch_of({"x"});
  Outbox outbox;
  outbox.add(delivery_of(1, batch));
  pipe.theirs.reset();
  EXPECT_EQ(outbox.flush(pipe.ours.get(), kPlenty), Outbox::Progress::closed);
  EXPECT_EQ(outbox.size(), 0U);
  EXPECT_EQ(batch.use_count(), 1);
}

}  // namespace
}  // namespace triggerd::worker
