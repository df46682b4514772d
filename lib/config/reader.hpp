// YAML text → a tree with exact positions. The only user of yaml-cpp. Pure.
//
// yaml-cpp's own tree keeps duplicate keys silently, gives an alias its anchor's position and lets a file of
// a few lines stand for billions of nodes (9 levels of 9 aliases). This one is built from its parser's
// events: duplicate keys are errors naming both places, every key and item keeps its own position, aliases
// share the node they name and count with all they stand for, and depth, nodes and bytes have limits. Tags,
// merge keys
// (`<<`), keys that are not text and further documents are refused. Scalars stay text; scalars.hpp converts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/diagnostic.hpp"

namespace triggerd::config {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

// 1-based.
struct Mark {
  int line = 0;
  int column = 0;
  bool operator==(const Mark&) const = default;
};

struct Entry {
  std::string key;
  Mark mark;  // of the key
  NodePtr value;
};

struct Item {
  Mark mark;
  NodePtr value;
};

struct Node {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string text;            // scalar
  std::vector<Item> items;     // sequence
  std::vector<Entry> entries;  // map; keys are unique
  std::uint64_t weight = 1;    // nodes below and including it, through aliases too
};

struct ReadLimits {
  std::size_t bytes = 4 << 20;
  std::size_t depth = 32;
  std::uint64_t nodes = 200'000;  // through aliases too
  std::size_t aliases = 1'000;
};

// nullptr: the file is empty (no error), or so broken that there is no tree (an error says why).
NodePtr read(const std::string& file, const std::string& text, Findings& findings,
             const ReadLimits& limits = {});

}  // namespace triggerd::config
