// Pieces of the Prometheus text format 0.0.4. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "metrics/catalog.hpp"

namespace triggerd::metrics {

// A label's value between its quotes.
std::string escape_label(std::string_view value);
// As short as it can be read back; infinities and not-a-number as the format spells them.
void append_number(std::string& out, double value);
void append_count(std::string& out, std::int64_t value);
// The lines before a family's first.
void append_head(std::string& out, const Definition& row);

}  // namespace triggerd::metrics
