// The Batch frame's parser; wire/message.hpp's parse() is the way in. Pure.
#pragma once

#include "wire/message.hpp"

namespace triggerd::wire {

Result<Batch> parse_batch(const Frame& frame);

}  // namespace triggerd::wire
