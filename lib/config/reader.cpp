#include "config/reader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace triggerd::config {
namespace {

// Ends the parser from inside its events; never leaves read().
struct Stop {
  Mark mark;
  std::string path;
  std::string message;
};

constexpr const char* kUnclosed = "not valid YAML: a quote is not closed before the document ends";

Mark mark_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, const ReadLimits& limits, Findings& findings)
      : file_(file), limits_(limits), findings_(findings) {}

  NodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Stop{mark_of(mark), "", "a fleet file is one YAML document, not several"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Stop{mark_of(mark), path(), "a key must be text"};
    auto node = std::make_shared<Node>();
    remember(anchor, node);
    place(mark_of(mark), std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (expects_key()) return open_key(mark_of(mark), value);
    refuse_tag(mark_of(mark), tag);
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::scalar;
    node->text = value;
    remember(anchor, node);
    place(mark_of(mark), std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Stop{mark_of(mark), path(), "a key must be text, not an alias"};
    if (++aliases_ > limits_.aliases)
      throw Stop{mark_of(mark), path(), "more than " + std::to_string(limits_.aliases) + " aliases"};
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Stop{mark_of(mark), path(), "an alias inside what it names"};
    place(mark_of(mark), it->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::sequence, mark_of(mark), tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark_of(mark), tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A collection that is being read.
  struct Level {
    std::shared_ptr<Node> node;
    Mark mark;
    YAML::anchor_t anchor = 0;
    std::unordered_map<std::string, Mark> keys;  // of a map, for duplicates
    std::optional<Entry> entry;                  // of a map: its key has been read, its value not
    bool duplicate = false;                      // that key was there before
  };

  bool expects_key() const {
    return !levels_.empty() && levels_.back().node->kind == Node::Kind::map && !levels_.back().entry;
  }

  void open_key(Mark mark, const std::string& key) {
    Level& level = levels_.back();
    if (key == "<<")
      throw Stop{mark, path(), "merge keys (<<) are not supported; put what triggers share under defaults"};
    const auto [first, fresh] = level.keys.try_emplace(key, mark);
    if (!fresh)
      error(mark, path(),
            "duplicate key " + in_quotes(key) + ", first at " +
                to_string(Position{file_, first->second.line, first->second.column}));
    level.entry = Entry{key, mark, nullptr};
    level.duplicate = !fresh;
  }

  void open(Node::Kind kind, Mark mark, const std::string& tag, YAML::anchor_t anchor) {
    if (expects_key())
      throw Stop{mark, path(), "a key must be text, not a list or a map (or a bracket is never closed)"};
    refuse_tag(mark, tag);
    if (levels_.size() >= limits_.depth)
      throw Stop{mark, path(), "nested deeper than " + std::to_string(limits_.depth) + " levels"};
    Level level;
    level.node = std::make_shared<Node>();
    level.node->kind = kind;
    level.mark = mark;
    level.anchor = anchor;
    levels_.push_back(std::move(level));
  }

  void close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    remember(level.anchor, level.node);
    place(level.mark, std::move(level.node));
  }

  // A complete node goes where the parser stands.
  void place(Mark mark, NodePtr node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    level.node->weight += node->weight;
    // Checked at every placing, so that no weight grows past twice the limit.
    if (level.node->weight > limits_.nodes)
      throw Stop{mark, path(),
                 "more than " + std::to_string(limits_.nodes) + " values, aliases counted in full"};
    if (level.node->kind == Node::Kind::sequence) {
      level.node->items.push_back({mark, std::move(node)});
      return;
    }
    if (!level.duplicate) {
      level.entry->value = std::move(node);
      level.node->entries.push_back(std::move(*level.entry));
    }
    level.entry.reset();
  }

  void remember(YAML::anchor_t anchor, const NodePtr& node) {
    if (anchor != 0) anchors_[anchor] = node;
  }

  void refuse_tag(Mark mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;  // plain, quoted
    error(mark, path(), "tags are not supported (" + in_quotes(tag) + ")");
  }

  // Of the value being read: triggers.orders.topic[1].
  std::string path() const {
    std::string result;
    for (const Level& level : levels_) {
      if (level.node->kind == Node::Kind::sequence)
        result += "[" + std::to_string(level.node->items.size()) + "]";
      else if (level.entry)
        result = join_path(result, level.entry->key);
    }
    return result;
  }

  void error(Mark mark, std::string at, std::string message) {
    findings_.error({file_, mark.line, mark.column}, std::move(at), std::move(message));
  }

  const std::string& file_;
  const ReadLimits& limits_;
  Findings& findings_;
  NodePtr root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
  std::size_t aliases_ = 0;
  int documents_ = 0;
};

// How many bytes the UTF-8 character at the front of `text` has; 0 where it is not one (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool outside = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || outside ? 0 : length;
}

// yaml-cpp takes any bytes; a text that is not UTF-8 would come out of our messages as it went in.
std::optional<Stop> refuse_bytes(std::string_view text) {
  Mark mark{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0) return Stop{mark, "", "not UTF-8 text"};
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f)
      return Stop{mark, "", "a control character"};
    mark = byte == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + static_cast<int>(length)};
    i += length;
  }
  return std::nullopt;
}

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line && !text.empty(); ++i)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find('\n'));
}

// yaml-cpp's sentence, and what to do where it does not say so itself.
std::string syntax_message(std::string_view text, const YAML::Exception& e) {
  const std::string_view line = line_of(text, e.mark.line + 1);
  const std::size_t reference = line.find("${");
  std::string message = "not valid YAML: " + e.msg;
  if (line.starts_with('\t'))
    message += " (tabs cannot indent)";
  else if (reference != std::string_view::npos && line.find_first_of("[{") < reference)
    message += " (between { } or [ ] a ${…} must be quoted)";
  return message;
}

}  // namespace

NodePtr read(const std::string& file, const std::string& text, Findings& findings, const ReadLimits& limits) {
  const auto refuse = [&](Mark mark, std::string path, std::string message) {
    findings.error({file, mark.line, mark.column}, std::move(path), std::move(message));
    return nullptr;
  };
  if (text.size() > limits.bytes)
    return refuse({}, "", "larger than " + std::to_string(limits.bytes) + " bytes");
  if (const auto bad = refuse_bytes(text)) return refuse(bad->mark, "", bad->message);
  TreeBuilder builder(file, limits, findings);
  try {
    // Without the end mark yaml-cpp takes a quote that is never closed for a closed one.
    std::istringstream stream(text + (text.ends_with('\n') ? "...\n" : "\n...\n"));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    return refuse(stop.mark, stop.path, stop.message);
  } catch (const YAML::Exception& e) {
    if (e.msg == YAML::ErrorMsg::DOC_IN_SCALAR) return refuse(mark_of(e.mark), "", kUnclosed);
    return refuse(e.mark.is_null() ? Mark{} : mark_of(e.mark), "", syntax_message(text, e));
  }
  const NodePtr root = builder.root();
  return root && root->kind == Node::Kind::null ? nullptr : root;
}

}  // namespace triggerd::config
