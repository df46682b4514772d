#include "worker/process_tree.hpp"

#include <charconv>
#include <unordered_set>

namespace triggerd::worker {
namespace {

// The next word as a number; false: there is none.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool skip_words(std::string_view& text, int count) {
  for (int i = 0; i < count; ++i) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    text.remove_prefix(std::min(text.find(' '), text.size()));
  }
  return !text.empty();
}

}  // namespace

// "PID (name) state ppid pgrp …", of which the 24th is the resident set (proc(5)).
std::optional<ProcessSample> parse_stat(std::string_view line) {
  ProcessSample sample;
  std::string_view rest = line;
  const std::size_t name_end = line.rfind(')');
  if (!take_number(rest, sample.pid) || name_end == std::string_view::npos) return std::nullopt;
  rest = line.substr(name_end + 1);
  const bool good = skip_words(rest, 1) && take_number(rest, sample.parent) &&
                    take_number(rest, sample.group) && skip_words(rest, 18) &&
                    take_number(rest, sample.resident_pages);
  return good ? std::optional(sample) : std::nullopt;
}

std::optional<std::uint64_t> parse_pss(std::string_view text) {
  constexpr std::string_view kName = "\nPss:";
  const std::size_t at = text.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + kName.size());
  std::uint64_t kibibytes = 0;
  if (!take_number(text, kibibytes)) return std::nullopt;
  return kibibytes << 10;
}

std::vector<ProcessSample> family(std::span<const ProcessSample> all, pid_t leader) {
  std::vector<ProcessSample> members;
  std::unordered_set<pid_t> known;
  // A child may come before its parent in the list: until nobody is added.
  for (std::size_t before = 1; before != members.size();) {
    before = members.size();
    for (const ProcessSample& p : all) {
      const bool belongs = p.pid == leader || p.group == leader || known.contains(p.parent);
      if (belongs && known.insert(p.pid).second) members.push_back(p);
    }
  }
  return members;
}

}  // namespace triggerd::worker
