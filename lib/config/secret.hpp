// Text that must not reach a log, a page or a message: it has no way to be printed. Pure.
#pragma once

#include <string>
#include <utility>

namespace triggerd::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  // The one way out, named so that a reviewer sees each use: it goes to librdkafka or to a comparison.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

}  // namespace triggerd::config
