// A pipeline told event by event, each answered by what it asks for as lines of text (pipeline_text.hpp), so
// that a test reads as a story. Time is whole milliseconds. Plain class, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/pipeline.hpp"

namespace triggerd::test {

using Lines = std::vector<std::string>;

// `many`, batches of 10, no wait, in flight 100, fixed retries after 50 ms for ever, commits after 100 ms,
// revokes 1 s, attempts 10 s.
pipeline::Policy story_policy();

class Story {
 public:
  explicit Story(pipeline::Policy policy = story_policy()) : pipeline_(std::move(policy), 1) {}

  Story& at(int ms) {
    now_ = TimePoint{} + std::chrono::milliseconds(ms);
    return *this;
  }
  Lines on(const pipeline::Event& event);

  // The group's commit is where they begin.
  Lines assigned(const std::vector<int>& partitions, std::int64_t from = 0);
  // As an earlier owner left it.
  Lines restored(int partition, std::int64_t from, const std::string& metadata,
                 std::optional<checkpoint::Progress> journaled = {});
  Lines revoked(const std::vector<int>& partitions, bool lost = false);
  // Records with these offsets, values of `bytes`.
  Lines records(int partition, std::int64_t first, std::int64_t last, std::size_t bytes = 1);
  Lines records(int partition, const std::vector<std::int64_t>& offsets, std::size_t bytes = 1);
  // A record for each character, which is its key; '-' has none.
  Lines keyed(int partition, std::int64_t first, const std::string& keys, std::size_t bytes = 1);
  Lines ready(std::uint32_t worker, std::uint32_t concurrency = 1, wire::Window window = {100'000, 1 << 30});
  Lines lost(std::uint32_t worker, pipeline::WorkerLost::Cause cause = pipeline::WorkerLost::Cause::crashed);
  // Of the batch with this number: they count from 1 in the order they were sent.
  Lines ok(std::uint32_t worker, std::uint64_t batch);
  Lines answer(std::uint32_t worker, std::uint64_t batch, std::vector<wire::Answer> answers);
  Lines committed(int partition, std::int64_t offset,
                  pipeline::CommitResult::Outcome outcome = pipeline::CommitResult::Outcome::ok,
                  bool journaled = false);
  // Dead letters too count from 1 in the order they were asked for.
  Lines dead_lettered(std::uint64_t id, bool delivered = true);
  Lines skip(int partition, std::int64_t offset);
  Lines tick() { return on(pipeline::Tick{}); }
  Lines drain(int deadline_ms);

  const pipeline::Stats& stats() const { return pipeline_.stats(); }
  pipeline::PartitionStatus partition(int number) const;
  // Where its lanes in trouble stand, longest in trouble first.
  std::vector<std::int64_t> stuck(int partition) const;
  // What the last commit of it said, as progress_text.hpp writes it.
  std::string said(int partition) const;
  const pipeline::OffsetCommit& last_commit(int partition) const;

 private:
  std::map<TopicPartition, pipeline::OffsetCommit> last_commits_;
  pipeline::Pipeline pipeline_;
  TimePoint now_{};
};

wire::Answer ok(std::uint32_t first, std::uint32_t last);
wire::Answer retry(std::uint32_t first, std::uint32_t last, std::uint32_t after_ms = 0);
wire::Answer release(std::uint32_t first, std::uint32_t last);
wire::Answer dead_letter(std::uint32_t first, std::uint32_t last);
wire::Answer drop(std::uint32_t first, std::uint32_t last);

// The lines that begin with this word.
Lines only(const Lines& lines, const std::string& word);
Lines sends(const Lines& lines);

}  // namespace triggerd::test
