// Work done beyond the first gap of partitions whose gaps outgrow the commit's metadata, in a file under the
// state directory (design §6b 8). It serves a restart on the same VM only, and only where the commit still
// names it: another owner works from the metadata alone.
//
// The order of a commit: write(), put what it gives into the metadata, commit. A daemon killed in between
// finds a record newer than the commit names; it says more, and nothing wrong, as what is settled stays so.
//
// No fsync. kill -9 of the daemon takes nothing from the page cache. After a power loss the records a commit
// names may be missing: then read() finds nothing, and work is done twice, which is what a crash may cost.
//
// Thread: the trigger's event loop. A write copies the progress to the page cache: 30 us for the 4 KiB that
// no longer fit the metadata, 1 ms for 50,000 runs, at most 1 MiB. Past 4 MiB and twice what is in use (at
// most 16 MiB) the file is rewritten, which copies what is in use. Opening reads the file: at most 37 MiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "checkpoint/journal_format.hpp"
#include "worker/fd.hpp"

namespace triggerd::trigger {

class Journal {
 public:
  // `<directory>/<trigger>.journal`, made where there is none; what is not ours in it is thrown away. No two
  // daemons share one. Errors: journal_locked, journal_open_failed.
  static Result<std::unique_ptr<Journal>> open(const std::string& directory, const std::string& trigger,
                                               std::string group);

  // What the commit of this progress is to name. After an error (journal_write_failed, journal_full,
  // journal_record_too_large) the file is as it was, and the next call tries again.
  Result<checkpoint::JournalRef> write(const TopicPartition& source, const checkpoint::Progress& progress);

  // All that is known to be settled beyond `committed`, where the commit's metadata names `ref`: what was
  // written then, or later. The first interval may begin at `committed`.
  std::optional<checkpoint::Progress> read(const TopicPartition& source, checkpoint::JournalRef ref,
                                           Offset committed) const;

  // Its space may be used again; when a commit that names no journal was confirmed.
  void erase(const TopicPartition& source);

 private:
  Journal(std::string path, std::string trigger, std::string group);
  Result<void> load();
  Result<void> append(const std::string& record);
  void rewrite();
  Result<void> rewrite_into(const std::string& path);
  std::size_t rewrite_at() const;

  const std::string path_, trigger_, group_;
  worker::Fd file_;
  std::uint64_t id_ = 0, sequence_ = 0;
  std::map<TopicPartition, checkpoint::JournalPlace> last_;
  std::size_t in_use_ = 0;             // bytes of those
  std::size_t end_ = 0;                // of the last whole record; 0: no head yet
  std::size_t no_rewrite_before_ = 0;  // file size; after a rewrite that failed
};

}  // namespace triggerd::trigger
