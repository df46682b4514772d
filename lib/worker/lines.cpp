#include "worker/lines.hpp"

#include <algorithm>
#include <utility>

namespace triggerd::worker {
namespace {

// Length of the UTF-8 sequence `text` begins with; 0: it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

}  // namespace

void LineSplitter::take(std::string_view bytes) {
  const std::size_t room = kMaxLineBytes - line_.size();
  if (bytes.size() > room) cut_ = true;
  line_.append(bytes.substr(0, room));
}

void LineSplitter::emit(const LineSink& sink) {
  std::string_view line = line_;
  if (!cut_ && line.ends_with('\r')) line.remove_suffix(1);
  sink(line, cut_);
  line_.clear();
  cut_ = false;
}

void LineSplitter::feed(std::string_view bytes, const LineSink& sink) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    take(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    emit(sink);
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish(const LineSink& sink) {
  if (!line_.empty()) emit(sink);
}

bool RateLimit::admit(TimePoint now) {
  if (now > last_) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
    last_ = now;
  }
  if (tokens_ < 1) {
    ++refused_;
    return false;
  }
  tokens_ -= 1;
  return true;
}

std::uint64_t RateLimit::take_refused() { return std::exchange(refused_, 0); }

void Tail::append(std::string_view bytes) {
  if (bytes.size() >= limit_) {
    cut_ = cut_ || bytes.size() > limit_ || !bytes_.empty();
    bytes_.assign(bytes.substr(bytes.size() - limit_));
    return;
  }
  const std::size_t total = bytes_.size() + bytes.size();
  if (total > limit_) {
    bytes_.erase(0, total - limit_);
    cut_ = true;
  }
  bytes_ += bytes;
}

std::string Tail::text() const {
  std::string_view text = bytes_;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const std::size_t end = text.find('\n');
  if (cut_ && end != std::string_view::npos) text.remove_prefix(end + 1);
  return as_utf8(text);
}

std::string last_line(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  constexpr std::size_t kMost = 200;
  const std::size_t end = text.find_last_not_of(kBlank);
  if (end == std::string_view::npos) return "";
  text = text.substr(0, end + 1);
  if (const std::size_t before = text.rfind('\n'); before != std::string_view::npos) {
    text.remove_prefix(before + 1);
  }
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.size() <= kMost ? as_utf8(text) : as_utf8(text.substr(0, kMost)) + "…";
}

std::string as_utf8(std::string_view bytes) {
  std::string result;
  result.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    result += length > 0 ? bytes.substr(0, length) : std::string_view("\xef\xbf\xbd");
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

}  // namespace triggerd::worker
