#include "trigger/notices.hpp"

#include "base/log.hpp"

namespace triggerd::trigger {
namespace {

using Kind = pipeline::Notice::Kind;

// "orders[0]@17,orders[1]@0": short enough for a line at a few hundred partitions.
template <typename Items, typename Text>
std::string joined(const Items& items, Text text) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ',';
    out += text(item);
  }
  return out;
}

// How a notice is told.
struct Line {
  log::Level level;
  const char* event;
  bool per_record = false;  // there may be many: they are limited
  const char* attempt = "attempts";
  const char* delay = nullptr;
  const char* text = "reason";
};

Line line_of(Kind kind) {
  using enum log::Level;
  switch (kind) {
    case Kind::record_failed: return {warn, "record_failed", true, "attempt", "retry_in_ms"};
    case Kind::lane_blocked: return {error, "lane_blocked", true};
    case Kind::lane_stuck: return {error, "lane_stuck", true, "attempts", "since_ms"};
    case Kind::record_dropped: return {warn, "record_dropped", true};
    case Kind::record_skipped: return {warn, "record_skipped"};
    case Kind::skip_refused: return {warn, "skip_refused"};
    case Kind::dead_letter_failed:
      return {error, "dead_letter_failed", true, "tries", "retry_in_ms", "error"};
    case Kind::commit_failed: return {warn, "commit_failed", false, "attempts", nullptr, "error"};
    case Kind::progress_ignored: return {warn, "progress_ignored"};
    case Kind::progress_full: return {warn, "progress_full"};
    case Kind::revoke_timed_out: return {warn, "revoke_timed_out"};
    case Kind::attempt_timed_out: return {warn, "attempt_timed_out"};
    case Kind::record_refused: break;
  }
  return {error, "record_refused", true};
}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

bool Notices::allowed(Kind kind, TimePoint now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    if (left_out_ > 0) log::warn("records_not_logged", {{"trigger", trigger_}, {"count", left_out_}});
    second_ = now;
    in_second_.clear();
    left_out_ = 0;
  }
  if (in_second_[kind]++ < kLinesPerSecond) return true;
  ++left_out_;
  return false;
}

void Notices::write(const pipeline::Notice& notice, TimePoint now) {
  const Line line = line_of(notice.kind);
  if (line.per_record && !allowed(notice.kind, now)) return;
  std::vector<log::Field> fields{{"trigger", trigger_}};
  if (!notice.source.topic.name().empty()) {
    fields.push_back({"partition", to_string(notice.source)});
    fields.push_back({"offset", notice.offset.value});
  }
  if (notice.attempt > 0) fields.push_back({line.attempt, notice.attempt});
  if (line.delay != nullptr) fields.push_back({line.delay, milliseconds(notice.delay)});
  if (!notice.text.empty()) fields.push_back({line.text, notice.text});
  log::write(line.level, line.event, fields);
}

void Notices::assigned(const pipeline::Assigned& event) const {
  log::info("partitions_assigned",
            {{"trigger", trigger_},
             {"count", event.partitions.size()},
             {"partitions", joined(event.partitions, [](const pipeline::PartitionStart& p) {
                return to_string(p.source) + "@" + std::to_string(p.position.value);
              })}});
}

void Notices::revoked(const pipeline::Revoked& event) const {
  log::info("partitions_revoked",
            {{"trigger", trigger_},
             {"count", event.partitions.size()},
             {"lost", event.lost},
             {"partitions", joined(event.partitions, [](const TopicPartition& p) { return to_string(p); })}});
}

void Notices::committed(const pipeline::CommitDone& event) const {
  if (!log::enabled(log::Level::debug)) return;
  log::debug("offsets_committed",
             {{"trigger", trigger_}, {"offsets", joined(event.results, [](const pipeline::CommitResult& r) {
                                        const bool ok = r.outcome == pipeline::CommitResult::Outcome::ok;
                                        return to_string(r.source) + "@" + std::to_string(r.offset.value) +
                                               (ok ? "" : "!");
                                      })}});
}

}  // namespace triggerd::trigger
