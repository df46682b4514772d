#include "config/value.hpp"

#include "config/interpolate.hpp"

namespace triggerd::config {
namespace {

const char* kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::scalar: return "text";
    case Node::Kind::sequence: return "a list";
    case Node::Kind::map: return "a map";
  }
  return "";
}

bool is_number(std::string_view text) {
  return text.size() < 20 && !text.empty() && text.find_first_not_of("0123456789-") == std::string_view::npos;
}

std::string number_text(std::int64_t value) { return std::to_string(value); }
std::string number_text(std::uint64_t value) { return size_text(value); }
std::string number_text(Duration value) { return duration_text(value); }

// Reports a value outside the range.
template <typename T>
std::optional<T> within(const Value& value, const std::optional<T>& found, Range<T> range) {
  if (!found) return std::nullopt;
  if (*found >= range.least && *found <= range.most) return found;
  value.refuse(*found < range.least ? "must be at least " + number_text(range.least)
                                    : "must be at most " + number_text(range.most));
  return std::nullopt;
}

}  // namespace

std::string not_available(std::string_view what, std::string_view instead) {
  std::string message = in_quotes(what) + " is not available in this version yet";
  if (!instead.empty()) message += "; " + std::string(instead);
  return message;
}

Value::Value(const Reading& reading, NodePtr node, Mark mark, std::string path)
    : reading_(&reading), node_(std::move(node)), mark_(mark), path_(std::move(path)) {}

Position Value::position() const { return {reading_->file, mark_.line, mark_.column}; }

void Value::refuse(std::string_view problem, std::string_view suggestion) const {
  std::string got;
  if (!is_scalar())
    got = kind_name(node_->kind);
  else if (node_->text.find("${") != std::string::npos)
    got = "what " + in_quotes(node_->text) + " stands for";
  else
    got = is_number(node_->text) ? node_->text : in_quotes(node_->text);
  error(std::string(problem) + " (got " + got + ")" + std::string(suggestion));
}

std::optional<std::string> Value::text() const {
  if (node_->kind == Node::Kind::null) {
    error("has no value");
    return std::nullopt;
  }
  if (!is_scalar()) {
    refuse("must be a single value");
    return std::nullopt;
  }
  Result<Interpolated> result = interpolate(node_->text, reading_->file, *reading_->sources);
  if (!result) {
    error(result.error().message);
    return std::nullopt;
  }
  if (result->text.find('\0') != std::string::npos) {
    refuse("must not contain a NUL byte");
    return std::nullopt;
  }
  if (result->referred) findings().brought_in(path_);
  return std::move(result->text);
}

std::optional<std::string> Value::nonempty_text() const {
  auto result = text();
  if (!result || !result->empty()) return result;
  error("must not be empty");
  return std::nullopt;
}

std::string Value::relative_path(const std::string& path) const { return relative_to(reading_->file, path); }

std::optional<Error> Value::unreadable(const std::string& path) const {
  const auto content = reading_->sources->read_file(path);
  if (content) return std::nullopt;
  Error error = content.error();
  if (findings().is_brought_in(path_)) {
    const std::size_t at = error.message.find(path);
    if (at != std::string::npos) error.message.replace(at, path.size(), node_->text);
  }
  return error;
}

std::optional<std::string> Value::readable_path(bool folder_too) const {
  const auto text = nonempty_text();
  if (!text) return std::nullopt;
  std::string readable = relative_path(*text);
  const auto problem = unreadable(readable);
  if (problem && !(folder_too && problem->code == "is_directory")) error(problem->message);
  return readable;
}

template <typename T>
std::optional<T> Value::converted(Result<T> (*parse)(std::string_view)) const {
  const auto source = text();
  if (!source) return std::nullopt;
  const Result<T> result = parse(*source);
  if (result) return *result;
  refuse(result.error().message);
  return std::nullopt;
}

std::optional<bool> Value::boolean() const { return converted(parse_bool); }

std::optional<std::int64_t> Value::integer(Range<std::int64_t> range) const {
  return within(*this, converted(parse_integer), range);
}

std::optional<std::uint32_t> Value::count(Range<std::uint32_t> range) const {
  const auto found = integer({range.least, range.most});
  if (!found) return std::nullopt;
  return static_cast<std::uint32_t>(*found);
}

std::optional<Duration> Value::duration(Range<Duration> range) const {
  return within(*this, converted(parse_duration), range);
}

std::optional<std::uint64_t> Value::size(Range<std::uint64_t> range) const {
  return within(*this, converted(parse_size), range);
}

std::optional<std::size_t> Value::choose(const std::vector<std::string_view>& names,
                                         std::size_t listed) const {
  const auto word = text();
  if (!word) return std::nullopt;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (enumerator_key(names[i]) == enumerator_key(*word)) return i;
  const std::vector<std::string_view> shown(names.begin(),
                                            names.begin() + static_cast<std::ptrdiff_t>(listed));
  std::string problem = shown.size() == 1 ? "must be " : "must be one of ";
  for (const std::string_view name : shown) problem += (name == shown[0] ? "" : ", ") + std::string(name);
  // Only a word that stands in the file itself may be quoted back.
  refuse(problem, *word == node_->text ? did_you_mean(*word, shown) : "");
  return std::nullopt;
}

std::vector<Value> Value::items(std::string_view example) const {
  std::vector<Value> result;
  if (!is_list()) {
    refuse("must be a list such as " + std::string(example));
    return result;
  }
  for (std::size_t i = 0; i < node_->items.size(); ++i)
    result.emplace_back(*reading_, node_->items[i].value, node_->items[i].mark,
                        path_ + "[" + std::to_string(i) + "]");
  return result;
}

std::vector<Value> Value::items_or_self() const {
  if (is_list()) return items("");
  return {*this};
}

std::vector<std::pair<std::string, Value>> Value::entries() const {
  std::vector<std::pair<std::string, Value>> result;
  if (node_->kind == Node::Kind::null) return result;  // a key whose map is all commented out
  if (!is_map()) {
    refuse("must be a map of keys and values");
    return result;
  }
  for (const Entry& entry : node_->entries) {
    Value value(*reading_, entry.value, entry.mark, join_path(path_, entry.key));
    findings().saw(value.path(), value.position());
    result.emplace_back(entry.key, std::move(value));
  }
  return result;
}

}  // namespace triggerd::config
