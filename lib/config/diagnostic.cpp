#include "config/diagnostic.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace triggerd::config {
namespace {

constexpr std::size_t kQuotedBytes = 80;

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (byte < 0x20 || byte == 0x7f) {
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  } else {
    out += c;
  }
}

}  // namespace

std::string to_string(const Position& position) {
  std::string text = position.file;
  if (position.line > 0) text += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  return text;
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = to_string(diagnostic.position) + ": ";
  if (!diagnostic.path.empty()) text += diagnostic.path + ": ";
  if (diagnostic.severity == Diagnostic::Severity::warning) text += "warning: ";
  return text + diagnostic.message;
}

void sort(std::vector<Diagnostic>& diagnostics) {
  const auto key = [](const Diagnostic& d) {
    return std::tie(d.position.file, d.position.line, d.position.column, d.path, d.severity, d.message);
  };
  std::sort(diagnostics.begin(), diagnostics.end(),
            [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  diagnostics.erase(std::unique(diagnostics.begin(), diagnostics.end()), diagnostics.end());
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  std::size_t end = std::min(text.size(), kQuotedBytes);
  // Not in the middle of a UTF-8 character.
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  for (const char c : text.substr(0, end)) append_escaped(result, c);
  return result + (end < text.size() ? "…\"" : "\"");
}

std::string join_path(const std::string& parent, std::string_view key) {
  const bool plain = !key.empty() && key.size() <= kQuotedBytes && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  return (parent.empty() ? "" : parent + ".") + (plain ? std::string(key) : in_quotes(key));
}

void Findings::error(Position position, std::string path, std::string message) {
  failed_.insert(path);
  ++errors_;
  add({Diagnostic::Severity::error, std::move(position), std::move(path), std::move(message)});
}

void Findings::warning(Position position, std::string path, std::string message) {
  add({Diagnostic::Severity::warning, std::move(position), std::move(path), std::move(message)});
}

void Findings::add(Diagnostic diagnostic) {
  if (diagnostics_.size() < kMost)
    diagnostics_.push_back(std::move(diagnostic));
  else
    ++left_out_;
}

const Position* Findings::find(const std::string& path) const {
  const auto it = seen_.find(path);
  return it == seen_.end() ? nullptr : &it->second;
}

bool Findings::failed(const std::string& path) const {
  if (failed_.contains(path)) return true;
  for (const char* separator : {".", "["}) {
    const auto it = failed_.lower_bound(path + separator);
    if (it != failed_.end() && it->starts_with(path + separator)) return true;
  }
  return false;
}

std::vector<Diagnostic> Findings::take() {
  sort(diagnostics_);
  if (left_out_ > 0 && !diagnostics_.empty())
    diagnostics_.push_back({any_error() ? Diagnostic::Severity::error : Diagnostic::Severity::warning,
                            {diagnostics_.back().position.file, 0, 0},
                            "",
                            "and " + std::to_string(left_out_) + " more"});
  return std::exchange(diagnostics_, {});
}

}  // namespace triggerd::config
