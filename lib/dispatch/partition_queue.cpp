#include "dispatch/partition_queue.hpp"

#include <algorithm>

#include "base/invariant.hpp"

namespace triggerd::dispatch {

bool PartitionQueue::append(const wire::RecordView& record, TimePoint now) {
  const std::size_t bytes = record.bytes();
  if (bytes > kMaxRecordBytes) return false;
  const bool open = !chunks_.empty() && !chunks_.back()->sealed &&
                    chunks_.back()->batch->size() < caps_.records &&
                    chunks_.back()->batch->bytes() + bytes <= caps_.bytes;
  if (!open || !chunks_.back()->batch->append(record)) {
    if (!chunks_.empty()) last_chunk_bytes_ = chunks_.back()->batch->bytes();
    auto chunk = std::make_shared<Chunk>();
    chunk->first_sequence = end_.sequence;
    chunk->arrived = now;
    chunk->batch->reserve(std::min<std::size_t>(caps_.records, 1024), std::max(bytes, last_chunk_bytes_));
    if (!chunk->batch->append(record)) return false;  // small, but its headers' columns fit no frame
    if (!chunks_.empty()) chunks_.back()->sealed = true;
    chunks_.push_back(std::move(chunk));
  }
  ++chunks_.back()->unsettled;
  ++held_records_;
  held_bytes_ += bytes;
  undelivered_bytes_ += bytes;
  end_ = {Offset{record.offset.value + 1}, end_.sequence + 1};
  return true;
}

void PartitionQueue::skip_settled() {
  while (cursor_chunk_ < chunks_.size()) {
    const Chunk& chunk = *chunks_[cursor_chunk_];
    while (cursor_record_ < chunk.batch->size() && chunk.is_settled(cursor_record_)) ++cursor_record_;
    if (cursor_record_ < chunk.batch->size()) {
      delivered_ = chunk.first_sequence + cursor_record_;
      return;
    }
    if (!chunk.sealed) break;  // more may come into it
    ++cursor_chunk_;
    cursor_record_ = 0;
  }
  delivered_ = end_.sequence;
}

std::optional<Slice> PartitionQueue::peek(std::uint32_t max_records, std::uint64_t max_bytes) {
  skip_settled();
  if (undelivered() == 0 || max_records == 0) return std::nullopt;
  const std::shared_ptr<Chunk>& chunk = chunks_[cursor_chunk_];
  const std::uint32_t first = cursor_record_;
  const std::uint32_t size = chunk->batch->size();
  std::uint32_t count = std::min(size - first, max_records);
  if (!chunk->settled.empty() || !chunk->failures.empty()) {
    std::uint32_t same = 1;
    while (same < count && !chunk->is_settled(first + same) &&
           chunk->failed(first + same) == chunk->failed(first))
      ++same;
    count = same;
  }
  std::size_t bytes = chunk->batch->bytes(first, count);
  if (bytes > max_bytes) {
    count = 1;
    bytes = chunk->batch->bytes(first, 1);
    while (first + count < size && count < max_records) {
      const std::size_t more = chunk->batch->bytes(first + count, 1);
      if (bytes + more > max_bytes || chunk->is_settled(first + count) ||
          chunk->failed(first + count) != chunk->failed(first)) {
        break;
      }
      bytes += more;
      ++count;
    }
  }
  return Slice{chunk, first, count, bytes};
}

void PartitionQueue::take(const Slice& slice) {
  TRIGGERD_INVARIANT(cursor_chunk_ < chunks_.size() && chunks_[cursor_chunk_] == slice.chunk &&
                         cursor_record_ == slice.first,
                     "a slice is taken right after it was peeked");
  slice.chunk->sealed = true;
  cursor_record_ += slice.count;
  undelivered_bytes_ -= slice.bytes;
  delivered_ = slice.chunk->first_sequence + cursor_record_;
  delivered_most_ = std::max(delivered_most_, delivered_);
  skip_settled();
}

void PartitionQueue::ran(const Chunk& chunk, std::uint32_t first, std::uint32_t count) {
  ran_most_ = std::max(ran_most_, chunk.first_sequence + first + count);
}

void PartitionQueue::rewind() {
  delivered_most_ = ran_most_;
  cursor_chunk_ = 0;
  cursor_record_ = 0;
  ++run_;
  skip_settled();
  count_undelivered_bytes();
}

void PartitionQueue::count_undelivered_bytes() {
  undelivered_bytes_ = 0;
  std::uint32_t first = cursor_record_;
  for (std::size_t i = cursor_chunk_; i < chunks_.size(); ++i, first = 0) {
    const Chunk& chunk = *chunks_[i];
    const std::uint32_t size = chunk.batch->size();
    if (first == 0 && chunk.unsettled == size) {
      undelivered_bytes_ += chunk.batch->bytes();
      continue;
    }
    for (; first < size; ++first)
      undelivered_bytes_ += chunk.is_settled(first) ? 0 : chunk.batch->bytes(first, 1);
  }
}

void PartitionQueue::drop_undelivered() {
  skip_settled();
  cut(cursor_chunk_, cursor_record_);
}

void PartitionQueue::drop_from(Offset offset) {
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    const wire::RecordBatch& batch = *chunks_[i]->batch;
    if (batch.last_offset() < offset) continue;
    std::uint32_t record = 0;
    while (batch.offset(record) < offset) ++record;
    cut(i, record);
    return;
  }
}

