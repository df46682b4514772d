// Pipeline events and actions as short lines, so that a test can say a story as a list of strings and a
// failing simulation can print what happened. Plain functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "pipeline/action.hpp"
#include "pipeline/event.hpp"

namespace triggerd::test {

// "send w1: orders[0] 0-9 run 1", "commit orders[0]=10", "read", … Times in whole milliseconds since the
// clock's beginning. See pipeline_text.cpp for all of them.
std::string text(const pipeline::Event& event);
std::string text(const pipeline::Action& action);
std::vector<std::string> text(const pipeline::Actions& actions);

}  // namespace triggerd::test
