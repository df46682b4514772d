#include "metrics/text.hpp"

#include <charconv>
#include <cmath>

namespace triggerd::metrics {

std::string escape_label(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char text[32];
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  const auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value))
                         : std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

void append_count(std::string& out, std::int64_t value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_head(std::string& out, const Definition& row) {
  out.append("# HELP ").append(row.name).append(" ").append(row.help);
  out.append("\n# TYPE ").append(row.name).append(" ").append(name(row.type)).append("\n");
}

}  // namespace triggerd::metrics
