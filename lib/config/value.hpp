// One value of a fleet file with its path and place: what parse.cpp reads keys from. Pure.
//
// Each accessor gives the value, or reports what is wrong with it and gives nothing: the reader goes on, so
// that one run finds every error. A problem is reported where the key stands, or the item of a list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "config/reader.hpp"
#include "config/scalars.hpp"
#include "config/suggest.hpp"

namespace triggerd::config {

// The file that values stand in, and what the whole load shares. Outlives the values.
struct Reading {
  std::string file;
  const Sources* sources;
  Findings* findings;
};

template <typename T>
struct Range {
  T least;
  T most;
};

// A word of the file and what it means; a word without a meaning is one that later versions will have.
template <typename E>
struct Enumerator {
  std::string_view name;
  std::optional<E> value;
};

// "not available in this version yet", with what to write instead, if anything.
std::string not_available(std::string_view what, std::string_view instead = {});

class Value {
 public:
  Value(const Reading& reading, NodePtr node, Mark mark, std::string path);

  const std::string& path() const { return path_; }
  Position position() const;
  Findings& findings() const { return *reading_->findings; }
  void error(std::string message) const { findings().error(position(), path_, std::move(message)); }
  void warning(std::string message) const { findings().warning(position(), path_, std::move(message)); }
  // `problem` and what was found: `must be … (got 5)`. The text a reference brought is not shown.
  void refuse(std::string_view problem, std::string_view suggestion = {}) const;

  bool is_map() const { return node_->kind == Node::Kind::map; }
  bool is_list() const { return node_->kind == Node::Kind::sequence; }
  bool is_null() const { return node_->kind == Node::Kind::null; }
  bool is_scalar() const { return node_->kind == Node::Kind::scalar; }

  // The scalar's text, references filled in; it may be empty.
  std::optional<std::string> text() const;
  std::optional<std::string> nonempty_text() const;
  // As the file has it, references not filled in: may be shown to anyone.
  std::string written() const { return node_->text; }
  // A path as this file means it.
  std::string relative_path(const std::string& path) const;
  // The text as such a path. A file that cannot be read now will not be later: that is reported.
  std::optional<std::string> readable_path(bool folder_too = false) const;
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer(Range<std::int64_t> range) const;
  std::optional<std::uint32_t> count(Range<std::uint32_t> range) const;
  std::optional<Duration> duration(Range<Duration> range) const;
  std::optional<std::uint64_t> size(Range<std::uint64_t> range) const;
  template <typename E, std::size_t N>
  std::optional<E> one_of(const Enumerator<E> (&known)[N]) const;

  // Of a list; anything else is reported. `example` shows the form that is wanted.
  std::vector<Value> items(std::string_view example) const;
  // Of a list, or the value itself where it is a scalar.
  std::vector<Value> items_or_self() const;
  // Of a map; anything else is reported. Each key is noted in the findings as seen.
  std::vector<std::pair<std::string, Value>> entries() const;

 private:
  template <typename T>
  std::optional<T> converted(Result<T> (*parse)(std::string_view)) const;
  // Why, as the file may be told.
  std::optional<Error> unreadable(const std::string& path) const;
  // The index of the word the text is; the first `listed` are named where it is none of them.
  std::optional<std::size_t> choose(const std::vector<std::string_view>& names, std::size_t listed) const;

  const Reading* reading_;
  NodePtr node_;
  Mark mark_;
  std::string path_;
};

template <typename E, std::size_t N>
std::optional<E> Value::one_of(const Enumerator<E> (&known)[N]) const {
  std::vector<std::string_view> names;
  for (const Enumerator<E>& enumerator : known)
    if (enumerator.value) names.push_back(enumerator.name);
  const std::size_t available = names.size();
  for (const Enumerator<E>& enumerator : known)
    if (!enumerator.value) names.push_back(enumerator.name);
  const auto chosen = choose(names, available);
  if (!chosen) return std::nullopt;
  if (*chosen >= available) {
    error(not_available(names[*chosen]));
    return std::nullopt;
  }
  for (const Enumerator<E>& enumerator : known)
    if (enumerator.name == names[*chosen]) return enumerator.value;
  return std::nullopt;
}

}  // namespace triggerd::config
