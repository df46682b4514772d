// One thing wrong with a fleet file, and where; and the collection of them. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.hpp"

namespace triggerd::config {

struct Diagnostic {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  Position position;
  std::string path;     // triggers.orders.maxBatchSize; empty for the file as a whole
  std::string message;  // must be at least 1 (got 0)
  bool operator==(const Diagnostic&) const = default;
};

// file:line:col: path: message  (with "warning: " before the message of a warning)
std::string to_string(const Diagnostic& diagnostic);
// file:line:col, without what is not known.
std::string to_string(const Position& position);

// By file, line, column, then path: the order a person mends them in. Equal ones become one.
void sort(std::vector<Diagnostic>& diagnostics);

// In double quotes, cut at 80 bytes, control characters escaped: safe to print whatever it holds.
std::string in_quotes(std::string_view text);

// `parent.key`; a key that would not be readable so is quoted.
std::string join_path(const std::string& parent, std::string_view key);

// What one load has found: where each key stood, and what was wrong with it. Rules that look at several keys
// ask it whether these were read at all, so that one mistake is reported once.
class Findings {
 public:
  // A load gives up adding errors after so many; the count goes on.
  static constexpr std::size_t kMost = 500;

  void error(Position position, std::string path, std::string message);
  void warning(Position position, std::string path, std::string message);

  void saw(const std::string& path, const Position& position) { seen_.try_emplace(path, position); }
  // Where `path` was written; nullptr where it was not.
  const Position* find(const std::string& path) const;
  // A value that came from outside the file: messages do not show it.
  void brought_in(const std::string& path) { brought_in_.insert(path); }
  bool is_brought_in(const std::string& path) const { return brought_in_.contains(path); }
  // Whether an error stands at `path` or below it.
  bool failed(const std::string& path) const;
  // Whether one stands exactly there, as an unknown key of a map does.
  bool failed_at(const std::string& path) const { return failed_.contains(path); }
  bool any_error() const { return errors_ > 0; }

  // All of them, sorted.
  std::vector<Diagnostic> take();

 private:
  void add(Diagnostic diagnostic);
  std::vector<Diagnostic> diagnostics_;
  std::size_t errors_ = 0;
  std::size_t left_out_ = 0;
  std::map<std::string, Position> seen_;
  std::set<std::string> failed_;
  std::set<std::string> brought_in_;
};

}  // namespace triggerd::config
