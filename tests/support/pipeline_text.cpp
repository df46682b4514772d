#include "support/pipeline_text.hpp"

#include <chrono>

namespace triggerd::test {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};

std::string ms(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + "ms";
}
std::string w(WorkerId worker) { return "w" + std::to_string(worker.value); }
std::string number(Offset offset) { return std::to_string(offset.value); }

std::string list(const std::vector<TopicPartition>& partitions) {
  std::string out;
  for (const TopicPartition& p : partitions) out += " " + to_string(p);
  return out;
}

std::string text(const wire::Delivery& d) {
  std::string out = to_string(d.source) + " " + number(d.batch->offset(d.first));
  if (d.count > 1) out += "-" + number(d.batch->offset(d.first + d.count - 1));
  if (d.run > 1) out += " run " + std::to_string(d.run);
  if (d.attempt > 1) out += " attempt " + std::to_string(d.attempt);
  return out;
}

const char* word(pipeline::Notice::Kind kind) {
  using Kind = pipeline::Notice::Kind;
  switch (kind) {
    case Kind::record_failed: return "record_failed";
    case Kind::lane_blocked: return "lane_blocked";
    case Kind::commit_failed: return "commit_failed";
    case Kind::revoke_timed_out: return "revoke_timed_out";
    case Kind::attempt_timed_out: return "attempt_timed_out";
    case Kind::lane_stuck: return "lane_stuck";
    case Kind::record_dropped: return "record_dropped";
    case Kind::record_skipped: return "record_skipped";
    case Kind::skip_refused: return "skip_refused";
    case Kind::dead_letter_failed: return "dead_letter_failed";
    case Kind::progress_ignored: return "progress_ignored";
    case Kind::progress_full: return "progress_full";
    case Kind::record_refused: break;
  }
  return "record_refused";
}

const char* word(pipeline::CommitResult::Outcome outcome) {
  using Outcome = pipeline::CommitResult::Outcome;
  return outcome == Outcome::ok ? "ok" : outcome == Outcome::retriable ? "retriable" : "rejected";
}

std::string text(const wire::Ack& ack) {
  if (ack.answers.empty()) return " all ok";
  std::string out;
  for (const wire::Answer& a : ack.answers) {
    using Code = wire::Answer::Code;
    const char* code = a.code == Code::ok            ? " ok"
                       : a.code == Code::retry       ? " retry"
                       : a.code == Code::dead_letter ? " deadLetter"
                       : a.code == Code::drop        ? " drop"
                                                     : " release";
    out += code + (" " + std::to_string(a.first)) + "-" + std::to_string(a.last);
  }
  return out;
}

}  // namespace

std::string text(const pipeline::Action& action) {
  return std::visit(
      Overloaded{[](const pipeline::Send& a) {
                   std::string out = "send " + w(a.worker) + ":";
                   for (const wire::Delivery& d : a.deliveries)
                     out += (out.back() == ':' ? " " : " + ") + text(d);
                   return out;
                 },
                 [](const pipeline::CancelPartition& a) {
                   return "cancel " + w(a.worker) + " " + to_string(a.source) + " epoch " +
                          std::to_string(a.epoch.value);
                 },
                 [](const pipeline::KillWorker& a) { return "kill " + w(a.worker) + ": " + a.reason; },
                 [](const pipeline::Commit& a) {
                   std::string out = "commit";
                   for (const pipeline::OffsetCommit& c : a.offsets)
                     out += " " + to_string(c.source) + "=" + number(c.offset) +
                            (c.metadata.empty() ? "" : "+" + std::to_string(c.metadata.size()) + "B");
                   return out;
                 },
                 [](const pipeline::DeadLetter& a) {
                   return "dead letter " + std::to_string(a.id) + " " + to_string(a.source) + "@" +
                          number(a.batch->offset(a.index));
                 },
                 [](const pipeline::Pause& a) { return "pause " + to_string(a.source); },
                 [](const pipeline::Resume& a) { return "resume " + to_string(a.source); },
                 [](const pipeline::Read&) -> std::string { return "read"; },
                 [](const pipeline::StopReading&) -> std::string { return "stop reading"; },
                 [](const pipeline::FinishRevoke& a) { return "finish revoke" + list(a.partitions); },
                 [](const pipeline::WakeAt& a) { return "wake at " + ms(a.time.time_since_epoch()); },
                 [](const pipeline::Drained&) -> std::string { return "drained"; },
                 [](const pipeline::Notice& a) {
                   std::string out = std::string("notice ") + word(a.kind);
                   if (!a.source.topic.name().empty())
                     out += " " + to_string(a.source) + "@" + number(a.offset);
                   if (a.attempt > 0) out += " attempt " + std::to_string(a.attempt);
                   if (a.delay > Duration::zero()) out += " again in " + ms(a.delay);
                   return out;
                 }},
      action);
}

std::vector<std::string> text(const pipeline::Actions& actions) {
  std::vector<std::string> out;
  for (const pipeline::Action& action : actions) out.push_back(text(action));
  return out;
}

std::string text(const pipeline::Event& event) {
  return std::visit(
      Overloaded{
          [](const pipeline::Assigned& e) {
            std::string out = "assigned";
            for (const pipeline::PartitionStart& p : e.partitions)
              out += " " + to_string(p.source) + " from " + number(p.position);
            return out;
          },
          [](const pipeline::Revoked& e) { return (e.lost ? "lost" : "revoked") + list(e.partitions); },
          [](const pipeline::CaughtUp& e) {
            return "caught up " + to_string(e.source) + " " + number(e.position);
          },
          [](const pipeline::Records& e) {
            if (e.records.empty()) return "no records of " + to_string(e.source);
            return "records " + to_string(e.source) + " " + number(e.records.front().offset) + "-" +
                   number(e.records.back().offset);
          },
          [](const pipeline::WorkerReady& e) { return w(e.worker) + " ready"; },
          [](const pipeline::WorkerCredit& e) {
            return w(e.worker) + " credit " + std::to_string(e.window.records) + "/" +
                   std::to_string(e.window.bytes) + "B";
          },
          [](const pipeline::WorkerDraining& e) { return w(e.worker) + " draining"; },
          [](const pipeline::Answered& e) {
            return w(e.worker) + " answers batch " + std::to_string(e.ack.id.value) + text(e.ack);
          },
          [](const pipeline::WorkerLost& e) { return w(e.worker) + " lost"; },
          [](const pipeline::DeadLettered& e) {
            return "dead letter " + std::to_string(e.id) + (e.delivered ? " delivered" : " failed");
          },
          [](const pipeline::Skip& e) { return "skip " + to_string(e.source) + "@" + number(e.offset); },
          [](const pipeline::CommitDone& e) {
            std::string out = "commit done";
            for (const pipeline::CommitResult& r : e.results)
              out += " " + to_string(r.source) + "=" + number(r.offset) + " " + word(r.outcome);
            return out;
          },
          [](const pipeline::Tick&) -> std::string { return "tick"; },
          [](const pipeline::DrainRequested& e) { return "drain by " + ms(e.deadline.time_since_epoch()); }},
      event);
}

}  // namespace triggerd::test
