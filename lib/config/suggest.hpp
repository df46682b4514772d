// "Did you mean": the word a person probably wanted. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace triggerd::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other; letters compare
// without case.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, where it is near enough (a third of its length) to be meant; else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

// `, did you mean "maxBatchSize"?`, or nothing: to be appended to a message.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace triggerd::config
