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

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

bool Notices::allowed(TimePoint now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    if (left_out_ > 0) log::warn("record_failures_not_logged", {{"trigger", trigger_}, {"count", left_out_}});
    second_ = now;
    in_second_ = 0;
    left_out_ = 0;
  }
  if (in_second_++ < kFailuresPerSecond) return true;
  ++left_out_;
  return false;
}

void Notices::write(const pipeline::Notice& notice, TimePoint now) {
  const std::string source = to_string(notice.source);
  const std::int64_t offset = notice.offset.value;
  switch (notice.kind) {
    case Kind::record_failed:
      if (!allowed(now)) return;
      log::warn("record_failed", {{"trigger", trigger_},
                                  {"partition", source},
                                  {"offset", offset},
                                  {"attempt", notice.attempt},
                                  {"retry_in_ms", milliseconds(notice.delay)},
                                  {"reason", notice.text}});
      return;
    case Kind::lane_blocked:
      log::error("lane_blocked", {{"trigger", trigger_},
                                  {"partition", source},
                                  {"offset", offset},
                                  {"attempts", notice.attempt},
                                  {"reason", notice.text}});
      return;
    case Kind::record_refused:
      log::error("record_refused",
                 {{"trigger", trigger_}, {"partition", source}, {"offset", offset}, {"reason", notice.text}});
      return;
    case Kind::commit_failed:
      log::warn("commit_failed",
                {{"trigger", trigger_}, {"partition", source}, {"offset", offset}, {"error", notice.text}});
      return;
    case Kind::revoke_timed_out:
      log::warn("revoke_timed_out",
                {{"trigger", trigger_}, {"partition", source}, {"offset", offset}, {"reason", notice.text}});
      return;
    case Kind::attempt_timed_out:
      log::warn("attempt_timed_out", {{"trigger", trigger_}, {"reason", notice.text}});
      return;
  }
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
