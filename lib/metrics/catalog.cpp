#include "metrics/catalog.hpp"

namespace triggerd::metrics {

const char* name(Type type) {
  switch (type) {
    case Type::counter: return "counter";
    case Type::gauge: return "gauge";
    case Type::histogram: break;
  }
  return "histogram";
}

std::string_view Words::next() {
  const std::size_t comma = rest_.find(',');
  const std::string_view word = rest_.substr(0, comma);
  rest_ = comma == std::string_view::npos ? std::string_view() : rest_.substr(comma + 1);
  return word;
}

}  // namespace triggerd::metrics
