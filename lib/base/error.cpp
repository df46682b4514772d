#include "base/error.hpp"

#include <system_error>

#include "base/invariant.hpp"

namespace triggerd {

Error in_context(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

void throw_exception_from_error(const Error& error, const char* file, unsigned line) {
  invariant_failed("result has a value", file, static_cast<int>(line), error.message);
}

std::string errno_text(int error_number) { return std::generic_category().message(error_number); }

}  // namespace triggerd
