#include "worker/outbox.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <string_view>

#include <sys/socket.h>

namespace triggerd::worker {
namespace {

constexpr std::size_t kMaxPieces = 64;  // of one write
constexpr std::size_t kMaxSpare = 4;

}  // namespace

void Outbox::add(const wire::Delivery& delivery) {
  Entry entry;
  if (spare_.empty()) {
    entry.encoder = std::make_unique<wire::BatchEncoder>();
  } else {
    entry.encoder = std::move(spare_.back());
    spare_.pop_back();
  }
  entry.encoder->encode(delivery);
  entry.records = delivery.batch;
  size_ += entry.size();
  entries_.push_back(std::move(entry));
}

std::string& Outbox::tail() {
  if (entries_.empty() || entries_.back().encoder) entries_.emplace_back();
  return entries_.back().bytes;
}

std::size_t Outbox::gather(std::vector<iovec>& pieces) const {
  pieces.clear();
  std::size_t total = 0;
  std::size_t skip = front_written_;
  const auto add_piece = [&](std::string_view piece) {
    const std::size_t skipped = std::min(skip, piece.size());
    skip -= skipped;
    piece.remove_prefix(skipped);
    if (piece.empty()) return;
    pieces.push_back({const_cast<char*>(piece.data()), piece.size()});  // iovec's type serves reads too
    total += piece.size();
  };
  for (const Entry& entry : entries_) {
    const std::string_view bytes = entry.bytes;
    const auto parts = entry.encoder ? entry.encoder->pieces() : std::span(&bytes, 1);
    if (pieces.size() + parts.size() > kMaxPieces) break;
    for (const std::string_view part : parts) add_piece(part);
  }
  return total;
}

void Outbox::written(std::size_t bytes) {
  size_ -= bytes;
  front_written_ += bytes;
  while (!entries_.empty() && front_written_ >= entries_.front().size()) {
    Entry& front = entries_.front();
    front_written_ -= front.size();
    if (front.encoder && spare_.size() < kMaxSpare) spare_.push_back(std::move(front.encoder));
    entries_.pop_front();
  }
}

Outbox::Progress Outbox::flush(int socket, std::size_t budget) {
  while (!entries_.empty()) {
    if (budget == 0) return Progress::more;
    const std::size_t total = gather(pieces_);
    msghdr message{};
    message.msg_iov = pieces_.data();
    message.msg_iovlen = pieces_.size();
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Progress::blocked;
      entries_.clear();
      size_ = front_written_ = 0;
      return Progress::closed;
    }
    const auto bytes = static_cast<std::size_t>(sent);
    written(bytes);
    if (bytes < total) return Progress::blocked;
    budget -= std::min(budget, bytes);
  }
  return Progress::empty;
}

}  // namespace triggerd::worker
