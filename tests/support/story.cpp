#include "support/story.hpp"

#include <sstream>
#include <stdexcept>

#include "support/pipeline_text.hpp"
#include "support/progress_text.hpp"

namespace triggerd::test {
namespace {

using std::chrono::milliseconds;

TopicPartition source(int partition) { return {Topic("t"), Partition{partition}}; }

}  // namespace

pipeline::Policy story_policy() {
  pipeline::Policy policy;
  policy.batch.cardinality = config::BatchPolicy::Cardinality::many;
  policy.batch.max_batch_size = 10;
  policy.limits.max_in_flight = 100;
  policy.limits.revoke_timeout = milliseconds(1000);
  policy.retry.strategy = config::RetryPolicy::Strategy::fixed_delay;
  policy.retry.delay_interval = milliseconds(50);
  policy.work_ahead = dispatch::kAnyWork;
  policy.read_ahead = 100;
  policy.attempt_timeout = milliseconds(10'000);
  return policy;
}

Lines Story::on(const pipeline::Event& event) {
  pipeline::Actions actions;
  pipeline_.on(event, now_, actions);
  for (const pipeline::Action& action : actions) {
    const auto* commit = std::get_if<pipeline::Commit>(&action);
    if (commit == nullptr) continue;
    for (const pipeline::OffsetCommit& offset : commit->offsets) last_commits_[offset.source] = offset;
  }
  return text(actions);
}

Lines Story::assigned(const std::vector<int>& partitions, std::int64_t from) {
  pipeline::Assigned event;
  for (const int p : partitions) event.partitions.push_back({source(p), Offset{from}, Offset{from}});
  return on(event);
}

Lines Story::restored(int partition, std::int64_t from, const std::string& metadata,
                      std::optional<checkpoint::Progress> journaled) {
  return on(
      pipeline::Assigned{{{source(partition), Offset{from}, Offset{from}, metadata, std::move(journaled)}}});
}

Lines Story::revoked(const std::vector<int>& partitions, bool lost) {
  pipeline::Revoked event{{}, lost};
  for (const int p : partitions) event.partitions.push_back(source(p));
  return on(event);
}

Lines Story::records(int partition, std::int64_t first, std::int64_t last, std::size_t bytes) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t offset = first; offset <= last; ++offset) offsets.push_back(offset);
  return records(partition, offsets, bytes);
}

Lines Story::records(int partition, const std::vector<std::int64_t>& offsets, std::size_t bytes) {
  const std::string value(bytes, 'x');
  std::vector<wire::RecordView> views;
  for (const std::int64_t offset : offsets) {
    wire::RecordView view;
    view.offset = Offset{offset};
    view.value = value;
    views.push_back(view);
  }
  return on(pipeline::Records{source(partition), views});
}

Lines Story::keyed(int partition, std::int64_t first, const std::string& keys, std::size_t bytes) {
  const std::string value(bytes, 'x');
  std::vector<wire::RecordView> views;
  for (const char& key : keys) {
    wire::RecordView view;
    view.offset = Offset{first++};
    if (key != '-') view.key = std::string_view(&key, 1);
    view.value = value;
    views.push_back(view);
  }
  return on(pipeline::Records{source(partition), views});
}

Lines Story::ready(std::uint32_t worker, std::uint32_t concurrency, wire::Window window) {
  return on(pipeline::WorkerReady{WorkerId{worker}, concurrency, window});
}

Lines Story::lost(std::uint32_t worker, pipeline::WorkerLost::Cause cause) {
  return on(pipeline::WorkerLost{WorkerId{worker}, "exit status 1", cause});
}

Lines Story::ok(std::uint32_t worker, std::uint64_t batch) { return answer(worker, batch, {}); }

Lines Story::answer(std::uint32_t worker, std::uint64_t batch, std::vector<wire::Answer> answers) {
  return on(pipeline::Answered{WorkerId{worker}, {BatchId{batch}, std::move(answers)}});
}

Lines Story::committed(int partition, std::int64_t offset, pipeline::CommitResult::Outcome outcome,
                       bool journaled) {
  return on(
      pipeline::CommitDone{{{source(partition), Offset{offset}, outcome, "said the broker", journaled}}});
}

Lines Story::dead_lettered(std::uint64_t id, bool delivered) {
  return on(pipeline::DeadLettered{id, delivered, delivered ? "" : "said the broker"});
}

Lines Story::skip(int partition, std::int64_t offset) {
  return on(pipeline::Skip{source(partition), Offset{offset}, "somebody"});
}

Lines Story::drain(int deadline_ms) {
  return on(pipeline::DrainRequested{TimePoint{} + milliseconds(deadline_ms)});
}

pipeline::PartitionStatus Story::partition(int number) const {
  for (const pipeline::PartitionStatus& status : pipeline_.partitions()) {
    if (status.source == source(number)) return status;
  }
  throw std::out_of_range("no such partition");
}

std::vector<std::int64_t> Story::stuck(int number) const {
  std::vector<std::int64_t> offsets;
  for (const pipeline::StuckLane& lane : partition(number).stuck) offsets.push_back(lane.offset.value);
  return offsets;
}

const pipeline::OffsetCommit& Story::last_commit(int partition) const {
  return last_commits_.at(source(partition));
}

std::string Story::said(int partition) const {
  const pipeline::OffsetCommit& commit = last_commit(partition);
  const auto progress = checkpoint::decode(commit.metadata, commit.offset);
  if (!progress) return progress.error().message;
  std::ostringstream out;
  out << *progress;
  return out.str();
}

wire::Answer ok(std::uint32_t first, std::uint32_t last) {
  return {first, last, wire::Answer::Code::ok, 0, ""};
}
wire::Answer retry(std::uint32_t first, std::uint32_t last, std::uint32_t after_ms) {
  return {first, last, wire::Answer::Code::retry, after_ms, "no luck"};
}
wire::Answer release(std::uint32_t first, std::uint32_t last) {
  return {first, last, wire::Answer::Code::release, 0, ""};
}
wire::Answer dead_letter(std::uint32_t first, std::uint32_t last) {
  return {first, last, wire::Answer::Code::dead_letter, 0, "not for us"};
}
wire::Answer drop(std::uint32_t first, std::uint32_t last) {
  return {first, last, wire::Answer::Code::drop, 0, "seen before"};
}

Lines only(const Lines& lines, const std::string& word) {
  Lines out;
  for (const std::string& line : lines) {
    if (line.starts_with(word)) out.push_back(line);
  }
  return out;
}
Lines sends(const Lines& lines) { return only(lines, "send"); }

}  // namespace triggerd::test