// The records from this one on count as settled here, though nobody settled them; so they hold nothing up.
void PartitionQueue::cut(std::size_t index, std::uint32_t record) {
  if (index >= chunks_.size()) return;
  Chunk& chunk = *chunks_[index];
  end_ = {chunk.batch->offset(record), chunk.first_sequence + record};
  for (; chunks_.size() > index + (record > 0 ? 1 : 0); chunks_.pop_back()) {
    const Chunk& last = *chunks_.back();
    held_records_ -= last.unsettled;
    if (last.unsettled > 0) held_bytes_ -= last.batch->bytes();
  }
  if (record > 0 && chunk.unsettled > 0) {
    chunk.sealed = true;
    chunk.settled.resize(chunk.batch->size());
    for (std::uint32_t i = record; i < chunk.batch->size(); ++i) {
      if (chunk.settled[i]) continue;
      chunk.settled[i] = true;
      --chunk.unsettled;
      --held_records_;
    }
    if (chunk.unsettled == 0) held_bytes_ -= chunk.batch->bytes();
  }
  forget_settled_front();
  skip_settled();
  count_undelivered_bytes();
}

PartitionQueue::Covered PartitionQueue::settle(Chunk& chunk, std::uint32_t first, std::uint32_t count) {
  const std::uint32_t size = chunk.batch->size();
  TRIGGERD_INVARIANT(chunk.sealed && count > 0 && first + count <= size && chunk.unsettled >= count,
                     "a delivered record is settled, and once");
  const Offset end = first + count < size ? chunk.batch->offset(first + count)
                                          : Offset{chunk.batch->last_offset().value + 1};
  const Covered covered{chunk.batch->offset(first), end};
  chunk.unsettled -= count;
  held_records_ -= count;
  if (chunk.unsettled == 0) {
    held_bytes_ -= chunk.batch->bytes();
  } else {
    if (chunk.settled.empty()) chunk.settled.resize(size);
    std::fill_n(chunk.settled.begin() + first, count, true);
  }
  forget_settled_front();
  return covered;
}

void PartitionQueue::forget_settled_front() {
  while (!chunks_.empty() && chunks_.front()->unsettled == 0) {
    chunks_.pop_front();
    if (cursor_chunk_ > 0) {
      --cursor_chunk_;
    } else {
      cursor_record_ = 0;
    }
  }
}

std::uint32_t PartitionQueue::fail(Chunk& chunk, std::uint32_t index) {
  if (chunk.failures.empty()) chunk.failures.resize(chunk.batch->size());
  return ++chunk.failures[index];
}

TimePoint PartitionQueue::waiting_since() {
  skip_settled();
  return chunks_[cursor_chunk_]->arrived;
}

Place PartitionQueue::first_unsettled() const {
  for (const std::shared_ptr<Chunk>& chunk : chunks_) {
    if (chunk->unsettled == 0) continue;
    std::uint32_t index = 0;
    while (chunk->is_settled(index)) ++index;
    return {chunk->batch->offset(index), chunk->first_sequence + index};
  }
  return end_;
}

}  // namespace triggerd::dispatch
